"""What would go wrong with a study of the advisor, found before it starts."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from rarepix.config import TrialConfig, updated
from rarepix.search.nni.context import list_blocks
from rarepix.search.nni.durations import in_seconds
from rarepix.search.nni.enqueued import default_parameters, enqueued_configurations
from rarepix.search.nni.space import Space
from rarepix.search.nni.study_file import StudyFile
from rarepix.search.nni.trial_io import REPORTED
from rarepix.search.optimizer.settings import GRID_MAY_BE, SearchSettings, read_settings
from rarepix.settings import ConfigError

ADVISOR = "rarepix.search.advisor.OptunaAdvisor"
PER_CLASS = "iou/"
TRIED_OUT = 15
"""Runs with which arguments are tried: samplers draw the first ten at random."""


def uses_advisor(study: StudyFile) -> bool:
    """Return whether the tuner of *study* is our advisor."""
    return study.tuner.className == ADVISOR


def enqueued_points(study: StudyFile, space: Space, config: TrialConfig, folder: Path) -> list[dict[str, Any]]:
    """Return parameters that are known beforehand to be run, and each block: what a rehearsal should try.

    Raises:
        ConfigError: what they are read from is not what it must be.
    """
    settings = read_settings(study.tuner.classArgs)
    points = [dict(point) for point in settings.configurations or ()]
    if not settings.listed:
        points += [
            default_parameters(space, config),
            *(p for _, p in enqueued_configurations(settings, space, config, folder)),
        ]
    blocks = list_blocks(settings.blocks, config)
    return points + [{"seed": block.seed, "data.fold": block.fold} for block in blocks]


def advisor_problems(study: StudyFile, space: Space, config: TrialConfig, folder: Path) -> list[str]:
    """Return what is wrong with the advisor's ``classArgs``, one line per problem; *folder* is where trials run."""
    if study.assessor is not None:
        return ["assessor: the advisor stops trials itself (classArgs.pruner): leave assessor out"]
    try:
        settings = read_settings(study.tuner.classArgs)
    except ConfigError as error:
        return str(error).splitlines()
    checks: list[Callable[[], Iterator[str]]] = [
        lambda: _algorithms(settings, space, config),
        lambda: _blocks(settings, config),
        lambda: _points(settings, space, config, folder),
        lambda: _scores(settings, config),
        lambda: _room(settings, space, config, study.maxTrialNumber),
        lambda: _silence(settings, study.maxTrialDuration),
    ]
    found: list[str] = []
    for check in checks:
        try:
            found += [f"tuner.classArgs: {problem}" for problem in check()]
        except ConfigError as error:
            found += [f"tuner.classArgs: {line}" for line in str(error).removeprefix("tuner.classArgs.").splitlines()]
    return found


def _algorithms(settings: SearchSettings, space: Space, config: TrialConfig) -> Iterator[str]:
    from rarepix.search.optimizer.pruners import build_pruner
    from rarepix.search.optimizer.samplers import build_sampler

    build_pruner(settings, config.engine.epochs)
    if settings.listed:
        return
    build_sampler(settings, seed=0)
    if settings.sampler_args or settings.pruner_args:
        _try_out(settings, space, config)
    moves = [key for key, spec in space.items() if spec["_type"] != "choice"]
    if settings.sampler == "cmaes" and len(moves) < 2:
        yield (
            f"sampler=cmaes needs at least two numeric keys outside nested choices, but the space has "
            f"{', '.join(moves) or 'none'}: use tpe"
        )


def _try_out(settings: SearchSettings, space: Space, config: TrialConfig) -> None:
    """Let the search choose and judge a few runs that are made up: Optuna looks at arguments when it needs them."""
    from rarepix.search.optimizer.scheduler import Scheduler

    search = Scheduler(
        settings.model_copy(update={"samples": None}),
        space,
        default_parameters(space, config),
        blocks=list_blocks(settings.blocks, config),
        epochs=config.engine.epochs,
    )
    scores = {**dict.fromkeys([*settings.objectives, *settings.constraints], 0.5), "default": 0.5}
    try:
        for number in range(TRIED_OUT):
            run = search.next()
            if run is None:
                break
            for epoch in range(config.engine.epochs):
                search.report(run.number, {**scores, "default": number / 100, "epoch": epoch + 1})
            search.end(run.number, "complete", metrics=scores)
    except (TypeError, ValueError, ArithmeticError, AssertionError) as error:
        said = {"sampler_args": settings.sampler_args, "pruner_args": settings.pruner_args}
        raise ConfigError(f"sampler and pruner must work with {said}, but: {error!r}") from error


