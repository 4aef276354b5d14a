"""Image weights: image id → probability of being drawn, by name. They are saved with the record."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rarepix.choices import pick
from rarepix.data.inventory.counting import BORDER, SIZES
from rarepix.data.settings import SAMPLING_PARAMETERS
from rarepix.data.splits.clusters import NON_OBJECTS, assign, fit
from rarepix.data.tables import checked, major_class, proportion


class WeightInputs(NamedTuple):
    """What weights are computed from; see ``image_weights``."""

    counts: pd.DataFrame
    by: str
    published: bool
    temperature: float
    threshold: float
    clusters: pd.Series | None
    ignoring: tuple[str, ...]

    @property
    def presence(self) -> np.ndarray:
        """Image × class bool: the image contains the class."""
        return (self.counts > 0).to_numpy()

    def groups(self) -> pd.Series:
        """Return image id → its cluster, or its class with the most pixels."""
        if self.by == "label":
            return major_class(self.counts, ignoring=self.ignoring)
        if self.clusters is None:
            return assign(self.counts, fit(self.counts, ignoring=self.ignoring))
        clusters = self.clusters.reindex(self.counts.index)
        missing = clusters.index[clusters.isna()].tolist()
        if missing:
            raise ValueError(f"every image must have a cluster, but these have none: {missing[:10]}: add them")
        return clusters


def image_weights(
    counts: pd.DataFrame,
    kind: str,
    *,
    columns: Sequence[str] | None = None,
    by: str = "label",
    published: bool = False,
    temperature: float = 0.1,
    threshold: float = 0.25,
    clusters: pd.Series | None = None,
    ignoring: Sequence[str] = NON_OBJECTS,
) -> pd.Series:
    """Return image id → weight, all finite, with sum 1.

    They are positive, except with ``rare_class`` at so low a temperature that images of common classes are never drawn.

    Args:
        counts: image × class table of pixel counts of the training split.
        kind: name in ``WEIGHTS``.
        columns: the columns of *counts* that are classes (default: all). The others are left out, and so is ``border``
            (ignored pixels), except in the published rule, which counts it as a class.
        by: inverse_log: label, cluster, pixels or proportion.
        published: inverse_log by label or cluster: the rule of the VOC imbalance study.
        temperature: rare_class: above 0.
        threshold: repeat_factor: share of the images, above 0 and at most 1.
        clusters: image id → cluster, for *by* cluster (default: clusters of these images).
        ignoring: columns that clusters leave out, and that are the major class only of an image without another.

    Raises:
        ValueError: unknown kind or *by*, a parameter that the kind does not have or that is out of range, a table that
            is no table of counts (see ``tables.checked``) or has columns of image sizes, images without a cluster, or
            a published weight that would be infinite.
    """
    rule = pick(WEIGHTS, kind, "sampling.kind")
    _check(kind, {"by": by, "published": published, "temperature": temperature, "threshold": threshold})
    if clusters is not None and by != "cluster":
        raise ValueError(f"clusters go with by='cluster' only, but got by={by!r}: leave them out")
    classes = _classes(counts, columns, published=published)
    weights = rule(WeightInputs(classes, by, published, temperature, threshold, clusters, tuple(ignoring)))
    return pd.Series(weights / weights.sum(), index=counts.index, name="weight", dtype=float)


def _inverse_log(inputs: WeightInputs) -> np.ndarray:
    """Each class of frequency a gets the weight 1 / ln(a + e − 1), shared evenly by the images that contain it.

    a is the number of images, the number of pixels or the summed shares of the class; by cluster it is the number of
    images in the cluster. An image belongs to its class with the smallest a; without any class, to one of the highest
    possible frequency. The weight is finite for a = 0 and a = 1.
    """
    if inputs.published:
        return _published(inputs)
    if inputs.by == "cluster":
        groups = inputs.groups()
        sizes = groups.map(groups.value_counts()).to_numpy(float)
        return 1 / (sizes * np.log(sizes + np.e - 1))
    presence = inputs.presence
    frequencies = FREQUENCIES[inputs.by](inputs.counts).to_numpy(float).sum(axis=0)
    highest = len(presence) if inputs.by == "label" else frequencies.sum()
    nonempty = presence.any(axis=1)
    rarest = np.where(presence, frequencies, np.inf).argmin(axis=1)
    images = np.where(nonempty, presence.sum(axis=0)[rarest], len(presence))
    return 1 / (images * np.log(np.where(nonempty, frequencies[rarest], highest) + np.e - 1))


def _published(inputs: WeightInputs) -> np.ndarray:
    """A group of N images is drawn with a weight of 1 / ln N, then one of its images uniformly.

    The group is the class with the most pixels, so that small objects do not count, or the cluster.
    """
    if inputs.by not in ("label", "cluster"):
        raise ValueError(
            f"the published weights go by label or cluster, but got by={inputs.by!r}: "
            f"use one of them, or published=False"
        )
    groups = inputs.groups()
    sizes = groups.value_counts()
    singletons = sorted(map(str, sizes.index[sizes == 1]))
    if singletons:
        raise ValueError(
            f"the published weight of a group, 1 / ln N, needs N > 1 images, but {', '.join(singletons)} has one: "
            f"use published=False, which is finite, or leave that image out"
        )
    shares = 1 / np.log(sizes)
    return groups.map(shares / shares.sum() / sizes).to_numpy(float)


def _repeat_factor(inputs: WeightInputs) -> np.ndarray:
    """max over the image's classes of max(1, √(threshold / share of the images that hold the class)).

    Gupta, Dollár & Girshick 2019: LVIS: A dataset for large vocabulary instance segmentation.
    """
    presence = inputs.presence
    shares = presence.mean(axis=0)
    factors = np.maximum(1, np.sqrt(inputs.threshold / np.where(shares > 0, shares, 1)))
    return np.where(presence, factors, 1).max(axis=1)


def _rare_class(inputs: WeightInputs) -> np.ndarray:
    """A class is drawn by the softmax of (1 − its share of the pixels) / temperature, then an image of it uniformly.

    Hoyer, Dai & Van Gool 2022: DAFormer. An image without any class gets the lowest weight of the others.
    """
    pixels = inputs.counts.to_numpy(float).sum(axis=0)
    rarity = np.where(pixels > 0, 1 - pixels / max(pixels.sum(), 1), -np.inf)
    with np.errstate(over="ignore"):  # at a temperature near 0 all but the rarest class underflow to exp(−∞)
        return _class_then_image(inputs.presence, np.exp((rarity - rarity.max(initial=0)) / inputs.temperature))


def _class_uniform(inputs: WeightInputs) -> np.ndarray:
    """A class is drawn uniformly, then an image of it. An image without any class gets the lowest weight."""
    return _class_then_image(inputs.presence, np.ones(inputs.counts.shape[1]))


WEIGHTS: dict[str, Callable[[WeightInputs], np.ndarray]] = {
    "uniform": lambda inputs: np.ones(len(inputs.counts)),
    "duplicate": lambda inputs: np.ones(len(inputs.counts)),
    "inverse_log": _inverse_log,
    "repeat_factor": _repeat_factor,
    "rare_class": _rare_class,
    "class_uniform": _class_uniform,
}


FREQUENCIES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "label": lambda counts: counts > 0,
    "pixels": lambda counts: counts,
    "proportion": lambda counts: proportion(counts).fillna(0.0),
}
"""``by`` → from the counts to what is summed up, over the images, to the frequency of every class."""


def _class_then_image(presence: np.ndarray, classes: np.ndarray) -> np.ndarray:
    nonempty = presence.any(axis=1)
    if not nonempty.any():
        return np.ones(len(presence))
    images = presence.sum(axis=0)
    weights = presence @ np.where(images > 0, classes / np.maximum(images, 1), 0)
    return np.where(nonempty, weights, weights[nonempty].min())


def _classes(counts: pd.DataFrame, columns: Sequence[str] | None, *, published: bool) -> pd.DataFrame:
    sizes = [name for name in (*SIZES, "area") if name in counts.columns]
    if columns is None and sizes:
        raise ValueError(
            f"the columns of counts must be classes, but there is {', '.join(sizes)}: leave it out, or name the "
            f"classes with the argument columns"
        )
    table = checked(counts, columns)
    if published or BORDER not in table.columns:
        return table
    if table.shape[1] == 1:
        raise ValueError(f"there must be a class to weigh by, but {BORDER} is the only column: add the classes")
    return table.drop(columns=BORDER)


def _check(kind: str, given: dict) -> None:
    defaults = {
        name: field.default for kind in SAMPLING_PARAMETERS.values() for name, field in kind.model_fields.items()
    }
    for name, value in given.items():
        if name not in SAMPLING_PARAMETERS[kind].model_fields and value != defaults[name]:
            raise ValueError(f"sampling {kind!r} has no parameter {name!r}, but got {value!r}: leave it out")
    pick({**FREQUENCIES, "cluster": None}, given["by"], "sampling.by")
    if not given["temperature"] > 0:
        raise ValueError(f"temperature must be above 0, but got {given['temperature']}")
    if not 0 < given["threshold"] <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, but got {given['threshold']}")
