"""The table of scores: every score that a whole split can have, as a function of sums over its images.

A score is a row: the sums that it needs, its function, and whether more or less of it is better. Validation,
objectives, constraints, ``rarepix test``, records, NNI and the analysis take their scores from here.

=========== ============ ===================================================================================
sums        shape        what
=========== ============ ===================================================================================
pixels      (N) C 4      pixels of each class, one against the rest: ``KINDS``
confusion   (N) C C      pixels by true and by predicted class; not of a multilabel task
presence    (N) K 4      images by whether the class is in them and was found in them: ``KINDS``
soft        (N) C 6      ``SOFT_KINDS``: of soft masks
surface     (N) C 4      ``SURFACE_KINDS``: of outlines
=========== ============ ===================================================================================

N are images (sums add up over them), C all classes, K those that are not the background.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from rarepix.choices import ChoiceError, pick
from rarepix.scores import class_scores
from rarepix.scores.class_scores import KINDS, SOFT_KINDS, SURFACE_KINDS, Score, by_kind, mean, ratio

Direction = Literal["maximize", "minimize"]
Sums = Mapping[str, np.ndarray]
"""Name of the sums → their array, with or without the axis N of the images."""
KINDS_OF = {"pixels": KINDS, "presence": KINDS, "soft": SOFT_KINDS, "surface": SURFACE_KINDS}
"""Sums of each class → what the last axis is."""


class ClassNames(NamedTuple):
    """The classes that sums are of."""

    names: tuple[str, ...]
    """All C of them."""
    rare: tuple[str, ...] = ()
    background: tuple[str, ...] = ()
    """The name of the background; empty where there is none."""

    def of(self, sums: str) -> tuple[str, ...]:
        """Return the classes along the class axis of these sums."""
        return tuple(name for name in self.names if name not in self.background) if sums == "presence" else self.names


class ClassScore(NamedTuple):
    """A score of each class."""

    needs: str
    """The sums that it is a function of."""
    function: Score
    """(counts by kind, absent=policy) → values … C."""
    direction: Direction = "maximize"

    def values(self, sums: np.ndarray) -> np.ndarray:
        """Return the score of each class, … C, of the sums that it needs; absent is NaN."""
        return self.function(by_kind(np.asarray(sums), KINDS_OF[self.needs]))


class DatasetScore(NamedTuple):
    """A score of a whole split."""

    needs: str
    """The sums that it is a function of."""
    function: Callable[[np.ndarray, ClassNames], float]
    """(sums without the axis of images, their classes) → value; NaN where it is absent."""
    direction: Direction = "maximize"


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


def score_name(group: str, class_score: str) -> str:
    """Return the name of a score of a group of classes: ``rare_dice``; the mean IoU is called ``miou``."""
    return "miou" if (group, class_score) == ("mean", "iou") else f"{group}_{class_score}"


def is_of_rare_classes(name: str) -> bool:
    """Return whether a score of a whole split is the mean of the rare classes."""
    return name.startswith("rare_")


def _of_group(class_score: str, group: str) -> DatasetScore:
    row = CLASS_SCORES[class_score]

    def function(sums: np.ndarray, classes: ClassNames) -> float:
        return groups(row.values(sums), classes.of(row.needs), classes.rare, direction=row.direction)[group]

    return DatasetScore(row.needs, function, row.direction)


def _pixel_accuracy(confusion: np.ndarray, classes: ClassNames) -> float:
    """Return the share of the pixels whose class is predicted."""
    return float(ratio(np.trace(confusion), confusion.sum()))


def _frequency_weighted_iou(pixels: np.ndarray, classes: ClassNames) -> float:
    """Return the mean of the classes' IoU, weighted by their share of the true pixels (Long et al. 2015)."""
    counts = by_kind(pixels)
    true = counts["tp"] + counts["fn"]
    return float(ratio((np.nan_to_num(class_scores.iou(counts)) * true).sum(), true.sum()))


def _kappa(confusion: np.ndarray, classes: ClassNames) -> float:
    """Return Cohen's kappa: (agreement − agreement by chance) / (1 − agreement by chance)."""
    total = confusion.sum()
    chance = float(ratio(float(confusion.sum(axis=0) @ confusion.sum(axis=1)), float(total) ** 2))
    return float(ratio(_pixel_accuracy(confusion, classes) - chance, 1 - chance))


SCORES: dict[str, DatasetScore] = {
    **{score_name(group, name): _of_group(name, group) for name in CLASS_SCORES for group in GROUPS},
    "pixel_accuracy": DatasetScore("confusion", _pixel_accuracy),
    "kappa": DatasetScore("confusion", _kappa),
    "frequency_weighted_iou": DatasetScore("pixels", _frequency_weighted_iou),
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
    if row.needs not in sums:
        raise MissingSums(
            f"the score {name!r} needs sums of {row.needs}, but there are sums of {', '.join(sums) or '(nothing)'}: "
            f"choose one of {', '.join(available(sums)) or '(none)'}"
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
        return SCORES[base].function(np.asarray(sums[SCORES[base].needs]), classes)
    row = CLASS_SCORES[base]
    return float(row.values(sums[row.needs])[classes.of(row.needs).index(of_class)])


def available(sums: Collection[str]) -> list[str]:
    """Return the names of all scores in ``SCORES`` that can be had of these sums."""
    return [name for name, row in SCORES.items() if row.needs in sums]


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
