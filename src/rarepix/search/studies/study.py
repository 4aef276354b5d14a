"""A study from its start to its stop. NNI does the work; this says what happened."""

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rarepix.choices import nearest
from rarepix.search.checks import preflight
from rarepix.search.nni import nnictl
from rarepix.search.nni.client import Manager, ManagerUnreachable, Trial
from rarepix.search.nni.trial_command import TrialCommand, parse
from rarepix.search.optimizer.settings import in_seconds
from rarepix.search.remote.orphans import end_orphans
from rarepix.settings import ConfigError

DEFAULT_PORT = 8080
FIRST_SECONDS = 120.0
"""How long ``start`` waits for the first trial; on other machines one begins after a dozen commands over SSH."""


class StudyError(RuntimeError):
    """A study that broke, or that is not there; the message says where to look."""


@dataclass(frozen=True)
class Study:
    """A study that was started on this machine."""

    id: str
    """NNI's id of the experiment."""
    port: int
    """0: its manager has ended."""
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
    concurrency: int = 1
    """How many trials may run at once."""

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
    return await_begin(nnictl.create(plan.file, port), lambda status, trials: bool(trials))


def await_begin(experiment: str, begun: Callable[[str, Sequence[Trial]], bool]) -> Study:
    """Return the study when it has *begun*, which is told its state and its trials.

    Raises:
        StudyError: it breaks before, or does not begin in ``FIRST_SECONDS``; it was stopped again.
    """
    try:
        study = find(experiment)
        _await(study, begun)
    except BaseException:
        stop(experiment)
        raise
    return study


def find(name: str | None = None) -> Study:
    """Return the running study of this experiment id or results folder; without *name* the only one that runs.

    Raises:
        StudyError: it is unknown or has ended, or without *name* there is none or more than one.
    """
    if name is None:
        running = [experiment for experiment in nnictl.list_experiments().values() if experiment.alive]
        if len(running) != 1:
            ids = ", ".join(experiment.id for experiment in running) or "none"
            raise StudyError(f"exactly one study must run, or its id be given, but {len(running)} run: {ids}")
        return _of(running[0])
    wanted = find_experiment(name)
    if not wanted.alive:
        raise StudyError(
            f"the study {wanted.id} has ended: look at it with `{view_command(wanted.id)}`, "
            f"go on with it with `rarepix study resume {wanted.id}`"
        )
    return _of(wanted)


def stop(experiment: str) -> list[str]:
    """Stop a study: its trials, its tuner and its web UI; of one whose manager was killed, what that left running.

    Returns what NNI itself did not end, a line for each process.

    Raises:
        nnictl.NniError: nnictl refuses.
        leftovers.LeftoverError: a process cannot be ended.
    """
    wanted = find_experiment(experiment)
    if wanted.alive:
        nnictl.stop(experiment)
    return end_orphans(wanted)


def view(name: str, port: int = DEFAULT_PORT) -> str:
    """Open the web UI of a study that has ended, for reading, and return its address.

    Raises:
        ConfigError: the port is taken.
        StudyError: the study is unknown or still runs.
    """
    wanted = find_experiment(name)
    if wanted.alive:
        raise StudyError(f"the study {wanted.id} still runs: its web UI is at {Manager(wanted.port).url}")
    preflight.check_port(port)
    nnictl.view(wanted.id, port)
    return Manager(port).url


def view_command(experiment: str) -> str:
    """Return the command that opens the web UI of a study that has ended."""
    return f"rarepix study view {experiment}"


def find_experiment(name: str) -> nnictl.Experiment:
    """Return the experiment of this id or results folder, whether it runs or not. Raises ``StudyError`` if unknown."""
    everything = nnictl.list_experiments()
    wanted = everything.get(Path(name).name.rpartition("-")[2])
    if wanted is None:
        ids = ", ".join(everything) or "none"
        raise StudyError(f"unknown study {name!r}: {nearest(name, everything)}NNI knows {ids}")
    return wanted


def trial_command(params: dict[str, Any]) -> TrialCommand:
    """Return the trial command in an experiment's configuration as NNI keeps it.

    Raises:
        ConfigError: it does not run trials of rarepix.
    """
    service = params.get("trainingService")
    if not isinstance(service, dict) or "trialCommand" not in service:
        raise ConfigError("its configuration has no trainingService with a trialCommand")
    return parse(service["trialCommand"], Path(service["trialCodeDirectory"]))


def _of(experiment: nnictl.Experiment) -> Study:
    """Ask a running manager for its own configuration, which is what counts, whoever started it."""
    manager = Manager(experiment.port)
    try:
        profile = manager.profile()
    except ManagerUnreachable as error:
        logs = experiment.folder / "log"
        raise StudyError(f"the study {experiment.id} runs, but {error}. Its logs are in {logs}") from error
    if profile["id"] != experiment.id:
        other = profile["id"]
        raise StudyError(f"port {experiment.port} must be that of study {experiment.id}, but {other} answers there")
    return of_profile(experiment, profile["params"])


def of_profile(experiment: nnictl.Experiment, params: dict[str, Any]) -> Study:
    """Return the study of an experiment with the configuration *params*, as NNI keeps it.

    Raises:
        StudyError: it does not run trials of rarepix.
    """
    try:
        command = trial_command(params)
    except ConfigError as error:
        raise StudyError(f"the study {experiment.id} does not run trials of rarepix: {error}") from error
    return Study(
        id=experiment.id,
        port=experiment.port or 0,
        folder=command.study_folder(experiment.id),
        logs=experiment.folder / "log",
        code=command.folder,
        trials=params.get("maxTrialNumber"),
        trial_seconds=in_seconds(params["maxTrialDuration"]) if "maxTrialDuration" in params else math.inf,
        concurrency=params["trialConcurrency"],
    )


def _await(study: Study, begun: Callable[[str, Sequence[Trial]], bool]) -> None:
    deadline = time.monotonic() + FIRST_SECONDS
    status = "?"
    while time.monotonic() < deadline:
        try:
            status, errors = study.manager.status()
            if status == "ERROR":
                raise StudyError(f"the study broke at once: {why(study, errors)}. Its logs are in {study.logs}")
            if begun(status, study.manager.trials()):
                return
        except ManagerUnreachable as error:
            if not nnictl.list_experiments()[study.id].alive:
                raise StudyError(f"NNI's manager ended at once ({error}). Its logs are in {study.logs}") from error
        time.sleep(0.5)
    raise StudyError(f"no trial started within {FIRST_SECONDS:.0f} s (NNI says {status}). Its logs are in {study.logs}")


def why(study: Study, errors: list[str]) -> str:
    """Return the reason of a break: the last exception of this run's dispatcher, if any, else what NNI says."""
    try:
        lines = (study.logs / "dispatcher.log").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return _last_raised(lines, since=int(nnictl.list_experiments()[study.id].started)) or "; ".join(errors).rstrip(".")


def _last_raised(lines: Sequence[str], since: float) -> str:
    """Return the last exception in the log of a dispatcher, of what it wrote *since* then (seconds since 1970)."""
    when, raised, inside = math.inf, [], False
    for line in lines:
        stamp = re.match(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\]", line)
        if stamp:
            when = datetime.strptime(stamp[1], "%Y-%m-%d %H:%M:%S").astimezone().timestamp()
        if when >= since and line.startswith("Traceback "):
            raised, inside = [], True
        elif stamp or not line.strip():
            inside = False
        elif inside and not line.startswith(" "):
            raised.append(line)
    return "; ".join(raised)
