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

from rarepix import layout
from rarepix.config import updated
from rarepix.records import Block
from rarepix.search.checks import dry_run, machines, preflight
from rarepix.search.nni import nnictl, orphans
from rarepix.search.nni.enqueued import Enqueued, added_configurations
from rarepix.search.nni.nnictl import StudyError, find_experiment
from rarepix.search.nni.study_context import doubled_duration
from rarepix.search.optimizer.journal import Journal, looks_since_extension, summarise
from rarepix.search.remote.ssh import machine_list
from rarepix.search.studies.confirm import first_fresh_seed
from rarepix.search.studies.resume import EndedStudy, check_unchanged, read_ended, start_again
from rarepix.search.studies.study import Study
from rarepix.settings import ConfigError


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


def prepare(name: str, wish: Wish, port: int | None = None, *, again: bool = False) -> Extension:
    """Return the extension of the study *name* (experiment id or results folder), after checking it.

    *port*: check this port, too. *again*: extend it although code, recipe or data have changed.

    Raises ``StudyError`` if the study is unknown, runs, or keeps no journal; ``ConfigError`` if it cannot have what is
    wished for, code, recipe or data have changed, or the port is taken.
    """
    ended = read_ended(find_experiment(name))
    if port is not None:
        _check_port(ended.experiment, port)
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
    event = _event(ended, blocks, configurations)
    extended = deepcopy(ended.state)
    extended.apply(event)
    trials = summarise(ended.first_line, extended).runs_left
    if not trials:
        raise ConfigError(
            f"a configuration must be complete to get further blocks, but none of the study {ended.experiment.id} is"
        )
    if not again:
        check_unchanged(ended)
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
    _check_port(experiment, port)
    if experiment.alive:
        nnictl.stop(experiment.id)  # it has ended, only its web UI is open
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


def _check_port(experiment: nnictl.Experiment, port: int) -> None:
    """Raise ``ConfigError`` if the port is taken, but not by the open web UI of the study itself."""
    if not (experiment.alive and experiment.port == port):
        preflight.check_port(port)


def _blocks(ended: EndedStudy, wish: Wish) -> list[Block]:
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


def _check_runs(ended: EndedStudy, blocks: Sequence[Block], configurations: Sequence[Enqueued]) -> None:
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


def _event(ended: EndedStudy, blocks: Sequence[Block], configurations: Sequence[Enqueued]) -> dict[str, Any]:
    return {
        "event": "extend",
        "blocks": [block.model_dump() for block in blocks],
        "configurations": [[origin, parameters] for origin, parameters in configurations],
        "at": datetime.now(UTC).isoformat(),
        "looked": len(looks_since_extension(ended.folder)),
        "complete": [record.trial for record in ended.records],
    }


def _lines(ended: EndedStudy, event: dict[str, Any], trials: int) -> list[str]:
    """Return what the extension *event*, after which so many *trials* are to run, does, for the terminal."""
    before, looked, count = len(ended.state.blocks), event["looked"], len(event["configurations"])
    added = [_words([Block(**block) for block in event["blocks"]])] if event["blocks"] else []
    added += [f"{count} configuration{'s' if count > 1 else ''}"] if count else []
    lines = [f"study {ended.experiment.id} gets {' and '.join(added)}: {trials} trials are to run"]
    if looked:
        times = "once" if looked == 1 else f"{looked} times"
        lines.append(f"it was looked at {times} at {before} blocks: the report's tests account for it")
    at_most = ended.first_line["settings"].get("blocks", {}).get("at_most")
    if at_most is not None and before + len(event["blocks"]) > at_most:
        lines.append(
            f"it declared at most {at_most} blocks (blocks.at_most) and gets {before + len(event['blocks'])}: after a "
            f"look at {at_most} or more of them the report's tests can decide little"
        )
    lost = ended.state.count_complete() - len(ended.records)
    if lost > 0:
        advice = "" if ended.local else f": fetch them with `rarepix study fetch {ended.experiment.id}`"
        lines.append(
            f"{lost} of its complete trials left no record that can be read in {ended.folder}, so that reports leave "
            f"{'it' if lost == 1 else 'them'} out{advice}"
        )
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
