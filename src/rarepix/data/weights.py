"""Image weights: image id → probability of being drawn, by name. They are saved with the record."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from rarepix.choices import pick


def rarest_class(counts: pd.DataFrame) -> pd.Series:
    """Return image id → the class of the image that the fewest images hold.

    Ties go to the first column; an image that holds none gets ''.
    """
    presence = (counts > 0).to_numpy()
    images = np.where(presence, presence.sum(axis=0), np.inf)
    names = counts.columns.to_numpy()[images.argmin(axis=1)].astype(object)
    names[~presence.any(axis=1)] = ""
    return pd.Series(names, index=counts.index, name="label")


def _uniform(counts: pd.DataFrame) -> pd.Series:
    return pd.Series(1.0, index=counts.index)


def _inverse_log(counts: pd.DataFrame) -> pd.Series:
    """A group is drawn by 1 / ln(N + e − 1), N being its number of images, then one of its images evenly.

    An image's group is its rarest class. The published rule (1 / ln N by the class with the most pixels) is infinite
    for N = 1 and blind to small objects; this one is 1 there, and the same to the third digit from N = 1000 on.
    """
    group = rarest_class(counts)
    size = group.map(group.value_counts())
    return 1.0 / np.log(size + np.e - 1.0) / size


WEIGHTS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "uniform": _uniform,
    "inverse_log": _inverse_log,
}


def image_weights(counts: pd.DataFrame, kind: str) -> pd.Series:
    """Return image id → weight, all positive and finite, adding up to 1.

    Args:
        counts: image × class table of pixel counts of the training part (classes only).
        kind: name in ``WEIGHTS``.
    """
    weights = pick(WEIGHTS, kind, "sampling.kind")(counts)
    return (weights / weights.sum()).rename("weight").astype(float)
