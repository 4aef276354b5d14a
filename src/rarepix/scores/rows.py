"""Rows of the table of scores: what a score needs, its function, and whether more or less of it is better."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from rarepix.scores.class_scores import (
    HISTOGRAM_KINDS,
    IMAGE_DICE_KINDS,
    KINDS,
    SOFT_KINDS,
    SURFACE_KINDS,
    Score,
    by_kind,
)

Direction = Literal["maximize", "minimize"]
Sums = Mapping[str, np.ndarray]
"""Name of the sums → their array, with or without the axis N of the images."""
KINDS_OF = {
    "pixels": KINDS,
    "presence": KINDS,
    "foreground": KINDS,
    "positive_pixels": KINDS,
    "image_dice": IMAGE_DICE_KINDS,
    "presence_histogram": HISTOGRAM_KINDS,
    "soft": SOFT_KINDS,
    "surface": SURFACE_KINDS,
}
"""Sums → what the last axis is; ``confusion`` has none."""
OF_ALL_CLASSES = ("pixels", "confusion", "soft", "surface")
"""Sums that are of all classes; those of the others leave the background out."""


class ClassNames(NamedTuple):
    """The classes that sums are of."""

    names: tuple[str, ...]
    """All C of them."""
    rare: tuple[str, ...] = ()
    background: tuple[str, ...] = ()
    """The name of the background; empty where there is none."""

    def of(self, sums: str) -> tuple[str, ...]:
        """Return the classes along the class axis of these sums."""
        return self.names if sums in OF_ALL_CLASSES else self.foreground

    @property
    def foreground(self) -> tuple[str, ...]:
        """All K classes but the background."""
        return tuple(name for name in self.names if name not in self.background)


class ClassScore(NamedTuple):
    """A score of each class."""

    needs: str
    """The sums that it is a function of."""
    function: Score
    """(counts by kind, absent=policy) → values … C."""
    direction: Direction = "maximize"

    def values(self, sums: np.ndarray) -> np.ndarray:
        """Return the score of each class, … C, of the sums that it needs; absent is NaN."""
        return self.function(by_kind(np.asarray(sums), KINDS_OF[self.needs]))


class DatasetScore(NamedTuple):
    """A score of a whole split."""

    needs: tuple[str, ...]
    """The sums that it is a function of."""
    function: Callable[[Sums, ClassNames], float]
    """(sums without the axis of images, their classes) → value; NaN where it is absent."""
    direction: Direction = "maximize"
