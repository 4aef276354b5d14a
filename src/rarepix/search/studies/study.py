"""The life of one study: start it, find it, stop it, look at it. NNI does the work; this reports what happened."""

import math
import shlex
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarepix.nni_database import DatabaseError
from rarepix.search.checks import preflight
from rarepix.search.nni import nnictl, orphans
from rarepix.search.nni.client import Manager, ManagerUnreachable, Trial, stored_profile
from rarepix.search.nni.nnictl import StudyError, find_experiment
from rarepix.search.nni.trial_command import command_from_params
from rarepix.search.optimizer.settings import in_seconds
from rarepix.search.remote import ssh
from rarepix.settings import ConfigError

DEFAULT_PORT = 8080
FIRST_SECONDS = 120.0
"""How long ``start`` waits for the first trial; on another machine a trial begins after a dozen commands over SSH."""
SECONDS_TO_END = orphans.SECONDS_TO_CLOSE + 4 * orphans.SECONDS_TO_DIE
"""How long another machine may take to end its orphaned processes."""


@dataclass(frozen=True)
class Study:
    """A study that was started on this machine."""

    id: str
    port: int
    """Port of its manager; 0: the manager has ended."""
    folder: Path
    """Folder of results, in which its trials write their records."""
    logs: Path
    code: Path
    """Folder in which its trials run."""
    trials: int | None
    """Number of trials at most (None: no limit was set)."""
    trial_seconds: float
    """Maximum duration of a trial."""
    concurrency: int = 1
    """Number of trials that may run at the same time."""

    @property
    def manager(self) -> Manager:
        """NNI's server of this study."""
        return Manager(self.port)

    @property
    def url(self) -> str:
        """Address of the web UI."""
        return self.manager.url


def start(config_file: str | Path, port: int = DEFAULT_PORT) -> Study:
    """Check a study, start it, and wait until its first trial exists.

    Raises ``ConfigError`` if it cannot be run (nothing was started), ``StudyError`` if it breaks in its first seconds
    (it was stopped again), and ``nnictl.NniError`` if nnictl refuses.
    """
    checked = preflight.check(config_file, port)
    return wait_until_begun(nnictl.create(checked.file, port), lambda status, trials: bool(trials))


def wait_until_begun(experiment: str, has_begun: Callable[[str, Sequence[Trial]], bool]) -> Study:
    """Return the study of an experiment as soon as *has_begun*, called with NNI's status and the trials, is true.

    Raises ``StudyError`` if it breaks first, or does not begin within ``FIRST_SECONDS``; it was stopped again.
    """
    try:
        study = find(experiment)
        _wait(study, has_begun)
        return study
    except BaseException:
        stop(experiment)
        raise


def find(name: str | None = None) -> Study:
    """Return the running study with this experiment id or results folder; without *name* the only one that runs.

    Raises ``StudyError`` if it is unknown or has ended; or, without *name*, if not exactly one study is running.
    """
    if name is None:
        running = [experiment for experiment in nnictl.list_experiments().values() if experiment.alive]
        if len(running) != 1:
            ids = ", ".join(experiment.id for experiment in running) or "none"
            raise StudyError(
                f"exactly one study must be running, or its id must be given, but {len(running)} are running: {ids}"
            )
        return _from_manager(running[0])
    experiment = find_experiment(name)
    if not experiment.alive:
        raise StudyError(
            f"the study {experiment.id} has ended: look at it with `{view_command(experiment.id)}`, "
            f"or continue it with `rarepix study resume {experiment.id}`"
        )
    return _from_manager(experiment)


def stop(name: str) -> list[str]:
    """Stop the study with this experiment id: its manager, its trials and its tuner, also if the manager was killed.

    Returns a line for each orphaned process, which is one that NNI itself did not end.

    Raises ``nnictl.NniError`` if nnictl refuses, ``orphans.OrphanError`` if a process cannot be ended.
    """
    experiment = find_experiment(name)
    if experiment.alive:
        nnictl.stop(name)
    return end_orphans(experiment)


def view(name: str, port: int = DEFAULT_PORT) -> str:
    """Open the web UI of a study that has ended, read-only, and return its address.

    Raises ``ConfigError`` if the port is taken, ``StudyError`` if the study is unknown or still runs.
    """
    experiment = find_experiment(name)
    if experiment.alive:
        raise StudyError(f"the study {experiment.id} still runs: its web UI is at {Manager(experiment.port).url}")
    preflight.check_port(port)
    nnictl.run("view", experiment.id, "--port", str(port))
    return Manager(port).url


