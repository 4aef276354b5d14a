"""The table of scores: every score that a whole split can have, as a function of sums over its images.

A score is a row: the sums that it needs, its function, and whether more or less of it is better. Validation,
objectives, constraints, ``rarepix test``, records, NNI and the analysis take their scores from here.

================== ============ ============================================================================
sums               shape        what
================== ============ ============================================================================
pixels             (N) C 4      pixels of each class, one against the rest: ``KINDS``
confusion          (N) C C      pixels by true and by predicted class; not of a multilabel task
presence           (N) K 4      images by whether the class is in them and was found in them: ``KINDS``
foreground         (N) 4        images by whether any class is in them and any was found: ``KINDS``
positive_pixels    (N) K 4      as pixels, of the images with any class alone
image_dice         (N) K 4      ``IMAGE_DICE_KINDS``: Dice of each image
presence_histogram (1) K+1 B 2  images without and with the class by bin of the presence score, see
                                ``metrics.presence_scores``; the last row is of any class
soft               (N) C 6      ``SOFT_KINDS``: of soft masks
surface            (N) C 4      ``SURFACE_KINDS``: of outlines
================== ============ ============================================================================

N are images (sums add up over them), C all classes, K those that are not the background, B bins.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from rarepix.choices import ChoiceError, pick
from rarepix.scores import class_scores, dataset_scores
from rarepix.scores.class_scores import mean
from rarepix.scores.rows import ClassNames, ClassScore, DatasetScore, Direction, Sums

CLASS_SCORES: dict[str, ClassScore] = {
    "iou": ClassScore("pixels", class_scores.iou),
    "dice": ClassScore("pixels", class_scores.dice),
    "precision": ClassScore("pixels", class_scores.precision),
    "recall": ClassScore("pixels", class_scores.recall),
    "specificity": ClassScore("pixels", class_scores.specificity),
    "accuracy": ClassScore("pixels", class_scores.accuracy),
    "soft_iou": ClassScore("soft", class_scores.soft_iou),
    "soft_recall": ClassScore("soft", class_scores.soft_recall),
    "soft_specificity": ClassScore("soft", class_scores.soft_specificity),
    "boundary_iou": ClassScore("surface", class_scores.boundary_iou),
    "surface_dice": ClassScore("surface", class_scores.surface_dice),
    "presence_recall": ClassScore("presence", class_scores.recall),
    "presence_precision": ClassScore("presence", class_scores.precision),
    "presence_specificity": ClassScore("presence", class_scores.specificity),
    "presence_accuracy": ClassScore("presence", class_scores.accuracy),
    "presence_balanced_accuracy": ClassScore("presence", class_scores.balanced_accuracy),
    "false_alarm_rate": ClassScore("presence", class_scores.false_alarm_rate, "minimize"),
    "presence_auroc": ClassScore("presence_histogram", class_scores.presence_auroc),
    "positive_iou": ClassScore("positive_pixels", class_scores.iou),
    "positive_dice": ClassScore("image_dice", class_scores.positive_dice),
    "siim_dice": ClassScore("image_dice", class_scores.siim_dice),
}
"""Name → score of each class. ``presence_…`` and ``false_alarm_rate`` are of images: is the class in it at all?"""

PIXEL_SCORES = tuple(name for name, row in CLASS_SCORES.items() if row.needs == "pixels")
"""The scores of each class that every segmentation has."""


def groups(
    values: np.ndarray, names: Sequence[str], rare: Sequence[str], *, direction: Direction = "maximize"
) -> dict[str, float]:
    """Return mean, rare (mean of the *rare* classes), frequent (mean of the others) and worst of scores C by class.

    Classes whose score is NaN (absent) are left out of each.
    """
    is_rare = np.isin(names, rare)
    worst = class_scores.worst(values) if direction == "maximize" else -class_scores.worst(-np.asarray(values, float))
    return {"mean": mean(values), "rare": mean(values[is_rare]), "frequent": mean(values[~is_rare]), "worst": worst}


GROUPS = ("mean", "rare", "frequent", "worst")
"""What ``groups`` makes of the values of all classes."""


OF_POSITIVE_IMAGES = ("positive_iou", "positive_dice", "siim_dice")
"""Scores of each class in which the images that hold a class have a part of their own; they name their means, too."""


def score_name(group: str, class_score: str) -> str:
    """Return the name of a score of a group of classes: ``rare_dice``; the mean IoU is called ``miou``.

    Means of the scores ``OF_POSITIVE_IMAGES`` are called as these are.
    """
    if group == "mean" and class_score in OF_POSITIVE_IMAGES:
        return class_score
    return "miou" if (group, class_score) == ("mean", "iou") else f"{group}_{class_score}"


def is_of_rare_classes(name: str) -> bool:
    """Return whether a score of a whole split is the mean of the rare classes."""
    return name.startswith("rare_")


def _of_group(class_score: str, group: str) -> DatasetScore:
    row = CLASS_SCORES[class_score]

    def function(sums: Sums, classes: ClassNames) -> float:
        values = row.values(sums[row.needs])
        return groups(values, classes.of(row.needs), classes.rare, direction=row.direction)[group]

    return DatasetScore((row.needs,), function, row.direction)


def _at(function: Callable[[int, Sums], float], percent: int, direction: Direction) -> DatasetScore:
    return DatasetScore(("presence_histogram",), lambda sums, classes: function(percent, sums), direction)


EMPTY_IMAGE_SCORES: dict[str, DatasetScore] = {
    "foreground_iou": DatasetScore(("pixels", "presence"), dataset_scores.foreground_iou),
    "class_accuracy": DatasetScore(("presence", "foreground"), dataset_scores.class_accuracy),
    "binary_accuracy": DatasetScore(("foreground",), dataset_scores.binary_accuracy),
    "isuei_sum": DatasetScore(("positive_pixels", "presence", "foreground"), dataset_scores.isuei_sum),
    "empty_false_alarm_rate": DatasetScore(("foreground",), dataset_scores.empty_false_alarm_rate, "minimize"),
    "sensitivity": DatasetScore(("foreground",), dataset_scores.sensitivity),
    "foreground_auroc": DatasetScore(("presence_histogram",), dataset_scores.foreground_auroc),
    **{
        f"false_alarms_at_sensitivity_{percent:02}": _at(
            dataset_scores.false_alarms_at_sensitivity, percent, "minimize"
        )
        for percent in (80, 90, 95)
    },
    **{
        f"sensitivity_at_false_alarms_{percent:02}": _at(
            dataset_scores.sensitivity_at_false_alarms, percent, "maximize"
        )
        for percent in (1, 5, 10)
    },
}
"""Name → score of a whole split in which the empty images, those that hold no class, have a part of their own."""
SCORES: dict[str, DatasetScore] = {
    **{score_name(group, name): _of_group(name, group) for name in CLASS_SCORES for group in GROUPS},
    "pixel_accuracy": DatasetScore(("confusion",), dataset_scores.pixel_accuracy),
    "kappa": DatasetScore(("confusion",), dataset_scores.kappa),
    "frequency_weighted_iou": DatasetScore(("pixels",), dataset_scores.frequency_weighted_iou),
    **EMPTY_IMAGE_SCORES,
}
"""Name → score of a whole split: ``miou``, ``rare_recall``, ``worst_dice``, ``mean_false_alarm_rate``, ``kappa``, …"""

SUMMARY = {
    "pixels": ("miou", "rare_iou", "frequent_iou", "worst_iou"),
    "presence": ("mean_presence_recall", "mean_presence_specificity", "mean_presence_balanced_accuracy"),
}
"""Sums → the scores that every validation reports: those of the pixels, or of presence where there are no pixels."""
SUMMARY_BY_CLASS = {"pixels": "iou", "presence": "presence_balanced_accuracy"}
"""Sums → the score of each class that every validation reports, as ``iou/<class>``."""


class MissingSums(ValueError):
    """A score needs sums that were not taken; the message names both."""


def pool(sums: Sums) -> dict[str, np.ndarray]:
    """Return sums with the axis of images N summed over the images."""
    return {name: np.asarray(values).sum(axis=0) for name, values in sums.items()}


def check_score(name: str, sums: Collection[str], classes: ClassNames) -> None:
    """Raise an error unless the score *name* can be computed from these *sums* of these classes.

    Raises:
        ChoiceError: there is no such score, or no such class.
        MissingSums: the sums that it needs are not among them.
    """
    row, of_class = _row(name)
    needs = (row.needs,) if isinstance(row, ClassScore) else row.needs
    missing = [kind for kind in needs if kind not in sums]
    if missing:
        raise MissingSums(
            f"the score {name!r} needs sums of {' and '.join(missing)}, but there are sums of "
            f"{', '.join(sums) or '(nothing)'}: choose one of {', '.join(available(sums)) or '(none)'}"
        )
    if of_class is not None and of_class not in classes.of(row.needs):
        base = name.partition("/")[0]
        valid = ", ".join(classes.of(row.needs))
        raise ChoiceError(f"unknown class {of_class!r} of the score {base!r}: valid: {valid}")


def score(name: str, sums: Sums, classes: ClassNames) -> float:
    """Return a score of pooled *sums*; a single class is named behind a slash: ``iou/rare class``.

    Absent classes are left out of means (policy ``skip``); what is absent altogether is NaN. Raises as ``check_score``.
    """
    check_score(name, sums, classes)
    base, slash, of_class = name.partition("/")
    if not slash:
        return SCORES[base].function(sums, classes)
    row = CLASS_SCORES[base]
    return float(row.values(sums[row.needs])[classes.of(row.needs).index(of_class)])


def available(sums: Collection[str]) -> list[str]:
    """Return the names of all scores in ``SCORES`` that can be had of these sums."""
    return [name for name, row in SCORES.items() if all(kind in sums for kind in row.needs)]


def direction_of(name: str) -> Direction:
    """Return whether more (maximize) or less (minimize) of a score is better.

    Raises:
        ChoiceError: there is no such score.
    """
    return _row(name)[0].direction


def _row(name: str) -> tuple[ClassScore | DatasetScore, str | None]:
    """Return the row of a score, and the class that *name* gives; None where it is a score of a whole split."""
    base, slash, of_class = name.partition("/")
    if not slash:
        return pick(SCORES, base, "score"), None
    return pick(CLASS_SCORES, base, "score of a class"), of_class


def summary(sums: Sums, classes: ClassNames) -> dict[str, float]:
    """Return the scores that every validation reports, of pooled *sums*: ``SUMMARY``, then a score of each class.

    An absent class has the IoU NaN and is left out of the means (policy ``skip``); a mean over no class is NaN.
    """
    kind = next(kind for kind in SUMMARY if kind in sums)
    by_class = SUMMARY_BY_CLASS[kind]
    values = zip(classes.of(kind), CLASS_SCORES[by_class].values(sums[kind]), strict=True)
    named = {f"{by_class}/{name}": float(value) for name, value in values}
    return {name: score(name, sums, classes) for name in SUMMARY[kind]} | named


def empty_image_summary(sums: Sums, classes: ClassNames) -> dict[str, float]:
    """Return the scores that treat empty images apart, as far as pooled *sums* give them; absent is NaN."""
    had = available(sums)
    names = (*EMPTY_IMAGE_SCORES, *OF_POSITIVE_IMAGES)
    return {name: score(name, sums, classes) for name in names if name in had}


def objective(name: str, sums: Sums, classes: ClassNames, floor: float = 0.0) -> float:
    """Return the number that the search maximises: the score *name* of pooled *sums*.

    ``rare_iou`` has a floor: minus max(0, *floor* − the mean IoU of the other classes). Raises as ``score``.
    """
    value = score(name, sums, classes)
    if name != "rare_iou":
        return value
    frequent = score("frequent_iou", sums, classes)
    shortfall = 0.0 if np.isnan(frequent) else max(0.0, floor - frequent)
    return value - shortfall
