"""Scores of a whole split that are not those of a group of classes, as functions of pooled sums and their classes."""

import numpy as np

from rarepix.scores import class_scores
from rarepix.scores.class_scores import KINDS, auroc, by_kind, mean, ratio
from rarepix.scores.rows import KINDS_OF, ClassNames, Sums


def pixel_accuracy(sums: Sums, classes: ClassNames) -> float:
    """Return the share of the pixels whose class is predicted."""
    confusion = np.asarray(sums["confusion"])
    return float(ratio(np.trace(confusion), confusion.sum()))


def frequency_weighted_iou(sums: Sums, classes: ClassNames) -> float:
    """Return the mean of the classes' IoU, weighted by their share of the true pixels (Long et al. 2015)."""
    counts = by_kind(sums["pixels"])
    true = counts["tp"] + counts["fn"]
    return float(ratio((np.nan_to_num(class_scores.iou(counts)) * true).sum(), true.sum()))


def kappa(sums: Sums, classes: ClassNames) -> float:
    """Return Cohen's kappa: (agreement − agreement by chance) / (1 − agreement by chance)."""
    confusion = np.asarray(sums["confusion"])
    total = confusion.sum()
    chance = float(ratio(float(confusion.sum(axis=0) @ confusion.sum(axis=1)), float(total) ** 2))
    return float(ratio(pixel_accuracy(sums, classes) - chance, 1 - chance))


def foreground_iou(sums: Sums, classes: ClassNames) -> float:
    """Return the mean IoU of the classes that are not the background, pooled over all images.

    A false alarm on an empty image lowers it. The "IoU" of the full-background study.
    """
    values = class_scores.iou(by_kind(sums["pixels"]))
    return mean(values[~np.isin(classes.names, classes.background)])


def empty_false_alarm_rate(sums: Sums, classes: ClassNames) -> float:
    """Return the share of the empty images, which hold no class, in which any is found. Absent: no image is empty."""
    return float(class_scores.false_alarm_rate(_foreground(sums)))


def sensitivity(sums: Sums, classes: ClassNames) -> float:
    """Return the share of the images with any class in which any is found. Absent: every image is empty."""
    return float(class_scores.recall(_foreground(sums)))


def binary_accuracy(sums: Sums, classes: ClassNames) -> float:
    """Return the mean of ``sensitivity`` and of the share of the empty images in which nothing is found.

    Absent: where either is. Published by the full-background study.
    """
    return float(class_scores.balanced_accuracy(_foreground(sums)))


def class_accuracy(sums: Sums, classes: ClassNames) -> float:
    """Return the mean of each class's recall over images and of the share of the empty images that are found empty.

    Empty counts as one more class; what is absent is left out of the mean. Published by the full-background study.
    """
    recalls = class_scores.recall(by_kind(sums["presence"]))
    return mean(np.append(recalls, class_scores.specificity(_foreground(sums))))


def isuei_sum(sums: Sums, classes: ClassNames) -> float:
    """Return ``positive_iou`` + ``class_accuracy``, by which the full-background study kept its checkpoints."""
    positive_iou = mean(class_scores.iou(by_kind(sums["positive_pixels"])))
    return positive_iou + class_accuracy(sums, classes)


def foreground_auroc(sums: Sums, classes: ClassNames) -> float:
    """Return the area under the ROC curve of "is any class in the image?", by the greatest score of its classes.

    Absent: every image is empty, or none.
    """
    return float(auroc(_any_class(sums)))


def false_alarms_at_sensitivity(percent: int, sums: Sums) -> float:
    """Return the smallest false-alarm rate on empty images of a threshold that finds *percent* % of the others.

    Thresholds are the edges of the bins: there is no interpolation between them. Absent: every image is empty, or none.
    """
    alarms, found = _from_the_top(sums)
    enough = found * 100 >= percent * found[-1]
    return float(ratio(alarms[np.argmax(enough)], alarms[-1] if found[-1] else 0))


def sensitivity_at_false_alarms(percent: int, sums: Sums) -> float:
    """Return the greatest sensitivity of a threshold with false alarms on at most *percent* % of the empty images.

    Thresholds are the edges of the bins; 0 where even the highest has more. Absent: every image is empty, or none.
    """
    alarms, found = _from_the_top(sums)
    few = alarms * 100 <= percent * alarms[-1]
    return float(ratio(found[few].max(), found[-1] if alarms[-1] else 0))


def _foreground(sums: Sums) -> dict[str, np.ndarray]:
    return by_kind(np.asarray(sums["foreground"]), KINDS)


def _any_class(sums: Sums) -> dict[str, np.ndarray]:
    """Return the last row of the histograms, which is of any class: negatives B and positives B."""
    return by_kind(np.asarray(sums["presence_histogram"])[-1], KINDS_OF["presence_histogram"])


def _from_the_top(sums: Sums) -> tuple[np.ndarray, np.ndarray]:
    """Return the empty and the other images, each B+1, with a score above each threshold, the highest one first.

    The first threshold is above every score, the last one below.
    """
    rows = _any_class(sums)
    alarms, found = (np.append(0, rows[kind][::-1].cumsum()) for kind in ("negatives", "positives"))
    return alarms, found
