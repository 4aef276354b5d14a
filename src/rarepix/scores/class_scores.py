"""Scores of each class as functions of sums.

Counts map each kind (tp, fp, fn, tn) to an array … C; the last axis is the class, the one before it the image.
``pooled`` sums over the images and then divides, ``per_image`` divides and then averages.

A class for which a score is 0 / 0 is *absent*. Each score takes a policy ``absent`` for it: ``"skip"`` (the default)
gives NaN, which every mean leaves out; ``"zero"`` gives 0; ``"one"`` gives 1.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rarepix.choices import pick

KINDS = ("tp", "fp", "fn", "tn")
"""The last axis of arrays of counts … C 4: true and false positives and negatives."""
SOFT_KINDS = ("minimum", "maximum", "true_positive", "positive", "true_negative", "negative")
"""The last axis of sums of soft masks … C 6: over pixels of min(p, t), max(p, t), p·t, t, (1 − p)(1 − t) and 1 − t,
where p is the probability of the class and t its mask, both from 0 to 1."""
SURFACE_KINDS = ("intersection", "union", "within", "total")
"""The last axis of sums of outlines … C 4: pixels of the bands' intersection and union; length of the outlines that is
within the tolerance of the other one, and in all."""
IMAGE_DICE_KINDS = ("dice", "positives", "true_negatives", "negatives")
"""The last axis of sums of Dice by image … K 4: the summed Dice of the images that hold the class, and their number;
the number of the images without it in which it is not predicted, and of all images without it."""
HISTOGRAM_KINDS = ("negatives", "positives")
"""The last axis of histograms of presence scores … B 2: images without and with the class in each bin."""
Counts = Mapping[str, np.ndarray]
"""Kind → sums … C."""
Score = Callable[..., np.ndarray]
"""(counts, absent=policy) → values … C."""

ABSENT = {"skip": float("nan"), "zero": 0.0, "one": 1.0}
"""Policy → the value of 0 / 0. skip: NaN, left out of means; zero: as bad as a miss (Cityscapes' evaluator);
one: as good as a hit (evaluators of lesions: an empty prediction of an empty mask has Dice 1)."""


def by_kind(sums: np.ndarray, kinds: Sequence[str] = KINDS) -> dict[str, np.ndarray]:
    """Return the counts of each kind, each … C, of an array … C K whose last axis is *kinds*."""
    return {kind: sums[..., position] for position, kind in enumerate(kinds)}


def ratio(numerator: np.ndarray, denominator: np.ndarray, absent: str = "skip") -> np.ndarray:
    """Return numerator / denominator as float; where the denominator is 0, the value of the policy *absent*.

    Example: ``ratio([1, 0], [2, 0])`` is ``[0.5, nan]``, with ``absent="zero"`` it is ``[0.5, 0.0]``.

    Raises:
        ChoiceError: *absent* is not a policy of ``ABSENT``.
    """
    numerator, denominator = np.asarray(numerator, float), np.asarray(denominator, float)
    value = pick(ABSENT, absent, "policy for what is absent")
    return np.divide(numerator, denominator, out=np.full_like(denominator, value), where=denominator != 0)


def iou(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return tp / (tp + fp + fn). Absent: the class is neither in the truth nor predicted."""
    return ratio(counts["tp"], counts["tp"] + counts["fp"] + counts["fn"], absent)


def dice(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return 2 tp / (2 tp + fp + fn). Absent: the class is neither in the truth nor predicted."""
    return ratio(2 * counts["tp"], 2 * counts["tp"] + counts["fp"] + counts["fn"], absent)


def precision(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return tp / (tp + fp). Absent: the class is not predicted."""
    return ratio(counts["tp"], counts["tp"] + counts["fp"], absent)


def recall(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return tp / (tp + fn). Absent: the class is not in the truth."""
    return ratio(counts["tp"], counts["tp"] + counts["fn"], absent)


def specificity(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return tn / (tn + fp). Absent: every pixel is of the class."""
    return ratio(counts["tn"], counts["tn"] + counts["fp"], absent)


def accuracy(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return (tp + tn) / pixels of class against rest, near 1 for every rare class. Absent: there are no pixels."""
    correct = counts["tp"] + counts["tn"]
    return ratio(correct, correct + counts["fp"] + counts["fn"], absent)


def balanced_accuracy(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return the mean of recall and specificity. Absent: where one of them is and the policy is ``skip``."""
    return (recall(counts, absent=absent) + specificity(counts, absent=absent)) / 2


def false_alarm_rate(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return fp / (fp + tn). Absent: there is nothing without the class."""
    return ratio(counts["fp"], counts["fp"] + counts["tn"], absent)


def soft_iou(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return Σ min(p, t) / Σ max(p, t) over pixels, the IoU of fuzzy sets; of hard masks it is the IoU.

    Absent: p and t are 0 in every pixel.
    """
    return ratio(sums["minimum"], sums["maximum"], absent)


def soft_recall(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return Σ p·t / Σ t: 1 only if p is 1 in every pixel in which t is not 0. Absent: t is 0 in every pixel."""
    return ratio(sums["true_positive"], sums["positive"], absent)


def soft_specificity(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return Σ (1 − p)(1 − t) / Σ (1 − t). Absent: t is 1 in every pixel."""
    return ratio(sums["true_negative"], sums["negative"], absent)


def boundary_iou(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return the IoU of the bands along both outlines (Cheng et al. 2021). Absent: both masks are empty."""
    return ratio(sums["intersection"], sums["union"], absent)


def surface_dice(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return the share of both outlines that is near the other one (Nikolov et al. 2021). Absent: both are empty."""
    return ratio(sums["within"], sums["total"], absent)


def positive_dice(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return the mean Dice of the images that hold the class. Absent: no image does."""
    return ratio(sums["dice"], sums["positives"], absent)


def siim_dice(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return the mean Dice over all images, where an image without the class has 1 if it is not predicted, else 0.

    The score of the SIIM-ACR challenge: predicting nothing scores the share of empty images. Absent: no images.
    """
    return ratio(sums["dice"] + sums["true_negatives"], sums["positives"] + sums["negatives"], absent)


def auroc(histogram: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return the area under the ROC curve … of histograms … B: the share of the pairs of a negative and a positive
    in which the positive has the higher score.

    A pair in the same bin counts one half, as a tie does; so the distance to the area of the scores themselves is at
    most half the share of such pairs. Absent: there is no negative, or no positive.
    """
    negatives, positives = (np.asarray(histogram[kind], float) for kind in HISTOGRAM_KINDS)
    lower = negatives.cumsum(axis=-1) - negatives / 2
    pairs = negatives.sum(axis=-1) * positives.sum(axis=-1)
    return ratio((lower * positives).sum(axis=-1), pairs, absent)


def presence_auroc(histogram: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return ``auroc`` … K of histograms … K+1 B, whose last row is of any class. Absent: as there."""
    return auroc(histogram, absent=absent)[..., :-1]


def summed(counts: Counts) -> dict[str, np.ndarray]:
    """Return counts C of counts N C (or more leading axes): the sum over the images."""
    return {kind: values.reshape(-1, values.shape[-1]).sum(axis=0) for kind, values in counts.items()}


def pooled(score: Score, counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return the score C of counts N C summed over the images, so that each pixel has the same weight.

    A class that is absent in the sum over all images gets the value of the policy *absent* (``skip``: NaN). This is
    the dataset-level score of benchmarks: the mean of ``pooled(iou, counts)`` over the classes is their mIoU.
    """
    return score(summed(counts), absent=absent)


def per_image(score: Score, counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return the mean C over the images of the score of each image, of counts N C: each image has the same weight.

    With the policy ``skip`` images in which the class is absent are left out of its mean; NaN if it is absent in all.
    """
    return np.array([mean(values_of_class) for values_of_class in score(counts, absent=absent).T])


def mean(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    present = _present(values)
    return float(present.mean()) if len(present) else float("nan")


def worst(values: np.ndarray) -> float:
    """Return the lowest of the values that are not NaN; NaN if there are none."""
    present = _present(values)
    return float(present.min()) if len(present) else float("nan")


def _present(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    return values[~np.isnan(values)]
