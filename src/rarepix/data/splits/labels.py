"""What a split stratifies: labels of images, as an image × label table of 0 and 1."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from rarepix.choices import pick
from rarepix.data.splits.clusters import assign, fit
from rarepix.data.tables import major_class, proportion

LEVELS = (1 / 2, 3 / 4, 7 / 8, 15 / 16)
"""Quantiles, among the images that contain a class, above which an image gets a further label for it. They are close
together at the upper end, since a few images have most of the pixels of a class."""


class LabelInputs(NamedTuple):
    """What labels are computed from: image × class tables of pixel counts, and the arguments of ``make_split``."""

    counts: pd.DataFrame
    """The classes that are stratified."""
    all_counts: pd.DataFrame
    """All columns, which together are an image's area."""
    on: str
    ignoring: tuple[str, ...]
    centroids: pd.DataFrame | None


def no_labels(inputs: LabelInputs) -> np.ndarray:
    """Return one label that every image has: nothing to stratify."""
    return np.ones((len(inputs.counts), 1), dtype=int)


def multilabel_labels(inputs: LabelInputs) -> np.ndarray:
    """Return the labels of a multilabel split, by *on*: a label for each class that an image holds (``presence``).

    With ``pixels`` and ``proportion`` (of the image's area) further labels for images with much of it (``LEVELS``).
    """
    counts = inputs.counts
    levels = {
        "presence": lambda: (counts > 0).to_numpy(int),
        "pixels": lambda: _levels(counts),
        "proportion": lambda: _levels(proportion(counts, area=inputs.all_counts.sum(axis=1)).fillna(0.0)),
    }
    return pick(levels, inputs.on, "data.split_on")()


def cluster_labels(inputs: LabelInputs) -> np.ndarray:
    """Return a label for each cluster of the classes' shares."""
    centroids = inputs.centroids
    if centroids is None:
        centroids = fit(inputs.all_counts, inputs.counts.columns, ignoring=inputs.ignoring)
    return _one_hot(assign(inputs.all_counts, centroids))


def major_class_labels(inputs: LabelInputs) -> np.ndarray:
    """Return a label for each class that has the most pixels in some image."""
    return _one_hot(major_class(inputs.counts, ignoring=inputs.ignoring))


def _levels(values: pd.DataFrame) -> np.ndarray:
    """Return for each class a label for presence, then one for each of the levels."""
    present = values.where(values > 0)
    frequent = [present.gt(present.quantile(level)) for level in LEVELS]
    return np.hstack([table.to_numpy(int) for table in (values > 0, *frequent)])


def _one_hot(strata: pd.Series) -> np.ndarray:
    numbers, names = pd.factorize(strata)
    return np.eye(len(names), dtype=int)[numbers]