def view_command(experiment: str) -> str:
    """Return the command that opens the web UI of a study that has ended."""
    return f"rarepix study view {experiment}"


def from_params(experiment: nnictl.Experiment, params: dict[str, Any]) -> Study:
    """Return the study of an experiment with the configuration *params*, as NNI keeps it.

    Raises ``StudyError`` if it does not run trials of rarepix.
    """
    try:
        command = command_from_params(params)
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


def break_reason(study: Study, errors: list[str]) -> str:
    """Return why a study broke: the last exception of its tuner since it was started, else NNI's own *errors*."""
    started = int(nnictl.list_experiments()[study.id].started)
    return nnictl.dispatcher_error(study.logs, since=started) or "; ".join(errors).rstrip(".")


def end_orphans(experiment: nnictl.Experiment) -> list[str]:
    """End the processes of an experiment whose manager is gone, here and on its other machines.

    Returns a line for each process, and one for each machine that could not be reached. NNI's remote runners end
    themselves and their trials when they have lost their manager.

    Raises ``orphans.OrphanError`` if a process cannot be ended.
    """
    lines = [f"ended orphaned {process}" for process in orphans.end(experiment.id)]
    machines = _machines(experiment)
    if not machines:
        return lines
    with ThreadPoolExecutor(len(machines)) as pool:
        remote = pool.map(lambda machine: _end_orphans_on(machine, experiment.id), machines)
        return lines + [line for lines_of_machine in remote for line in lines_of_machine]


def _machines(experiment: nnictl.Experiment) -> tuple[ssh.Machine, ...]:
    try:
        service = stored_profile(experiment.folder)["params"]["trainingService"]
        return ssh.machine_list(service.get("machineList"), Path()) if service.get("platform") == "remote" else ()
    except (DatabaseError, ConfigError, KeyError, AttributeError):
        return ()  # it never started a trial, or was not started through rarepix


def _end_orphans_on(machine: ssh.Machine, experiment: str) -> list[str]:
    """Run ``nni/orphans.py`` on *machine*: it is sent, as rarepix may not be installed there; psutil comes with nni."""
    command = f"{shlex.quote(machine.python)} - {shlex.quote(experiment)}"
    try:
        done = ssh.run(machine, command, seconds=SECONDS_TO_END, stdin=Path(orphans.__file__).read_bytes())
    except ssh.SshError as error:
        return [f"orphaned processes were not searched for: {error}"]
    if done.returncode:
        raise orphans.OrphanError(
            f"{machine.name}: orphaned processes of the study must be ended, but: {nnictl.last_line(done.stderr)}"
        )
    return [f"{machine.name}: ended orphaned {line}" for line in done.stdout.decode(errors="replace").splitlines()]


def _from_manager(experiment: nnictl.Experiment) -> Study:
    """Ask a running manager for its configuration: that is the one in force, whoever started the study."""
    manager = Manager(experiment.port)
    try:
        profile = manager.profile()
    except ManagerUnreachable as error:
        logs = experiment.folder / "log"
        raise StudyError(f"the study {experiment.id} runs, but {error}. Its logs are in {logs}") from error
    if (other := profile["id"]) != experiment.id:
        raise StudyError(f"port {experiment.port} must be that of study {experiment.id}, but {other} answers there")
    return from_params(experiment, profile["params"])


def _wait(study: Study, has_begun: Callable[[str, Sequence[Trial]], bool]) -> None:
    deadline = time.monotonic() + FIRST_SECONDS
    status = "?"
    while time.monotonic() < deadline:
        try:
            status, errors = study.manager.status()
            if status == "ERROR":
                raise StudyError(
                    f"the study broke at once: {break_reason(study, errors)}. Its logs are in {study.logs}"
                )
            if has_begun(status, study.manager.trials()):
                return
        except ManagerUnreachable as error:
            if not nnictl.list_experiments()[study.id].alive:
                raise StudyError(f"NNI's manager ended at once ({error}). Its logs are in {study.logs}") from error
        time.sleep(0.5)
    raise StudyError(f"no trial started within {FIRST_SECONDS:.0f} s (NNI says {status}). Its logs are in {study.logs}")
