"""Go on with a study that was stopped, or that was killed with everything it had."""

from collections.abc import Sequence

from rarepix.search.checks import preflight
from rarepix.search.nni import database, nnictl, orphans
from rarepix.search.nni.client import Manager, ManagerUnreachable, Trial
from rarepix.search.remote.orphans import end_orphans
from rarepix.search.studies import study
from rarepix.search.studies.study import Study, StudyError
from rarepix.settings import ConfigError


def resume(name: str, port: int = study.DEFAULT_PORT) -> tuple[Study, list[str]]:
    """Go on with the study of this experiment id or results folder; return it, and what of it was still running.

    Finished trials stay finished. Interrupted ones are run again by NNI under their own ids and go on from their
    checkpoints, each as a new attempt. What the study had left running is ended before, since NNI would take the last
    words of an old process for those of a new one, and a tuner's death for that of its successor.

    Raises:
        ConfigError: the port is taken.
        StudyError: the study is unknown, still runs, or is none of rarepix; or it broke again and was stopped.
        nnictl.NniError: nnictl refuses.
        leftovers.LeftoverError: a process of the study cannot be ended.
    """
    experiment = study.find_experiment(name)
    _must_be_rarepix(experiment)
    if experiment.alive:
        _end_broken(experiment)
    preflight.check_port(port)
    if database.last_state(experiment.folder) == "DONE":
        raise StudyError(
            f"the study {experiment.id} cannot be gone on with: it has reached maxTrialNumber or "
            "maxExperimentDuration, and NNI would end it again at once. Start a new one; classArgs.warm_start begins "
            "it with this one's best"
        )
    ended = end_orphans(experiment)
    nnictl.resume(experiment.id, port)
    return study.await_begin(experiment.id, _goes_on), ended


def _must_be_rarepix(experiment: nnictl.Experiment) -> None:
    try:
        study.trial_command(database.profile(experiment.folder)["params"])
    except (database.DatabaseError, ConfigError) as error:
        raise StudyError(f"the study {experiment.id} cannot be gone on with: {error}") from error


def _end_broken(experiment: nnictl.Experiment) -> None:
    """Stop a manager that is there but cannot go on; raise ``StudyError`` if it can."""
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


def _goes_on(state: str, trials: Sequence[Trial]) -> bool:
    """Whether a trial runs, or none is left to run. NNI's old states say ``RUNNING`` until it is at work itself."""
    if state in ("INITIALIZED", "RUNNING"):
        return state == "RUNNING" and any(trial.status == "RUNNING" for trial in trials)
    return True
