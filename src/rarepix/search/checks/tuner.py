"""What would go wrong with the tuner of a study, found before it starts: our advisor, NNI's own, other classes."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rarepix.choices import nearest
from rarepix.config import TrialConfig, updated
from rarepix.scores import is_of_rare_classes
from rarepix.search.nni.enqueued import default_parameters, enqueued_configurations
from rarepix.search.nni.nnictl import last_line
from rarepix.search.nni.space import Space
from rarepix.search.nni.study_context import list_blocks
from rarepix.search.nni.study_file import StudyFile
from rarepix.search.nni.trial_io import reported_scores
from rarepix.search.optimizer.settings import GRID_MAY_BE, SearchSettings, in_seconds, read_settings
from rarepix.settings import ConfigError

ADVISOR = "rarepix.search.advisor.OptunaAdvisor"
WORKING_TUNERS = ("Random", "GridSearch", "TPE", "Evolution", "PBT")
"""NNI's own tuners that work."""
BROKEN_TUNERS = {
    "Anneal": ("needs hyperopt 0.1.2, which needs numpy < 2", "TPE"),
    "TPE_legacy": ("needs hyperopt 0.1.2, which needs numpy < 2", "TPE"),
    "GP": ("fails with today's numpy and scipy", "the OptunaAdvisor with sampler: gp"),
    "Metis": ("fails with today's scipy, and knows neither log scales nor text", "TPE"),
    "SMAC": ("cannot be installed on Python 3.11 or later", "TPE"),
    "Hyperband": ("ends after two trials in nni 3.0", "the OptunaAdvisor with pruner: hyperband"),
    "BOHB": ("ends after two trials in nni 3.0", "the OptunaAdvisor with sampler: tpe and pruner: hyperband"),
    "DNGO": ("needs pybnn, which rarepix does not install", "TPE"),
    "NetworkMorphism": ("searches architectures, not configurations", "TPE"),
    "PPO": ("searches architectures, not configurations", "TPE"),
    "RegularizedEvolutionTuner": ("searches architectures, not configurations", "Evolution"),
    "Batch": ("wants one key combine_params, which no configuration has", "GridSearch"),
}
"""NNI's tuner → why it cannot be used here, and what to use instead."""
ASSESSORS = ("Medianstop", "Curvefitting")
DRY_RUNS = 15
"""Runs that the sampler's and the pruner's arguments are tried with: samplers draw the first ten at random."""


def uses_advisor(study: StudyFile) -> bool:
    """Return whether the tuner of *study* is our advisor."""
    return study.tuner.className == ADVISOR


def advisor_problems(study: StudyFile, space: Space, config: TrialConfig, folder: Path, *, epochs: int) -> list[str]:
    """Return what is wrong with the advisor's ``classArgs``, one line per problem.

    Trials run in *folder* and have this number of *epochs*, of all their stages together.
    """
    if study.assessor is not None:
        return ["assessor: the advisor stops trials itself (classArgs.pruner): leave assessor out"]
    try:
        settings = read_settings(study.tuner.classArgs)
    except ConfigError as error:
        return str(error).splitlines()
    checks = (
        _sampler_and_pruner(settings, space, config, epochs),
        _blocks(settings, config),
        _configurations(settings, space, config, folder),
        _scores(settings, config),
        _max_trial_number(settings, space, config, study.maxTrialNumber),
        _heartbeat_timeout(settings, study.maxTrialDuration),
    )
    lines: list[str] = []
    for problems in checks:
        try:
            lines += [f"tuner.classArgs: {problem}" for problem in problems]
        except ConfigError as error:
            lines += [f"tuner.classArgs: {line}" for line in str(error).removeprefix("tuner.classArgs.").splitlines()]
    return lines


def _sampler_and_pruner(settings: SearchSettings, space: Space, config: TrialConfig, epochs: int) -> Iterator[str]:
    from rarepix.search.optimizer.proposals import build_sampler
    from rarepix.search.optimizer.pruners import build_pruner

    build_pruner(settings, epochs)
    if settings.listed:
        return
    build_sampler(settings, seed=0)
    if settings.sampler_args or settings.pruner_args:
        _try_arguments(settings, space, config, epochs)
    numeric = [key for key, spec in space.items() if spec["_type"] != "choice"]
    if settings.sampler == "cmaes" and len(numeric) < 2:
        yield (
            f"sampler=cmaes needs at least two numeric keys outside nested choices, but the space has "
            f"{', '.join(numeric) or 'none'}: use tpe"
        )


