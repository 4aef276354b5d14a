"""Image weights: image id → probability of being drawn, by name. They are saved with the record."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rarepix.choices import pick
from rarepix.data.inventory.counting import BORDER, SIZES
from rarepix.data.settings import SAMPLING_PARAMETERS
from rarepix.data.splits.clusters import LEFT_OUT, assign, fit
from rarepix.data.tables import checked, major_class, proportion

NOT_CLASSES = (*SIZES, "area")
"""Columns that tables of counts often have beside the classes."""


class Basis(NamedTuple):
    """What weights are made from; see ``image_weights``."""

    counts: pd.DataFrame
    by: str
    published: bool
    temperature: float
    threshold: float
    clusters: pd.Series | None
    ignoring: tuple[str, ...]

    @property
    def presence(self) -> np.ndarray:
        """Image × class, true where it is held."""
        return (self.counts > 0).to_numpy()

    def groups(self) -> pd.Series:
        """Return image id → its cluster, or its class with the most pixels."""
        if self.by == "label":
            return major_class(self.counts, ignoring=self.ignoring)
        if self.clusters is None:
            return assign(self.counts, fit(self.counts, ignoring=self.ignoring))
        found = self.clusters.reindex(self.counts.index)
        missing = found.index[found.isna()].tolist()
        if missing:
            raise ValueError(f"every image must have a cluster, but these have none: {missing[:10]}: add them")
        return found


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
    ignoring: Sequence[str] = LEFT_OUT,
) -> pd.Series:
    """Return image id → weight, all finite, adding up to 1.

    They are positive, but for ``rare_class`` at so low a temperature that images of common classes are never drawn.

    Args:
        counts: image × class table of pixel counts of the training part.
        kind: name in ``WEIGHTS``.
        columns: the columns of *counts* that are classes (default: all). The others are left out, and so is ``border``,
            ignored pixels, which is no class but in the published rule.
        by: inverse_log: label, cluster, pixels or proportion.
        published: inverse_log by label or cluster: the rule of the VOC imbalance study.
        temperature: rare_class: above 0.
        threshold: repeat_factor: share of the images, above 0 and at most 1.
        clusters: image id → cluster, for *by* cluster (default: clusters of these images).
        ignoring: columns that clusters leave out, and that are the major class only of an image without another.

    Raises:
        ValueError: unknown kind or *by*, a parameter that the kind does not have or that is out of range, a table that
            is none of counts (see ``tables.checked``) or still has its images' sizes, images without a cluster, or a
            published weight that would be infinite.
    """
    rule = pick(WEIGHTS, kind, "sampling.kind")
    _check(kind, {"by": by, "published": published, "temperature": temperature, "threshold": threshold})
    if clusters is not None and by != "cluster":
        raise ValueError(f"clusters go with by='cluster' only, but got by={by!r}: leave them out")
    classes = _classes(counts, columns, published=published)
    weights = rule(Basis(classes, by, published, temperature, threshold, clusters, tuple(ignoring)))
    return pd.Series(weights / weights.sum(), index=counts.index, name="weight", dtype=float)


def _uniform(basis: Basis) -> np.ndarray:
    return np.ones(len(basis.counts))


def _inverse_log(basis: Basis) -> np.ndarray:
    """The classes, by how common they are, get 1 / ln(a + e − 1), which the images that hold one share evenly.

    a is the number of images, the pixels or the summed shares of the class; an image counts for the class it holds
    with the smallest a, and if it holds none, for one that is as common as can be. By cluster a is the number of its
    images. The weight of a = 0 or 1 is finite.
    """
    if basis.published:
        return _published(basis)
    if basis.by == "cluster":
        groups = basis.groups()
        sizes = groups.map(groups.value_counts()).to_numpy(float)
        return 1 / (sizes * _damped(sizes))
    amounts, most = AMOUNTS[basis.by](basis.counts)
    presence = basis.presence
    something = presence.any(axis=1)
    rarest = _rarest(presence, amounts)
    images = np.where(something, presence.sum(axis=0)[rarest], len(presence))
    return 1 / (images * _damped(np.where(something, amounts[rarest], most)))


def _published(basis: Basis) -> np.ndarray:
    """A group, drawn by 1 / ln N of its N images, then one of them evenly.

    The group is the class with the most pixels, which is blind to small objects, or the cluster.
    """
    if basis.by not in ("label", "cluster"):
        raise ValueError(
            f"the published weights go by label or cluster, but got by={basis.by!r}: "
            f"use one of them, or published=False"
        )
    groups = basis.groups()
    sizes = groups.value_counts()
    lone = sorted(map(str, sizes.index[sizes == 1]))
    if lone:
        raise ValueError(
            f"the published weight of a group, 1 / ln N, needs N > 1 images, but {', '.join(lone)} has one: "
            f"use published=False, which is finite, or leave that image out"
        )
    shares = 1 / np.log(sizes)
    return groups.map(shares / shares.sum() / sizes).to_numpy(float)


def _repeat_factor(basis: Basis) -> np.ndarray:
    """max over the image's classes of max(1, √(threshold / share of the images that hold the class)).

    Gupta, Dollár & Girshick 2019: LVIS: A dataset for large vocabulary instance segmentation.
    """
    presence = basis.presence
    shares = presence.mean(axis=0)
    factors = np.maximum(1, np.sqrt(basis.threshold / np.where(shares > 0, shares, 1)))
    return np.where(presence, factors, 1).max(axis=1)


def _rare_class(basis: Basis) -> np.ndarray:
    """A class, drawn by the softmax of (1 − its share of the pixels) / temperature, then an image of it evenly.

    Hoyer, Dai & Van Gool 2022: DAFormer. An image that holds nothing weighs as little as any other.
    """
    pixels = basis.counts.to_numpy(float).sum(axis=0)
    rarity = np.where(pixels > 0, 1 - pixels / max(pixels.sum(), 1), -np.inf)
    with np.errstate(over="ignore"):  # at a temperature next to 0 all but the rarest class go to exp(−∞)
        return _class_then_image(basis.presence, np.exp((rarity - rarity.max(initial=0)) / basis.temperature))


def _class_uniform(basis: Basis) -> np.ndarray:
    """A class, each as likely, then an image of it evenly. An image that holds nothing weighs as little as any."""
    return _class_then_image(basis.presence, np.ones(basis.counts.shape[1]))


WEIGHTS: dict[str, Callable[[Basis], np.ndarray]] = {
    "uniform": _uniform,
    "duplicate": _uniform,
    "inverse_log": _inverse_log,
    "repeat_factor": _repeat_factor,
    "rare_class": _rare_class,
    "class_uniform": _class_uniform,
}


def _images(counts: pd.DataFrame) -> tuple[np.ndarray, float]:
    return (counts > 0).to_numpy().sum(axis=0).astype(float), len(counts)


def _pixels(counts: pd.DataFrame) -> tuple[np.ndarray, float]:
    amounts = counts.to_numpy(float).sum(axis=0)
    return amounts, amounts.sum()


def _shares(counts: pd.DataFrame) -> tuple[np.ndarray, float]:
    return _pixels(proportion(counts).fillna(0.0))


AMOUNTS = {"label": _images, "pixels": _pixels, "proportion": _shares}
"""How common each class is, and the most that a class could be."""


def _damped(amounts: np.ndarray) -> np.ndarray:
    return np.log(amounts + np.e - 1)


def _rarest(presence: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    return np.where(presence, amounts, np.inf).argmin(axis=1)


def _class_then_image(presence: np.ndarray, classes: np.ndarray) -> np.ndarray:
    something = presence.any(axis=1)
    if not something.any():
        return np.ones(len(presence))
    images = presence.sum(axis=0)
    weights = presence @ np.where(images > 0, classes / np.maximum(images, 1), 0)
    return np.where(something, weights, weights[something].min())


def _classes(counts: pd.DataFrame, columns: Sequence[str] | None, *, published: bool) -> pd.DataFrame:
    sizes = [name for name in NOT_CLASSES if name in counts.columns]
    if columns is None and sizes:
        raise ValueError(
            f"the columns of counts must be classes, but there is {', '.join(sizes)}: leave it out, or name with "
            f"columns which are classes"
        )
    table = checked(counts, columns)
    if published or BORDER not in table.columns:
        return table
    if table.shape[1] == 1:
        raise ValueError(f"there must be a class to weigh by, but {BORDER} is the only column: add the classes")
    return table.drop(columns=BORDER)


def _check(kind: str, given: dict) -> None:
    defaults = {name: value for parameters in SAMPLING_PARAMETERS.values() for name, value in parameters.items()}
    for name, value in given.items():
        if name not in SAMPLING_PARAMETERS[kind] and value != defaults[name]:
            raise ValueError(f"sampling {kind!r} has no parameter {name!r}, but got {value!r}: leave it out")
    pick({**AMOUNTS, "cluster": None}, given["by"], "sampling.by")
    if not given["temperature"] > 0:
        raise ValueError(f"temperature must be above 0, but got {given['temperature']}")
    if not 0 < given["threshold"] <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, but got {given['threshold']}")
