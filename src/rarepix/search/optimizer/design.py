"""The configurations of a search that are known before it begins."""

from collections.abc import Iterable, Mapping
from typing import Any

from rarepix.search.optimizer.axes import grid
from rarepix.search.optimizer.settings import SearchSettings
from rarepix.search.optimizer.study_state import canonical

DEFAULT = "default"
"""Origin of the configuration that is the recipe as it is: the baseline, which is neither pruned nor dropped."""


def planned_configurations(
    settings: SearchSettings,
    space: Mapping[str, Any],
    default: Mapping[str, Any],
    first: Iterable[tuple[str, Mapping[str, Any]]],
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return (origin, parameters), each once: listed ones, every point of a grid, or the default one and *first*.

    Of listed ones the first is the default one if it changes nothing, or if this study confirms another.
    """
    if settings.configurations is not None:
        found = [("listed", parameters) for parameters in settings.configurations]
        if settings.confirms is not None or not found[0][1]:
            found[0] = (DEFAULT, found[0][1])
    elif settings.sampler == "grid":
        found = [(DEFAULT, default), *(("listed", point) for point in grid(space, settings.grid_points))]
    else:
        found = [(DEFAULT, default), *first]
    once: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for origin, parameters in found:
        once.setdefault(canonical(parameters), (origin, parameters))
    return list(once.values())