def _try_arguments(settings: SearchSettings, space: Space, config: TrialConfig, epochs: int) -> None:
    """Run a short search with synthetic scores, because Optuna checks most arguments only when it uses them."""
    from rarepix.search.optimizer.scheduler import Scheduler

    scheduler = Scheduler(
        settings.model_copy(update={"samples": None}),
        space,
        default_parameters(space, config),
        blocks=list_blocks(settings, config),
        epochs=epochs,
    )
    scores = {**dict.fromkeys([*settings.objectives, *settings.constraints], 0.5), "default": 0.5}
    try:
        for number in range(DRY_RUNS):
            run = scheduler.next()
            if run is None:
                break
            for epoch in range(epochs):
                scheduler.report(run.number, {**scores, "default": number / 100, "epoch": epoch + 1})
            scheduler.end(run.number, "complete", metrics=scores)
    except (TypeError, ValueError, ArithmeticError, AssertionError, AttributeError) as error:
        arguments = {"sampler_args": settings.sampler_args, "pruner_args": settings.pruner_args}
        raise ConfigError(f"sampler and pruner must work with {arguments}, but: {error!r}") from error


def _blocks(settings: SearchSettings, config: TrialConfig) -> Iterator[str]:
    blocks = list_blocks(settings, config)
    for block in blocks:
        updated(config, {"seed": block.seed, "data.fold": block.fold})
    if settings.race and len(blocks) <= settings.race.at_least:
        yield f"race needs more blocks than at_least={settings.race.at_least}, but there are {len(blocks)}"
    if settings.pruner == "wilcoxon" and len(blocks) < 3:
        yield f"pruner=wilcoxon compares over blocks and needs at least three, but there are {len(blocks)}"


def _configurations(settings: SearchSettings, space: Space, config: TrialConfig, folder: Path) -> Iterator[str]:
    if not settings.listed:
        planned = 1 + len(enqueued_configurations(settings, space, config, folder))
        if settings.samples is not None and planned > settings.samples:
            yield (
                f"samples must have room for the {planned} configurations that come first (the default one, enqueue, "
                f"warm_start), but is {settings.samples}"
            )
        return
    seen: list[TrialConfig] = []
    for number, parameters in enumerate(settings.configurations or ()):
        resolved = updated(config, parameters)
        if resolved in seen:
            yield (
                f"configurations must be different, but number {number} (counted from 0) comes to the same as number "
                f"{seen.index(resolved)}: {parameters}"
            )
        seen.append(resolved)


def _scores(settings: SearchSettings, config: TrialConfig) -> Iterator[str]:
    names = [*settings.objectives, *settings.constraints]
    reported, class_score = reported_scores(config)
    unknown = [name for name in names if name not in reported and not name.startswith(f"{class_score}/")]
    if unknown:
        yield (
            f"objectives and constraints must be scores that a trial reports ({', '.join(reported)}, "
            f"{class_score}/<class>), but got {', '.join(unknown)}: name them in evaluate.scores of the recipe"
        )
    of_classes = {name: name.partition("/")[2] for name in names if "/" in name}
    of_rare = [name for name in names if is_of_rare_classes(name)]
    if not of_classes and not of_rare:
        return
    from rarepix.data.sources import source_of

    labels = source_of(config.data).labels
    foreign = [name for name, of_class in of_classes.items() if of_class not in labels.names]
    if foreign:
        classes = ", ".join(labels.names)
        yield f"a score of a class must name a class of the data ({classes}), but got {', '.join(foreign)}"
    if of_rare and not config.evaluate.rare_classes(labels):
        yield f"{', '.join(of_rare)} needs rare classes, but neither evaluate.rare nor the data name any"


def _max_trial_number(settings: SearchSettings, space: Space, config: TrialConfig, limit: int) -> Iterator[str]:
    blocks = len(list_blocks(settings, config))
    count = _configuration_count(settings, space, config)
    if count > GRID_MAY_BE:
        yield f"sampler=grid has more than {GRID_MAY_BE} configurations: use another sampler, or a smaller space"
    elif count * blocks > limit:
        yield (
            f"maxTrialNumber must be at least {count} configurations × {blocks} blocks = {count * blocks} "
            f"(more leaves room for trials that are run again), but is {limit}"
        )