def _blocks(settings: SearchSettings, config: TrialConfig) -> Iterator[str]:
    blocks = list_blocks(settings.blocks, config)
    for block in blocks:
        updated(config, {"seed": block.seed, "data.fold": block.fold})
    if settings.race and len(blocks) <= settings.race.at_least:
        yield f"race needs more blocks than at_least={settings.race.at_least}, but there are {len(blocks)}"
    if settings.pruner == "wilcoxon" and len(blocks) < 3:
        yield f"pruner=wilcoxon compares over blocks and needs three at least, but there are {len(blocks)}"


def _points(settings: SearchSettings, space: Space, config: TrialConfig, folder: Path) -> Iterator[str]:
    if not settings.listed:
        known = 1 + len(enqueued_configurations(settings, space, config, folder))
        if settings.samples is not None and known > settings.samples:
            yield (
                f"samples must have room for the {known} that come first (the default one, known, earlier), but are "
                f"{settings.samples}"
            )
        return
    seen: list[TrialConfig] = []
    for number, point in enumerate(settings.configurations or ()):
        made = updated(config, point)
        if made in seen:
            yield (
                f"configurations must be different, but number {number} (counted from 0) comes to the same as number "
                f"{seen.index(made)}: {point}"
            )
        seen.append(made)


def _scores(settings: SearchSettings, config: TrialConfig) -> Iterator[str]:
    names = [*settings.objectives, *settings.constraints]
    unknown = [name for name in names if name not in REPORTED and not name.startswith(PER_CLASS)]
    if unknown:
        yield (
            f"objectives and constraints must be scores that a trial reports ({', '.join(REPORTED)}, "
            f"iou/<class>), but got {', '.join(unknown)}"
        )
    if any(name.startswith(PER_CLASS) or name == "rare_iou" for name in names):
        yield from _scores_of_classes(names, config)


def _scores_of_classes(names: list[str], config: TrialConfig) -> Iterator[str]:
    from rarepix.data.sources import source_of

    labels = source_of(config.data).labels
    classes = [name.removeprefix(PER_CLASS) for name in names if name.startswith(PER_CLASS)]
    unknown = sorted(set(classes) - set(labels.names))
    if unknown:
        yield f"iou/<class> must name classes of the data ({', '.join(labels.names)}), but got {', '.join(unknown)}"
    if "rare_iou" in names and not (config.evaluate.rare or labels.rare):
        yield "rare_iou needs rare classes, but neither evaluate.rare nor the data name any"


def _room(settings: SearchSettings, space: Space, config: TrialConfig, limit: int) -> Iterator[str]:
    """The study must not end before its design does."""
    blocks = len(list_blocks(settings.blocks, config))
    count = _count(settings, space, config)
    if count is None:
        count = 1
    if count > GRID_MAY_BE:
        yield f"sampler=grid has more than {GRID_MAY_BE} configurations: use another sampler, or a smaller space"
    elif count * blocks > limit:
        yield (
            f"maxTrialNumber must be at least {count} configurations × {blocks} blocks = {count * blocks} "
            f"(more leaves room for trials that are run again), but is {limit}"
        )


def _silence(settings: SearchSettings, longest: int | str | None) -> Iterator[str]:
    if settings.silence is not None and longest is not None and in_seconds(settings.silence) >= in_seconds(longest):
        yield (
            f"silence must be shorter than maxTrialDuration, which ends a trial for good, but they are "
            f"{settings.silence} and {longest}: leave silence out (half of it)"
        )


def _count(settings: SearchSettings, space: Space, config: TrialConfig) -> int | None:
    if settings.configurations is not None:
        return len(settings.configurations)
    if settings.sampler != "grid":
        return settings.samples
    from rarepix.search.optimizer.axes import grid

    points: list[Mapping[str, Any]] = list(islice(grid(space, settings.grid_points), GRID_MAY_BE + 1))
    return len(points) + (default_parameters(space, config) not in points)
