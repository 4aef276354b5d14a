"""The configurations of a search that are known before it begins."""

from collections.abc import Iterable, Mapping
from typing import Any

from rarepix.search.advising.axes import grid
from rarepix.search.advising.settings import SearchSettings

DEFAULT = "default"
"""Origin of the configuration that is the recipe as it is: the baseline, which is neither pruned nor dropped."""


def planned(
    settings: SearchSettings,
    space: Mapping[str, Any],
    default: Mapping[str, Any],
    first: Iterable[tuple[str, Mapping[str, Any]]],
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return (origin, parameters): listed ones, every point of a grid, or the default one and *first*."""
    if settings.configurations is not None:
        return [("listed", parameters) for parameters in settings.configurations]
    if settings.sampler == "grid":
        points = grid(space, settings.grid_points)
        return [(DEFAULT, default), *(("listed", point) for point in points if point != default)]
    return [(DEFAULT, default), *first]
