"""A study from its start to its stop. NNI does the work; this says what happened."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarepix.choices import nearest
from rarepix.search import nnictl, preflight
from rarepix.search.command import parse
from rarepix.search.rest import Manager, ManagerGone
from rarepix.search.study_file import in_seconds
from rarepix.settings import ConfigError

DEFAULT_PORT = 8080
FIRST_SECONDS = 30.0
"""How long ``start`` waits for the first trial. (NNI gives its tuner ten seconds to appear.)"""


class StudyError(RuntimeError):
    """A study that broke, or that is not there; the message says where to look."""


@dataclass(frozen=True)
class Study:
    """A study that was started on this machine."""

    id: str
    """NNI's id of the experiment."""
    port: int
    folder: Path
    """Where its trials leave their records."""
    logs: Path
    """NNI's logs of it."""
    code: Path
    """Where its trials run."""
    trials: int | None
    """How many trials it is to have (None: no end was set)."""
    trial_seconds: float
    """How long a trial may run."""

    @property
    def manager(self) -> Manager:
        """NNI's server of this study."""
        return Manager(self.port)

    @property
    def url(self) -> str:
        """Address of the web UI."""
        return self.manager.url


def start(config_file: str | Path, port: int = DEFAULT_PORT) -> Study:
    """Check a study, start it, and wait until its first trial runs.

    Raises:
        ConfigError: it cannot be run; nothing was started.
        StudyError: it broke in its first seconds; it was stopped again.
        nnictl.NniError: nnictl refused.
    """
    plan = preflight.check(config_file, port)
    experiment = nnictl.create(plan.file, port)
    try:
        study = find(experiment)
        _await_first_trial(study)
    except BaseException:
        nnictl.stop(experiment)
        raise
    return study


def find(name: str | None = None) -> Study:
    """Return the running study of this experiment id or results folder; without *name* the only one that runs.

    Raises:
        StudyError: it is unknown or has ended, or without *name* there is none or more than one.
    """
    if name is None:
        running = [experiment for experiment in nnictl.listed().values() if experiment.alive]
        if len(running) != 1:
            ids = ", ".join(experiment.id for experiment in running) or "none"
            raise StudyError(f"exactly one study must run, or its id be given, but {len(running)} run: {ids}")
        return _of(running[0])
    wanted = _known(name)
    if not wanted.alive:
        raise StudyError(f"the study {wanted.id} has ended: look at it with `{view_command(wanted.id)}`")
    return _of(wanted)


def stop(study: Study) -> None:
    """Stop a study: its running trials and its web UI. Raises ``nnictl.NniError`` if nnictl cannot."""
    nnictl.stop(study.id)


def view(name: str, port: int = DEFAULT_PORT) -> str:
    """Open the web UI of a study that has ended, for reading, and return its address.

    Raises:
        ConfigError: the port is taken.
        StudyError: the study is unknown or still runs.
    """
    wanted = _known(name)
    if wanted.alive:
        raise StudyError(f"the study {wanted.id} still runs: its web UI is at {Manager(wanted.port).url}")
    preflight.check_port(port)
    nnictl.view(wanted.id, port)
    return Manager(port).url


def view_command(experiment: str) -> str:
    """Return the command that opens the web UI of a study that has ended."""
    return f"rarepix study view {experiment}"


def _known(name: str) -> nnictl.Listed:
    """Return the experiment of this id or results folder, whether it runs or not."""
    known = nnictl.listed()
    wanted = known.get(Path(name).name.rpartition("-")[2])
    if wanted is None:
        raise StudyError(f"unknown study {name!r}: {nearest(name, known)}NNI knows {', '.join(known) or 'none'}")
    return wanted


def _of(experiment: nnictl.Listed) -> Study:
    """Ask a running manager for its own configuration, which is what counts, whoever started it."""
    manager = Manager(experiment.port)
    try:
        profile = manager.profile()
    except ManagerGone as error:
        logs = experiment.folder / "log"
        raise StudyError(f"the study {experiment.id} runs, but {error}. Its logs are in {logs}") from error
    if profile["id"] != experiment.id:
        other = profile["id"]
        raise StudyError(f"port {experiment.port} must be that of study {experiment.id}, but {other} answers there")
    params: dict[str, Any] = profile["params"]
    service = params["trainingService"]
    try:
        command = parse(service["trialCommand"], Path(service["trialCodeDirectory"]))
    except ConfigError as error:
        raise StudyError(f"the study {experiment.id} does not run trials of rarepix: {error}") from error
    return Study(
        id=experiment.id,
        port=experiment.port,
        folder=command.study_folder(experiment.id),
        logs=experiment.folder / "log",
        code=command.folder,
        trials=params.get("maxTrialNumber"),
        trial_seconds=in_seconds(params["maxTrialDuration"]) if "maxTrialDuration" in params else math.inf,
    )


def _await_first_trial(study: Study) -> None:
    """Return when the first trial has started; raise ``StudyError`` if something breaks before."""
    deadline = time.monotonic() + FIRST_SECONDS
    status = "?"
    while time.monotonic() < deadline:
        try:
            status, errors = study.manager.status()
            if status == "ERROR":
                raise StudyError(f"the study broke at once: {why(study, errors)}. Its logs are in {study.logs}")
            if study.manager.trials():
                return
        except ManagerGone as error:
            if not nnictl.listed()[study.id].alive:
                raise StudyError(f"NNI's manager ended at once ({error}). Its logs are in {study.logs}") from error
        time.sleep(0.5)
    raise StudyError(f"no trial started within {FIRST_SECONDS:.0f} s (NNI says {status}). Its logs are in {study.logs}")


def why(study: Study, errors: list[str]) -> str:
    """Return the reason of a break: the dispatcher's last exception where there is one, else what NNI says."""
    try:
        lines = (study.logs / "dispatcher.log").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    raised = [line for line in lines if line[:1].isalpha() and "Error" in line.partition(":")[0]]
    return raised[-1] if raised else "; ".join(errors).rstrip(".")
