"""Go on with a study that was stopped, or that was killed with everything it had."""

from collections.abc import Sequence

from rarepix.search import archive, leftovers, nnictl, preflight, study
from rarepix.search.ending import end_leftovers
from rarepix.search.rest import Manager, ManagerGone, Trial
from rarepix.search.study import Study, StudyError
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
    experiment = study.known(name)
    _must_be_rarepix(experiment)
    if experiment.alive:
        _end_broken(experiment)
    preflight.check_port(port)
    if archive.last_state(experiment.folder) == "DONE":
        raise StudyError(
            f"the study {experiment.id} cannot be gone on with: it has reached maxTrialNumber or "
            "maxExperimentDuration, and NNI would end it again at once. Start a new one; classArgs.earlier begins it "
            "with this one's best"
        )
    ended = end_leftovers(experiment)
    nnictl.resume(experiment.id, port)
    return study.await_begin(experiment.id, _goes_on), ended


def _must_be_rarepix(experiment: nnictl.Listed) -> None:
    try:
        study.trial_command(archive.profile(experiment.folder)["params"])
    except (archive.ArchiveError, ConfigError) as error:
        raise StudyError(f"the study {experiment.id} cannot be gone on with: {error}") from error


def _end_broken(experiment: nnictl.Listed) -> None:
    """Stop a manager that is there but cannot go on; raise ``StudyError`` if it can."""
    stop = f"`rarepix study stop {experiment.id}`"
    try:
        state, _ = Manager(experiment.port).status()
    except ManagerGone as error:
        raise StudyError(f"the study {experiment.id} must have ended, but {error}: end it with {stop}") from error
    if state != "ERROR" and leftovers.tuner(experiment.pid) is not None:
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
