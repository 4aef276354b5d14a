"""How sure the rate of false alarms of a tuned gate is: exact bounds, and a threshold that keeps them exact.

A threshold that is chosen on the images on which its false alarms are then counted looks better than it is. Here the
number of alarms is fixed in advance and the threshold follows from it: with k alarms among n empty images it is the
(k + 1)-th largest score, whose true rate of alarms has the distribution Beta(k + 1, n − k) whatever the scores are, as
long as images are independent and of one distribution. The bound of Clopper and Pearson (1934) for k of n is a quantile
of just that distribution, so that it holds after the choice of the threshold. Scores that tie make it conservative.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import beta

CONFIDENCE = 0.95
CHOOSING_SHARE = 1 / 5
"""Share of the empty images on which the form of a gate is chosen; its threshold is set on the others. A larger share
would choose better and bound worse: with a fifth the bound is at most 5 / 4 of that without a choice."""
MARGIN = 1e-3
"""Added to a largest score that has no other below it."""


class GateError(ValueError):
    """A gate cannot be tuned or applied; the message says what is missing."""


class Interval(NamedTuple):
    """A rate that was counted, with its confidence interval."""

    rate: float
    low: float
    high: float


def false_alarm_bound(alarms: int, images: int, confidence: float = CONFIDENCE) -> float:
    """Return the exact upper confidence bound of a rate of which *alarms* of *images* were counted.

    The true rate lies above it in at most 1 − *confidence* of all samples (Clopper and Pearson 1934, one-sided). It
    holds for a gate that was fixed before the images were looked at, and for ``threshold_of_rank``.

    Example: ``false_alarm_bound(0, 59)`` is 0.0495: no alarm on 59 images says that less than 5 % alarm.

    Raises:
        GateError: there are no images, or more alarms than images, or the confidence is no probability.
    """
    _check_counts(alarms, images, confidence)
    return 1.0 if alarms == images else float(beta.ppf(confidence, alarms + 1, images - alarms))


def rate_interval(hits: int, images: int, confidence: float = CONFIDENCE) -> Interval:
    """Return *hits* / *images* with its exact two-sided interval (Clopper and Pearson 1934). Raises as the bound."""
    _check_counts(hits, images, confidence)
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, images - hits + 1))
    return Interval(hits / images, low, false_alarm_bound(hits, images, 1 - tail))


def _check_counts(hits: int, images: int, confidence: float) -> None:
    if images < 1 or not 0 <= hits <= images or hits != int(hits) or images != int(images):
        raise GateError(
            f"a rate must be of 1 image or more, and of no more alarms than images, but got {hits} of {images} images"
        )
    if not 0 < confidence < 1:
        raise GateError(f"the confidence must be between 0 and 1, but got {confidence}")


def allowed_alarms(images: int, target: float) -> int:
    """Return how many of *images* empty images may alarm at the rate *target*: the largest k with k / images ≤ target.

    At least one image does not alarm, so that there is a threshold.
    """
    return min(math.floor(target * images + 1e-9), images - 1)  # 0.07 · 100 is 7.000000000000001


def threshold_of_rank(scores: np.ndarray, alarms: int) -> float:
    """Return the threshold above which at most *alarms* of the *scores* (N, one an image) lie.

    It lies half-way between the (alarms + 1)-th largest score and the next larger one, so that neither rounding nor
    luck decides; where none is larger, above it by half of its distance to the next smaller one. Minus infinity (a
    score that never alarms) is taken as it is.

    Raises:
        GateError: as many alarms are allowed as there are scores.
    """
    if not 0 <= alarms < len(scores):
        raise GateError(f"fewer alarms than the {len(scores)} scores must be allowed, but got {alarms}")
    kept = np.sort(scores)[len(scores) - 1 - alarms]
    if kept == -np.inf:
        return -np.inf
    larger, smaller = scores[scores > kept], scores[(scores < kept) & (scores > -np.inf)]
    if len(larger):
        return float((kept + larger.min()) / 2)
    return float(kept + ((kept - smaller.max()) / 2 if len(smaller) else MARGIN))


class Parts(NamedTuple):
    """Which images choose the form of a gate, and which certify it; positions, but for *choose*."""

    choose: np.ndarray
    """N bool."""
    empty: np.ndarray
    """Of the empty images that certify."""
    positive: np.ndarray
    """Of the images with a class that certify."""


def divide(units: np.ndarray, empty: np.ndarray, positive: np.ndarray, generator: np.random.Generator) -> Parts:
    """Return which images choose the form of a gate, and which certify it; N bool say what is *empty* and *positive*.

    *units* (N) say which images are not independent of each other (a patient, a tile): those of one unit are on one
    side, and of a unit that certifies one image of each sort counts, drawn at random. ``CHOOSING_SHARE`` of the units
    with empty images choose, and half of the others, since nothing of what they certify is set on them.

    Raises:
        GateError: one sort of images is too few for both sides.
    """
    with_empty = np.unique(units[empty])
    others = np.setdiff1d(np.unique(units[positive]), with_empty)
    number = max(1, int(len(with_empty) * CHOOSING_SHARE))
    choosing = [generator.permutation(with_empty)[:number], generator.permutation(others)[: len(others) // 2]]
    choose = np.isin(units, np.concatenate(choosing))
    certify = [one_of_each(units, kind & ~choose, generator) for kind in (empty, positive)]
    if not all(map(len, certify)):
        raise GateError(
            f"a gate with something to choose needs two independent empty images, and an independent image with a "
            f"class, so that some are left to certify it, but there are {len(with_empty)} and "
            f"{len(np.unique(units[positive]))}: choose a gate of one condition, or use more validation images"
        )
    return Parts(choose, *certify)


def one_of_each(units: np.ndarray, wanted: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return the position of one *wanted* image (N bool) of each unit that has some, drawn at random."""
    positions = generator.permutation(np.flatnonzero(wanted))
    _, first = np.unique(units[positions], return_index=True)
    return np.sort(positions[first])
