"""Extend a study that has ended by further blocks, or by configurations, in its own folder and NNI experiment.

What is added becomes an event of the journal, and the study is resumed. Its advisor then gives out what has no run yet,
and raises NNI's limits as far as that needs (``nni.study_context.make_room``).
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rarepix import layout, records
from rarepix.config import TrialConfig, updated
from rarepix.nni_database import DatabaseError
from rarepix.records import Block, RecordError, Status, TrialRecord
from rarepix.search.checks import dry_run, machines, preflight
from rarepix.search.nni import nnictl, orphans
from rarepix.search.nni.client import stored_profile
from rarepix.search.nni.enqueued import Enqueued, added_configurations
from rarepix.search.nni.nnictl import StudyError, find_experiment
from rarepix.search.nni.study_context import doubled_duration
from rarepix.search.nni.trial_command import TrialCommand, command_from_params
from rarepix.search.optimizer.journal import Journal, looks_since_extension, read_state, summarise
from rarepix.search.optimizer.study_state import StudyState
from rarepix.search.remote.ssh import machine_list
from rarepix.search.studies.confirm import first_fresh_seed, must_have_ended
from rarepix.search.studies.resume import start_again
from rarepix.search.studies.study import Study
from rarepix.settings import ConfigError
from rarepix.trial.changed import changes
from rarepix.trial.lifecycle import package_versions


@dataclass(frozen=True)
class Wish:
    """What a study is to be extended by."""

    blocks: int | None = None
    """Number of blocks with fresh seeds."""
    seeds: tuple[int, ...] = ()
    folds: tuple[int, ...] = ()
    """Blocks by name: seeds × folds. What is left out is the study's."""
    configurations: Path | None = None
    """A file with a list of configurations."""


@dataclass(frozen=True)
class Extension:
    """An extension of a study, checked."""

    experiment: nnictl.Experiment
    folder: Path
    """Results of the study."""
    event: dict[str, Any]
    """Of the journal; it has what is new only."""
    lines: tuple[str, ...]
    """What it does, for the terminal."""


@dataclass(frozen=True)
class _Ended:
    """A study that has ended, and has a journal."""

    experiment: nnictl.Experiment
    profile: dict[str, Any]
    command: TrialCommand
    folder: Path
    config: TrialConfig
    """Configuration of a trial before the search changes it."""
    first_line: dict[str, Any]
    state: StudyState

    @property
    def local(self) -> bool:
        return self.profile["params"]["trainingService"]["platform"] == "local"

    @property
    def configurations(self) -> list[dict[str, Any]]:
        """Parameters of every configuration that is known: of those that have begun first, in their order."""
        begun = [configuration.parameters for configuration in self.state.configurations]
        ahead = [parameters for _, parameters in (*self.first_line["planned"], *self.state.added)]
        return begun + [parameters for parameters in ahead if not self.state.tried(parameters)]


def prepare(name: str, wish: Wish, *, again: bool = False) -> Extension:
    """Return the extension of the study *name* (experiment id or results folder), after checking it.

    *again*: extend it although code, recipe or data have changed.

    Raises ``StudyError`` if the study is unknown, runs, or keeps no journal; ``ConfigError`` if it cannot have what is
    wished for, or code, recipe or data have changed.
    """
    ended = _read(find_experiment(name))
    summary = summarise(ended.first_line, ended.state)
    left = summary.runs_left if summary.extended else 0
    advice = f": continue it with `rarepix study resume {ended.experiment.id}`" if left else ""
    if left and wish.blocks:
        raise ConfigError(
            f"the study {ended.experiment.id} must have finished its last extension before it gets fresh seeds, but "
            f"{left} of its runs are left{advice}, or name the seeds that it is to get (--seed)"
        )
    named, known = _blocks(ended, wish), set(ended.state.blocks)
    blocks = tuple(block for block in named if block not in known)
    if named and not blocks:
        raise ConfigError(f"{_words(named)} must be new, but all of it is already in the study{advice}")
    configurations: tuple[Enqueued, ...] = ()
    if wish.configurations:
        known_ones = ended.configurations
        configurations = tuple(added_configurations(ended.first_line, known_ones, ended.config, wish.configurations))
    if not blocks and not configurations:
        raise ConfigError("an extension must add blocks (--blocks, --seed, --fold) or --configurations, but adds none")
    event = _event(ended.folder, blocks, configurations)
    extended = deepcopy(ended.state)
    extended.apply(event)
    trials = summarise(ended.first_line, extended).runs_left
    if not trials:
        raise ConfigError(
            f"a configuration must be complete to get further blocks, but none of the study {ended.experiment.id} is"
        )
    if not again:
        _check_unchanged(ended)
    _check_runs(ended, blocks, configurations)
    lines = [f"{_words([block])} is already in the study" for block in named if block in known]
    lines += _lines(ended, event, trials)
    return Extension(ended.experiment, ended.folder, event, tuple(lines))


def start(extension: Extension, port: int) -> tuple[Study, list[str]]:
    """Write *extension* to the journal of its study and resume it; return what ``resume`` returns.

    Raises ``ConfigError`` if the port is taken (nothing was extended); ``StudyError`` if the study is extended but
    could not be resumed, which a resume then makes up for.
    """
    experiment = extension.experiment
    if experiment.alive:
        nnictl.stop(experiment.id)  # it has ended, only its web UI is open
    preflight.check_port(port)
    journal = Journal(extension.folder / layout.JOURNAL)
    journal.cut_half_line()
    journal.write(extension.event)
    try:
        return start_again(experiment, port, extended=True)
    except (nnictl.NniError, StudyError, orphans.OrphanError) as error:
        raise StudyError(
            f"the study {experiment.id} is extended, but could not be resumed: {error}: continue it with "
            f"`rarepix study resume {experiment.id}`"
        ) from error