def _configuration_count(settings: SearchSettings, space: Space, config: TrialConfig) -> int:
    if settings.configurations is not None:
        return len(settings.configurations)
    if settings.sampler != "grid":
        return 1 if settings.samples is None else settings.samples
    from rarepix.search.optimizer.axes import grid

    points = list(islice(grid(space, settings.grid_points), GRID_MAY_BE + 1))
    return len(points) + (default_parameters(space, config) not in points)


def _heartbeat_timeout(settings: SearchSettings, longest: int | str) -> Iterator[str]:
    timeout = settings.heartbeat_timeout
    if timeout is not None and in_seconds(timeout) >= in_seconds(longest):
        yield (
            f"heartbeat_timeout must be shorter than maxTrialDuration, after which a trial is not run again, but they "
            f"are {timeout} and {longest}: leave heartbeat_timeout out (it is then half of maxTrialDuration)"
        )


def tuner_problems(tuner: dict[str, Any], space: dict[str, Any], folder: Path) -> list[str]:
    """Return what is wrong with a tuner other than our advisor, one line per problem; *folder* has the study's file."""
    name = tuner.get("name")
    if name is None:
        return _class_problems(tuner, folder)
    spellings = {tuner_name.lower(): tuner_name for tuner_name in (*WORKING_TUNERS, *BROKEN_TUNERS)}
    known_name = spellings.get(name.lower().removesuffix("tuner"), spellings.get(name.lower()))
    if known_name is None:
        valid = ", ".join(WORKING_TUNERS)
        return [f"tuner.name: unknown tuner {name!r}: {nearest(name, WORKING_TUNERS)}valid: {valid}"]
    if known_name in BROKEN_TUNERS:
        why, instead = BROKEN_TUNERS[known_name]
        return [f"tuner.name: {name} cannot be used: it {why}; use {instead}"]
    lines = _direction_problems("tuner", tuner, must_be_given=known_name == "TPE")  # which minimises by default
    choices = [choice for spec in space.values() if spec["_type"] == "choice" for choice in spec["_value"]]
    if known_name == "PBT" and any(isinstance(choice, dict) for choice in choices):
        lines.append("tuner.name: PBT must have a search space without nested choices; use TPE or Evolution")
    return lines


def _class_problems(tuner: dict[str, Any], folder: Path) -> list[str]:
    """Import a tuner class of the user's own as NNI will, because NNI reports success before it fails to."""
    name, code = tuner["className"], folder / tuner["codeDirectory"]
    if not code.is_dir():
        return []  # NNI refuses it itself
    module, _, kind = name.rpartition(".")
    script = f"import importlib; getattr(importlib.import_module({module!r}), {kind!r})"
    imported = subprocess.run([sys.executable, "-c", script], cwd=code, capture_output=True, text=True, check=False)
    if not imported.returncode:
        return []
    return [
        f"tuner.className must be a class that can be imported in {code}, but {name}: {last_line(imported.stderr)}: "
        f"{nearest(name, [ADVISOR])}{ADVISOR} is ours"
    ]


def assessor_problems(assessor: dict[str, Any]) -> list[str]:
    """Return what is wrong with a study's assessor, one line per problem."""
    name = assessor.get("name")
    if name is None:
        return []
    if name.lower() not in [valid.lower() for valid in ASSESSORS]:
        return [f"assessor.name: unknown assessor {name!r}: {nearest(name, ASSESSORS)}valid: {', '.join(ASSESSORS)}"]
    return _direction_problems("assessor", assessor, must_be_given=False)


def _direction_problems(section: str, algorithm: dict[str, Any], must_be_given: bool) -> list[str]:
    mode = (algorithm.get("classArgs") or {}).get("optimize_mode")
    if mode == "maximize" or (mode is None and not must_be_given):
        return []
    came = "nothing, which means minimize" if mode is None else repr(mode)
    return [f"{section}.classArgs.optimize_mode must be maximize (the objective is a score), but got {came}"]
