"""Points of a search space that a study begins with: the recipe as it is, known ones, the best of an earlier study."""

import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any

from rarepix import layout, records
from rarepix.config import TrialConfig, updated
from rarepix.layout import JOURNAL
from rarepix.records import BLOCK_KEYS, Status, TrialRecord
from rarepix.search.nni.space import Space
from rarepix.search.nni.trial_io import final_scores
from rarepix.search.optimizer.journal import head
from rarepix.search.optimizer.settings import SearchSettings, WarmStart
from rarepix.search.optimizer.study_state import canonical
from rarepix.settings import Chosen, ConfigError

Enqueued = tuple[str, dict[str, Any]]
"""Origin and parameters of a configuration."""


def default_parameters(space: Space, config: TrialConfig) -> dict[str, Any]:
    """Return the values that *config* has for the keys of *space*, nested where it is; they may lie outside."""
    return {key: _value(spec, _at(config, key)) for key, spec in space.items()}


def enqueued_configurations(
    settings: SearchSettings, space: Space, config: TrialConfig, folder: Path
) -> list[Enqueued]:
    """Return what is tried after the default configuration: known points, then those of an earlier study.

    Paths are relative to *folder*. What a point leaves out is as in the default configuration.

    Raises:
        ConfigError: a point that no trial can run, or an earlier study without points for this space.
    """
    default = default_parameters(space, config)
    points = [("known", _whole(space, config, default, point)) for point in settings.known]
    return points + _earlier(settings.earlier, space, default, folder) if settings.earlier else points


def _whole(space: Space, config: TrialConfig, default: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """Return *point* with what it leaves out, inside a choice too; a choice that it names has its own defaults.

    Raises:
        ConfigError: no trial can run it, or it lies outside *space*.
    """
    from rarepix.search.optimizer.axes import OutsideSpace, encode

    foreign = sorted(set(point) - set(space))
    if foreign:
        keys = ", ".join(space)
        raise ConfigError(f"known: {', '.join(foreign)} must be a key of the search space ({keys}), in {dict(point)}")
    found = default_parameters(space, updated(config, dict(default) | dict(point)))
    try:
        encode(space, found)
    except OutsideSpace as error:
        raise ConfigError(
            f"known: {dict(point)} must lie in the search space, but {error}: widen it, or leave it out"
        ) from None
    return found


def best_configurations(study: Path, top: int) -> list[tuple[dict[str, Any], float, int]]:
    """Return parameters, mean validation score and number of blocks of the *top* configurations of a study.

    Those with most complete blocks count first; of equally many the higher mean wins. A search with objectives of its
    own is ranked by the first of them; what violates its constraints is left out.
    """
    begun = head(study / JOURNAL)
    said = SearchSettings(**begun["settings"]) if begun else SearchSettings()
    found: dict[str, list[TrialRecord]] = defaultdict(list)
    for file in layout.record_files(study):
        record = records.read(file)
        if record.status is Status.COMPLETE:
            found[canonical(configuration_of(record))].append(record)
    rows = []
    for same in found.values():
        scores = [final_scores(record) for record in same]
        if all(_mean(scores, name) >= least for name, least in said.constraints.items()):
            rows.append((configuration_of(same[0]), _mean(scores, said.objectives[0]), len(same)))
    return sorted(rows, key=lambda row: (-row[2], -row[1]))[:top]


def _mean(scores: list[dict[str, float]], name: str) -> float:
    return mean(score.get(name, math.nan) for score in scores)


def configuration_of(record: TrialRecord) -> dict[str, Any]:
    """Return the parameters of a trial without its block."""
    return {key: value for key, value in record.parameters.items() if key not in BLOCK_KEYS}


def _earlier(earlier: WarmStart, space: Space, default: dict[str, Any], folder: Path) -> list[Enqueued]:
    study = folder / earlier.study
    if not any(layout.record_files(study)):
        raise ConfigError(f"tuner.classArgs.earlier.study must be the folder of a study with records, but got {study}")
    best = [parameters for parameters, _, _ in best_configurations(study, top=earlier.top)]
    foreign = sorted({key for parameters in best for key in parameters if key not in space})
    if foreign:
        raise ConfigError(
            f"tuner.classArgs.earlier: {study} varied {', '.join(foreign)}, which this search space does not: "
            f"add them to the space, or leave earlier out"
        )
    return [("earlier", default | parameters) for parameters in best]


def _at(config: TrialConfig, key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part)
    return value


def _value(spec: Mapping[str, Any], value: Any) -> Any:
    """Return *value* as a search space gives it: a section becomes its choice, with what is not as it is by itself."""
    if not isinstance(value, Chosen):
        return list(value) if isinstance(value, tuple) else value
    options = {value.spelled(choice["_name"]): choice for choice in spec["_value"] if isinstance(choice, Mapping)}
    option = options.get(value.choice, {"_name": value.choice})
    inner = {key: part for key, part in option.items() if key != "_name"}
    filled, defaults = value.parameters(), value.defaults()
    given = {key: part for key, part in filled.items() if key not in inner and part != defaults[key]}
    return {"_name": option["_name"]} | {key: _value(part, filled[key]) for key, part in inner.items()} | given
