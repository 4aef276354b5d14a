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
    """An image weighs 1 / (N ln(N + e − 1)), N being the number of images that hold its rarest class.

    So a class is drawn about as often as 1 / ln N says, and one of its N images evenly. In the published rule N counts
    the images in which the class has the most pixels: blind to small objects, infinite for N = 1, and a lone image of
    background only would be drawn more often than the rarest class.
    """
    images = (counts > 0).sum()
    held_by = rarest_class(counts).map(images).fillna(len(counts))  # an image that holds nothing is as common as can be
    return 1.0 / (held_by * np.log(held_by + np.e - 1.0))


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
