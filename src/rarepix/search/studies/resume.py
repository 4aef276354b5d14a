"""Resume a study that was stopped, or whose processes were all killed."""

from collections.abc import Sequence
from functools import partial

from rarepix.nni_database import DatabaseError
from rarepix.search.checks import preflight
from rarepix.search.nni import nnictl, orphans
from rarepix.search.nni.client import Manager, ManagerUnreachable, Trial, last_state, stored_profile, stored_trials
from rarepix.search.nni.nnictl import StudyError, find_experiment
from rarepix.search.nni.trial_command import command_from_params
from rarepix.search.optimizer.journal import read_summary
from rarepix.search.studies import study
from rarepix.search.studies.study import Study
from rarepix.settings import ConfigError


def resume(name: str, port: int = study.DEFAULT_PORT) -> tuple[Study, list[str]]:
    """Resume the study with this experiment id or results folder.

    Returns the study, and a line for each orphaned process that was ended.

    Finished trials stay finished. NNI runs interrupted ones again under their own ids; each continues from its last
    checkpoint as a new attempt. Orphaned processes are ended first, since NNI would take the last report of an old
    process for one of the new trial, and the death of an old tuner for that of the new one.

    Raises ``ConfigError`` if the port is taken; ``StudyError`` if the study is unknown, still runs, or is not one of
    rarepix, or breaks again (it was then stopped); ``nnictl.NniError`` if nnictl refuses; and ``orphans.OrphanError``.
    """
    experiment = find_experiment(name)
    try:
        command = command_from_params(stored_profile(experiment.folder)["params"])
    except (DatabaseError, ConfigError) as error:
        raise StudyError(f"the study {experiment.id} cannot be resumed: {error}") from error
    if experiment.alive:
        _end_broken(experiment)
    preflight.check_port(port)
    summary = read_summary(command.study_folder(experiment.id))
    extended = summary is not None and summary.extended and summary.runs_left > 0
    if last_state(experiment.folder) == "DONE" and not extended:
        raise StudyError(
            f"the study {experiment.id} cannot be resumed: it has reached maxTrialNumber or maxExperimentDuration, so "
            "NNI would end it again at once. Start a new one; with classArgs.warm_start it begins with the best of this"
        )
    return start_again(experiment, port, extended=extended)


def start_again(experiment: nnictl.Experiment, port: int, *, extended: bool) -> tuple[Study, list[str]]:
    """Start the manager of a study that has ended; return the study, and a line for each orphaned process it ended.

    *extended*: the study has runs left that an extension has added, for which its advisor raises NNI's limits.

    Raises as ``resume`` does.
    """
    ended = study.end_orphans(experiment)
    has_begun = partial(_has_grown, len(stored_trials(experiment.folder))) if extended else _has_resumed
    nnictl.run("resume", experiment.id, "--port", str(port))
    return study.wait_until_begun(experiment.id, has_begun), ended


def _end_broken(experiment: nnictl.Experiment) -> None:
    """Stop a manager that runs but whose study is broken; raise ``StudyError`` if the study is not."""
    stop = f"`rarepix study stop {experiment.id}`"
    try:
        state, _ = Manager(experiment.port).status()
    except ManagerUnreachable as error:
        raise StudyError(f"the study {experiment.id} must have ended, but {error}: end it with {stop}") from error
    if state != "ERROR" and orphans.tuner(experiment.pid) is not None:
        raise StudyError(
            f"the study {experiment.id} must have ended, but it runs (NNI says {state}): "
            f"follow it with `rarepix study watch {experiment.id}`, or stop it with {stop}"
        )
    if state == "VIEWED":
        raise StudyError(f"the study {experiment.id} must be closed, but it is open for reading: close it with {stop}")
    nnictl.stop(experiment.id)


def _has_grown(before: int, state: str, trials: Sequence[Trial]) -> bool:
    """Whether a trial runs, there are more trials than *before*, or the search has found that none is left to run.

    Until the advisor has raised its limits, NNI reports that the study is done.
    """
    return len(trials) > before or any(trial.status == "RUNNING" for trial in trials) or state == "TUNER_NO_MORE_TRIAL"


def _has_resumed(state: str, trials: Sequence[Trial]) -> bool:
    """Whether a trial runs, or none is left to run. Until NNI is at work again it still reports its old ``RUNNING``."""
    if state in ("INITIALIZED", "RUNNING"):
        return state == "RUNNING" and any(trial.status == "RUNNING" for trial in trials)
    return True