def _read(experiment: nnictl.Experiment) -> _Ended:
    """Raises ``StudyError`` if the study runs, is not one of rarepix, or keeps no journal."""
    must_have_ended(experiment, "extended")
    try:
        profile = stored_profile(experiment.folder)
        command = command_from_params(profile["params"])
    except (DatabaseError, ConfigError) as error:
        raise StudyError(f"the study {experiment.id} cannot be extended: {error}") from error
    folder = command.study_folder(experiment.id)
    restored = read_state(folder)
    if restored is None:
        raise StudyError(
            f"a study must have a journal to be extended ({layout.JOURNAL}), but {folder} has none, since NNI's own "
            "tuners write none: start a new study with the OptunaAdvisor, which lists the same configurations "
            "(classArgs.configurations) on all blocks (classArgs.blocks)"
        )
    return _Ended(experiment, profile, command, folder, command.configuration(), *restored)


def _blocks(ended: _Ended, wish: Wish) -> list[Block]:
    """Return the blocks that are wished for, folds varying fastest."""
    if wish.blocks and (wish.seeds or wish.folds):
        raise ConfigError("blocks must be given by number (--blocks) or by name (--seed, --fold), not both")
    seeds = list(dict.fromkeys(block.seed for block in ended.state.blocks))
    folds = list(dict.fromkeys(block.fold for block in ended.state.blocks))
    if wish.blocks:
        if wish.blocks % len(folds):
            raise ConfigError(
                f"--blocks must be a multiple of the study's {len(folds)} folds, which run with each seed, but got "
                f"{wish.blocks}: give {len(folds) * (wish.blocks // len(folds) + 1)}"
            )
        first = first_fresh_seed(ended.folder)
        seeds = list(range(first, first + wish.blocks // len(folds)))
    elif not wish.seeds and not wish.folds:
        return []
    there = 1 if ended.config.data.split == "listed" else ended.config.data.folds
    for fold in wish.folds:
        if not 0 <= fold < there:
            numbers = ", ".join(map(str, range(there)))
            raise ConfigError(f"unknown block: --fold must be a fold of the recipe's split ({numbers}), but got {fold}")
    named = [Block(seed=seed, fold=fold) for seed in wish.seeds or seeds for fold in wish.folds or folds]
    return list(dict.fromkeys(named))


def _check_unchanged(ended: _Ended) -> None:
    """Raise ``ConfigError`` if code, recipe or data are not those of the study's newest complete trial."""
    newest = max(_complete_records(ended.folder), key=lambda record: record.finished or "", default=None)
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


def _check_runs(ended: _Ended, blocks: Sequence[Block], configurations: Sequence[Enqueued]) -> None:
    """Raise ``ConfigError`` with what new trials would end with: of each new configuration, and of each new block."""
    default = ended.configurations[0]
    points = [parameters for _, parameters in configurations]
    points += [default | {"seed": block.seed, "data.fold": block.fold} for block in blocks]
    configs, plan = [updated(ended.config, point) for point in points], ended.command.plan
    if ended.local:
        with dry_run.DryRun(ended.command.folder) as local_dry_run:
            problems = local_dry_run.problems(configs, plan)
    else:
        service = ended.profile["params"]["trainingService"]
        problems = machines.dry_run_on(machine_list(service.get("machineList"), Path()), configs, plan)
    problems += preflight.disk_problems({"results": ended.folder, "NNI's records": ended.experiment.folder})
    if problems:
        raise ConfigError("\n".join(problems))


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


def _event(folder: Path, blocks: Sequence[Block], configurations: Sequence[Enqueued]) -> dict[str, Any]:
    return {
        "event": "extend",
        "blocks": [block.model_dump() for block in blocks],
        "configurations": [[origin, parameters] for origin, parameters in configurations],
        "at": datetime.now(UTC).isoformat(),
        "looked": len(looks_since_extension(folder)),
        "complete": [record.trial for record in _complete_records(folder)],
    }


def _lines(ended: _Ended, event: dict[str, Any], trials: int) -> list[str]:
    """Return what the extension *event*, after which so many *trials* are to run, does, for the terminal."""
    before, looked, count = len(ended.state.blocks), event["looked"], len(event["configurations"])
    added = [_words([Block(**block) for block in event["blocks"]])] if event["blocks"] else []
    added += [f"{count} configuration{'s' if count > 1 else ''}"] if count else []
    lines = [f"study {ended.experiment.id} gets {' and '.join(added)}: {trials} trials are to run"]
    if looked:
        times = "once" if looked == 1 else f"{looked} times"
        lines.append(f"it was looked at {times} at {before} blocks: the report's tests account for it")
    if event["blocks"] and ended.first_line["settings"].get("race") is not None:
        lines.append("its race drops no configuration in the added blocks: all of its alpha is spent")
    if doubled := doubled_duration(ended.profile):
        lines.append(f"its maxExperimentDuration is used up and is doubled, to {doubled} s")
    if not ended.local:
        lines.append("its data are on other machines: whether they have changed is not checked")
    return lines


def _words(blocks: Sequence[Block]) -> str:
    names = ", ".join(f"seed {block.seed} fold {block.fold}" for block in blocks)
    return f"block {names}" if len(blocks) == 1 else f"{len(blocks)} blocks ({names})"
