"""The forms of gates: everything but the last threshold, which orders the gates of a form from lax to strict."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from rarepix.evaluation.gates.bounds import MARGIN
from rarepix.evaluation.gates.features import GateFeatures
from rarepix.gates import Gate, conditions, probability_of

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9)
"""Of what the choosing empty images show: the strictness of conditions that are tried beside the last threshold."""
ORDER = ("classifier", "presence", "pixels", "area")
"""The first of these that a gate asks for has the last threshold."""


class Form(NamedTuple):
    """A gate but for its last threshold."""

    mask: int
    """Position of the threshold of pixels."""
    area: np.ndarray
    """K: pixels at least."""
    pixels: np.ndarray
    """K: the logit of the greatest probability must be above this."""
    last: str
    """The condition whose threshold is left."""
    offsets: np.ndarray
    """K: the last threshold of a class is the common number plus this."""


def forms(choosing: GateFeatures, kind: str) -> Iterator[Form]:
    """Yield the forms that are tried, the mildest first, of which the first is taken among equals."""
    names, classes = conditions(kind), choosing.truth.shape[1]
    last = next(name for name in ORDER if name in names)
    mask, empty = _best_mask(choosing), choosing.select(choosing.empty)
    areas = np.zeros((len(empty.truth), classes)) if empty.areas is None else empty.areas[:, mask].astype(float)
    nothing = np.ones(classes), np.full(classes, -np.inf)
    tried = [QUANTILES if name in names and name != last else QUANTILES[:1] for name in ("area", "pixels")]
    for of_area, of_pixels in product(*tried):
        area = _quantiles(areas, areas > 0, of_area, nothing[0])
        pixels = nothing[1] if empty.greatest is None else _quantiles(empty.greatest, areas > 0, of_pixels, nothing[1])
        # beyond what was seen: the gate keeps a probability, whose rounding must not decide
        form = Form(mask, np.ceil(area), pixels + MARGIN, last, np.zeros(classes))
        yield form
        if classes > 1:
            yield form._replace(offsets=_offsets(form, empty))


def _quantiles(values: np.ndarray, known: np.ndarray, share: float, mildest: np.ndarray) -> np.ndarray:
    """Return the quantile of each column of *values* N K where they are *known*; *mildest* at 0 and where none is."""
    columns = [np.quantile(column[where], share) if share and where.any() else lowest
               for column, where, lowest in zip(values.T, known.T, mildest, strict=True)]  # fmt: skip
    return np.maximum(columns, mildest)


def _offsets(form: Form, empty: GateFeatures) -> np.ndarray:
    """Return K numbers by which the classes' scores on empty images differ: their upper quartiles where they alarm."""
    scores = class_scores(form, empty)
    known = np.isfinite(scores)
    levels = np.array([np.quantile(column[where], 0.75) if where.any() else np.nan
                       for column, where in zip(scores.T, known.T, strict=True)])  # fmt: skip
    return np.nan_to_num(levels - np.nanmean(levels)) if np.isfinite(levels).any() else np.zeros(len(levels))


def _best_mask(choosing: GateFeatures) -> int:
    """Return the threshold of pixels with the best mean Dice of the foreground over the positive images."""
    images = choosing.select(choosing.positive)
    if images.pixels is None or len(images.thresholds) == 1 or not len(images.truth):
        return 0
    background = images.labels.background
    classes = [number for number in range(images.labels.count) if number != background]
    tp, fp, fn, _ = np.moveaxis(images.pixels[:, :, classes].sum(axis=2), -1, 0)
    return int(np.argmax((2 * tp / np.maximum(2 * tp + fp + fn, 1)).mean(axis=0)))


def class_scores(form: Form, features: GateFeatures) -> np.ndarray:
    """Return N K: what the last threshold is compared with; minus infinity where another condition does not hold."""
    area = None if features.areas is None else features.areas[:, form.mask]
    if form.last == "area":
        with np.errstate(divide="ignore"):
            values = np.log(area)
    else:
        values = np.asarray(features.greatest if form.last == "pixels" else features.presence, float)
    holds = np.ones(values.shape, bool)
    if area is not None:
        holds &= (area >= form.area) & (features.greatest > form.pixels)
    return np.where(holds, values - form.offsets, -np.inf)


def of_images(form: Form, features: GateFeatures) -> np.ndarray:
    """Return N: the score of each image, the greatest of its classes."""
    return class_scores(form, features).max(axis=1)


def gate_of(form: Form, threshold: float, features: GateFeatures, kind: str) -> Gate:
    """Return the gate of *form* with its last *threshold*."""
    names, classes = conditions(kind), features.labels.presence_names
    last = threshold + form.offsets
    area, pixels = form.area, form.pixels
    if form.last == "area":
        area = np.floor(np.exp(last)) + 1
    if form.last == "pixels":
        pixels = last
    presence = tuple(probability_of(last).tolist()) if {"classifier", "presence"} & set(names) else None
    return Gate(
        kind=kind,
        classes=classes,
        presence=presence,
        pixels=tuple(probability_of(pixels).tolist()) if "pixels" in names else None,
        mask=features.thresholds[form.mask],
        area=tuple(area.astype(int).tolist()) if "area" in names else None,
    )
