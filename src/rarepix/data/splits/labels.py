"""Labels of images: what a split spreads evenly over the folds, as an image × label table of 0 and 1."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from rarepix.choices import pick
from rarepix.data.splits.clusters import assign, fit
from rarepix.data.tables import major_class, proportion

LEVELS = (1 / 2, 3 / 4, 7 / 8, 15 / 16)
"""An image is also labelled with having more of a class than these shares of the images that hold it. They lie close at
the upper end, since a few images have most of a class's pixels."""


class Basis(NamedTuple):
    """What labels are made from."""

    counts: pd.DataFrame
    """Image × class table of pixel counts: the classes that are stratified."""
    whole: pd.DataFrame
    """The same with all columns, which together are an image's area."""
    on: str
    ignoring: tuple[str, ...]
    centroids: pd.DataFrame | None


def alike(basis: Basis) -> np.ndarray:
    """Return one label that every image has."""
    return np.ones((len(basis.counts), 1), dtype=int)


def indicators(basis: Basis) -> np.ndarray:
    """Return the labels of a multilabel split, see ``INDICATORS``."""
    return pick(INDICATORS, basis.on, "data.split_on")(basis)


def clusters(basis: Basis) -> np.ndarray:
    """Return one label a cluster of the classes' shares."""
    centroids = basis.centroids
    if centroids is None:
        centroids = fit(basis.whole, basis.counts.columns, ignoring=basis.ignoring)
    return _one_hot(assign(basis.whole, centroids))


def major_classes(basis: Basis) -> np.ndarray:
    """Return one label a class that has the most pixels somewhere."""
    return _one_hot(major_class(basis.counts, ignoring=basis.ignoring))


def _presence(basis: Basis) -> np.ndarray:
    return (basis.counts > 0).to_numpy(int)


def _pixels(basis: Basis) -> np.ndarray:
    return _levels(basis.counts)


def _proportion(basis: Basis) -> np.ndarray:
    return _levels(proportion(basis.counts, area=basis.whole.sum(axis=1)).fillna(0.0))


INDICATORS: dict[str, Callable[[Basis], np.ndarray]] = {
    "presence": _presence,
    "pixels": _pixels,
    "proportion": _proportion,
}
"""presence: a label a class · pixels, proportion: further labels for images with much of it, and with very much."""


def _levels(values: pd.DataFrame) -> np.ndarray:
    """Return for each class: present, and above each of the levels."""
    present = values.where(values > 0)
    above = [present.gt(present.quantile(level)) for level in LEVELS]
    return np.hstack([part.to_numpy(int) for part in (values > 0, *above)])


def _one_hot(strata: pd.Series) -> np.ndarray:
    numbers, names = pd.factorize(strata)
    return np.eye(len(names), dtype=int)[numbers]
