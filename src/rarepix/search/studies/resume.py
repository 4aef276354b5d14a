"""Studies that have ended: what is known of one, and how one that was stopped or killed is resumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rarepix import layout, records
from rarepix.config import TrialConfig, updated
from rarepix.nni_database import DatabaseError
from rarepix.records import RecordError, Status, TrialRecord
from rarepix.search.checks import dry_run, preflight
from rarepix.search.checks.tuner import ADVISOR
from rarepix.search.nni import nnictl, orphans
from rarepix.search.nni.client import Manager, ManagerUnreachable, Trial, stored_profile, stored_trials
from rarepix.search.nni.nnictl import StudyError, find_experiment
from rarepix.search.nni.trial_command import TrialCommand, command_from_params
from rarepix.search.optimizer.journal import read_state, read_summary
from rarepix.search.optimizer.study_state import StudyState
from rarepix.search.studies import study
from rarepix.search.studies.confirm import must_have_ended
from rarepix.search.studies.study import Study
from rarepix.settings import ConfigError
from rarepix.trial.changed import changes
from rarepix.trial.lifecycle import package_versions


@dataclass(frozen=True)
class EndedStudy:
    """A study that has ended, and has a journal."""

    experiment: nnictl.Experiment
    profile: dict[str, Any]
    command: TrialCommand
    folder: Path
    config: TrialConfig
    """Configuration of a trial before the search changes it."""
    first_line: dict[str, Any]
    state: StudyState

    records: tuple[TrialRecord, ...]
    """Of its complete trials; those that cannot be read do not count."""

    @property
    def local(self) -> bool:
        return self.profile["params"]["trainingService"]["platform"] == "local"

    @property
    def configurations(self) -> list[dict[str, Any]]:
        """Parameters of every configuration that is known: of those that have begun first, in their order."""
        begun = [configuration.parameters for configuration in self.state.configurations]
        ahead = [parameters for _, parameters in (*self.first_line["planned"], *self.state.added)]
        return begun + [parameters for parameters in ahead if not self.state.tried(parameters)]


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
    if nnictl.last_state(experiment.folder) == "DONE" and not extended:
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


def read_ended(experiment: nnictl.Experiment) -> EndedStudy:
    """Return the study of *experiment*.

    Raises ``StudyError`` if it runs, is not one of rarepix, or keeps no journal."""
    must_have_ended(experiment, "extended")
    try:
        profile = stored_profile(experiment.folder)
        command = command_from_params(profile["params"])
    except (DatabaseError, ConfigError) as error:
        raise StudyError(f"the study {experiment.id} cannot be extended: {error}") from error
    folder = command.study_folder(experiment.id)
    restored = read_state(folder)
    if restored is None:
        raise StudyError(_why_no_journal(profile["params"], folder))
    complete = tuple(_complete_records(folder))
    return EndedStudy(experiment, profile, command, folder, command.configuration(), *restored, complete)


def check_unchanged(ended: EndedStudy) -> None:
    """Raise ``ConfigError`` if code, recipe or data are not those of the study's newest complete trial."""
    newest = max(ended.records, key=lambda record: record.finished or "", default=None)
    if newest is None:
        return
    config = updated(ended.config, newest.parameters)
    hashes = dry_run.inventory_hashes(config, ended.command.folder, ended.command.plan) if ended.local else None
    changed = changes(
        newest, versions=package_versions(), config=config, inventory_hashes=hashes, same_machine=ended.local
    )
    if changed:
        lines = [f"the study {ended.experiment.id} must be extended as it was begun, but {line}" for line in changed]
        lines.append("go back to what it ran with, start a new study, or insist with --again")
        raise ConfigError("\n".join(lines))


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


def _why_no_journal(params: Mapping[str, Any], folder: Path) -> str:
    if (params.get("tuner") or {}).get("className") == ADVISOR:
        return (
            f"a study must have a journal to be extended ({layout.JOURNAL}), but {folder} has none: if its results are "
            f"elsewhere, set {layout.RESULTS_VARIABLE} as it was when the study was started; if they were deleted, "
            "start a new study"
        )
    return (
        f"a study must have a journal to be extended ({layout.JOURNAL}), but {folder} has none, since NNI's own "
        "tuners write none: start a new study with the OptunaAdvisor, which lists the same configurations "
        "(classArgs.configurations) on all blocks (classArgs.blocks)"
    )


def _complete_records(folder: Path) -> list[TrialRecord]:
    """Return the records of the complete trials in *folder*; those that cannot be read do not count."""
    complete = []
    for file in layout.record_files(folder):
        try:
            record = records.read(file)
        except RecordError:
            continue
        if record.status is Status.COMPLETE:
            complete.append(record)
    return complete
