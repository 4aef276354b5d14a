"""The configurations that a study begins with (the recipe, enqueued ones, the best of a study), and added ones."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

from rarepix import layout, records
from rarepix.config import TrialConfig, choices_of, one_of, updated
from rarepix.config.overrides import Overrides
from rarepix.config.yaml import read_mappings
from rarepix.layout import JOURNAL
from rarepix.records import BLOCK_KEYS, Status, TrialRecord
from rarepix.search.nni.space import Space
from rarepix.search.nni.trial_io import final_scores
from rarepix.search.optimizer.journal import head
from rarepix.search.optimizer.settings import SearchSettings, WarmStart, violation
from rarepix.search.optimizer.study_state import ENQUEUED, LISTED, WARM_START, canonical
from rarepix.settings import ConfigError

Enqueued = tuple[str, dict[str, Any]]
"""Origin and parameters of a configuration."""


def default_parameters(space: Space, config: TrialConfig) -> dict[str, Any]:
    """Return the values of *config* for the keys of *space*, nested as there; a value may lie outside its range."""
    return {key: _value_of(spec, config, key) for key, spec in space.items()}


def enqueued_configurations(
    settings: SearchSettings, space: Space, config: TrialConfig, folder: Path
) -> list[Enqueued]:
    """Return what is tried after the default configuration: ``enqueue``, then the best of ``warm_start``'s study.

    Paths are relative to *folder*. Keys that a configuration leaves out are as in the default one.

    Raises ``ConfigError`` for a configuration that no trial can run, or a warm start that does not fit this space.
    """
    default = default_parameters(space, config)
    enqueued = [
        (ENQUEUED, point_of_space(space, config, default, point, where="enqueue")) for point in settings.enqueue
    ]
    return enqueued + (_warm_start(settings.warm_start, space, default, folder) if settings.warm_start else [])


def point_of_space(
    space: Space, config: TrialConfig, default: dict[str, Any], point: Mapping[str, Any], *, where: str
) -> dict[str, Any]:
    """Return *point* with its missing keys filled in; a named choice gets that choice's defaults.

    Raises ``ConfigError`` if it has a foreign key or lies outside the space; the message begins with *where*.
    """
    from rarepix.search.optimizer.axes import OutsideSpace, encode

    foreign = sorted(set(point) - set(space))
    if foreign:
        keys = ", ".join(space)
        raise ConfigError(f"{where}: {', '.join(foreign)} must be a key of the search space ({keys}), in {dict(point)}")
    completed = default_parameters(space, updated(config, default | dict(point)))
    try:
        encode(space, completed)
    except OutsideSpace as error:
        raise ConfigError(
            f"{where}: {dict(point)} must lie in the search space, but {error}: "
            f"widen the space, or leave this configuration out"
        ) from None
    return completed


def added_configurations(
    first_line: Mapping[str, Any], known: Iterable[Mapping[str, Any]], config: TrialConfig, file: Path
) -> list[Enqueued]:
    """Return origin and parameters of the configurations in *file*, by which a study is extended.

    *first_line* is that of its journal, *known* are the parameters of all its configurations so far, in their order.
    In a sampled study they are completed as enqueued ones are, and must lie in its search space.

    Raises ``ConfigError`` for a configuration that no trial can run, or that is not new.
    """
    listed = SearchSettings(**first_line["settings"]).configurations is not None
    space, default = first_line["space"], default_parameters(first_line["space"], config)
    names = {f"configuration {number} of the study": updated(config, each) for number, each in enumerate(known)}
    added: list[Enqueued] = []
    for number, parameters in enumerate(read_mappings(file, "the list of configurations")):
        where = f"{file}: configuration {number} (counted from 0)"
        if fixed := [key for key in parameters if key in BLOCK_KEYS]:
            raise ConfigError(f"{where} must not fix {', '.join(fixed)}: name blocks with --seed and --fold")
        point = parameters if listed else point_of_space(space, config, default, parameters, where=where)
        try:
            resolved = updated(config, point)
        except ConfigError as error:
            raise ConfigError("\n".join(f"{where}: {line}" for line in str(error).splitlines())) from None
        if same := next((name for name, other in names.items() if other == resolved), None):
            raise ConfigError(f"{where} must be new, but comes to the same as {same}: {point}")
        names[f"configuration {number} of the file"] = resolved
        added.append((LISTED if listed else ENQUEUED, point))
    return added


def best_configurations(study: Path, top: int) -> list[tuple[dict[str, Any], float, int]]:
    """Return parameters, mean validation score and number of blocks of the *top* configurations of a study.

    They are ranked by the number of their complete blocks, then by the mean of the first objective of the study's
    search. Configurations that violate its constraints are left out.
    """
    first_line = head(study / JOURNAL)
    settings = SearchSettings(**first_line["settings"]) if first_line else SearchSettings()
    records_of: dict[str, list[TrialRecord]] = defaultdict(list)
    for file in layout.record_files(study):
        record = records.read(file)
        if record.status is Status.COMPLETE:
            records_of[canonical(configuration_of(record))].append(record)
    rows = []
    for blocks in records_of.values():
        scores = [final_scores(record) for record in blocks]
        if all(violation(name, bound, _mean(scores, name)) <= 0 for name, bound in settings.constraints.items()):
            rows.append((configuration_of(blocks[0]), _mean(scores, settings.objectives[0]), len(blocks)))
    return sorted(rows, key=lambda row: (-row[2], -row[1]))[:top]


def _mean(scores: list[dict[str, float]], name: str) -> float:
    return mean(score.get(name, math.nan) for score in scores)


def configuration_of(record: TrialRecord) -> dict[str, Any]:
    """Return the parameters of a trial without its block."""
    return {key: value for key, value in record.parameters.items() if key not in BLOCK_KEYS}


def _warm_start(warm_start: WarmStart, space: Space, default: dict[str, Any], folder: Path) -> list[Enqueued]:
    study = folder / warm_start.study
    if not any(layout.record_files(study)):
        raise ConfigError(
            f"tuner.classArgs.warm_start.study must be the folder of a study with records, but got {study}"
        )
    best = [parameters for parameters, _, _ in best_configurations(study, top=warm_start.top)]
    foreign = sorted({key for parameters in best for key in parameters if key not in space})
    if foreign:
        raise ConfigError(
            f"tuner.classArgs.warm_start: {study} varied {', '.join(foreign)}, which this search space does not: "
            f"add them to the space, or leave warm_start out"
        )
    return [(WARM_START, default | parameters) for parameters in best]


def _value_of(spec: Mapping[str, Any], config: TrialConfig, key: str) -> Any:
    """Return the value that a dotted *key* has in *config*, as the search space gives it: a choice with parameters
    becomes a mapping with ``_name``."""
    is_nested = spec["_type"] == "choice" and any(isinstance(choice, Mapping) for choice in spec["_value"])
    section, _, rest = key.partition(".")
    if (
        isinstance(getattr(config, section, None), Overrides)
        and rest not in type(getattr(config, section)).model_fields
    ):
        return _value_of(spec, config.stage(section), rest)
    sections = one_of(type(config))
    if is_nested and key in sections:
        return _nested(spec, config, key, next(iter(sections[key].choosers)))
    if is_nested and key in choices_of(type(config)):
        return _nested(spec, config, *key.split("."))
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    return list(value) if isinstance(value, tuple) else value


def _nested(spec: Mapping[str, Any], config: TrialConfig, section: str, chooser: str) -> dict[str, Any]:
    """Return a choice with the parameters that the space varies and those that are not at their defaults."""
    chosen = getattr(config, section)
    choice = getattr(chosen, chooser)
    options = {chosen.spelled(option["_name"]): option for option in spec["_value"]}
    option = options.get(choice, {"_name": choice})
    varied = {name: inner for name, inner in option.items() if name != "_name"}
    parameters, defaults = (
        {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        for values in (chosen.parameters(chooser), chosen.defaults(chooser))
    )
    fixed = {name: value for name, value in parameters.items() if name not in varied and value != defaults[name]}
    tuned = {
        name: parameters[name] if name in parameters else _value_of(inner, config, f"{section}.{name}")
        for name, inner in varied.items()
    }
    return {"_name": option["_name"]} | tuned | fixed
