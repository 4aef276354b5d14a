"""Scores as functions of integer counts. What is absent (0 / 0) gets the value that its policy says: in ``ratio``.

Counts are a mapping of arrays … C of integers by kind (tp, fp, fn, tn): the last axis is the class, one before it the
image. ``pooled`` sums over images and then divides, ``per_image`` divides and then averages: two numbers, two names.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rarepix.choices import pick

Counts = Mapping[str, np.ndarray]
"""Kind → counts … C."""
Score = Callable[..., np.ndarray]
"""(counts, absent=policy) → values … C."""

ABSENT = {"skip": float("nan"), "zero": 0.0, "one": 1.0}
"""Policy → the value of 0 / 0. skip: NaN, which means leave out; zero: as bad as a miss (Cityscapes' evaluator);
one: as good as a hit (evaluators of lesions: nothing there and nothing found, Dice 1)."""


def ratio(numerator: np.ndarray, denominator: np.ndarray, absent: str = "skip") -> np.ndarray:
    """Return numerator / denominator, and where the denominator is 0 what the policy *absent* says.

    Raises:
        ChoiceError: *absent* is no policy.
    """
    numerator, denominator = np.asarray(numerator, float), np.asarray(denominator, float)
    value = pick(ABSENT, absent, "policy for what is absent")
    return np.divide(numerator, denominator, out=np.full_like(denominator, value), where=denominator != 0)


def iou(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return tp / (tp + fp + fn). Absent: neither there nor predicted."""
    return ratio(counts["tp"], counts["tp"] + counts["fp"] + counts["fn"], absent)


def dice(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return 2 tp / (2 tp + fp + fn). Absent: neither there nor predicted."""
    return ratio(2 * counts["tp"], 2 * counts["tp"] + counts["fp"] + counts["fn"], absent)


def precision(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return tp / (tp + fp). Absent: not predicted (whether there or not)."""
    return ratio(counts["tp"], counts["tp"] + counts["fp"], absent)


def recall(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return tp / (tp + fn). Absent: not there (whether predicted or not)."""
    return ratio(counts["tp"], counts["tp"] + counts["fn"], absent)


def specificity(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return tn / (tn + fp). Absent: there in every pixel."""
    return ratio(counts["tn"], counts["tn"] + counts["fp"], absent)


def accuracy(counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return (tp + tn) / pixels, class against rest: near 1 for any rare class, found or not. Absent: no pixels."""
    right = counts["tp"] + counts["tn"]
    return ratio(right, right + counts["fp"] + counts["fn"], absent)


SCORES: dict[str, Score] = {
    "iou": iou,
    "dice": dice,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
    "accuracy": accuracy,
}


def summed(counts: Counts) -> dict[str, np.ndarray]:
    """Return counts C of counts N C (or more leading axes): the sum over the images."""
    return {kind: values.reshape(-1, values.shape[-1]).sum(axis=0) for kind, values in counts.items()}


def stacked(images: Sequence[Counts]) -> dict[str, np.ndarray]:
    """Return counts N C of the counts C of N images, at least one."""
    return {kind: np.stack([counts[kind] for counts in images]) for kind in images[0]}


def pooled(score: Score, counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return the score C of the sum of counts N C over the images: each pixel counts the same."""
    return score(summed(counts), absent=absent)


def per_image(score: Score, counts: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return the mean C over the images of each one's score, of counts N C: each image counts the same.

    With ``skip`` an image in which the class is absent does not count; NaN if it is absent in all.
    """
    return np.array([mean(image_values) for image_values in score(counts, absent=absent).T])


def mean(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    present = _present(values)
    return float(present.mean()) if len(present) else float("nan")


def worst(values: np.ndarray) -> float:
    """Return the lowest of the values that are not NaN; NaN if there are none."""
    present = _present(values)
    return float(present.min()) if len(present) else float("nan")


def groups(values: np.ndarray, names: Sequence[str], rare: Sequence[str]) -> dict[str, float]:
    """Return of the scores C of classes the mean of all, of the rare ones, of the others (frequent), and the worst."""
    is_rare = np.isin(names, rare)
    return {
        "mean": mean(values),
        "rare": mean(values[is_rare]),
        "frequent": mean(values[~is_rare]),
        "worst": worst(values),
    }


def summary(counts: Counts, names: tuple[str, ...], rare: tuple[str, ...]) -> dict[str, float]:
    """Return miou, rare_iou, frequent_iou (of all others), worst_iou and ``iou/<class>`` of pooled counts (each C)."""
    values = iou(counts)
    of = groups(values, names, rare)
    return {
        "miou": of["mean"],
        "rare_iou": of["rare"],
        "frequent_iou": of["frequent"],
        "worst_iou": of["worst"],
        **{f"iou/{name}": float(value) for name, value in zip(names, values, strict=True)},
    }


def objective(
    name: str, scores: dict[str, float], names: tuple[str, ...], rare: tuple[str, ...], floor: float
) -> float:
    """Return the number that the search maximises.

    ``miou``: the mean over all classes. ``rare_iou``: the mean over the rare ones, less what the mean of the others
    falls short of *floor*.
    """
    if name == "miou":
        return scores["miou"]
    others = mean(np.array([scores[f"iou/{other}"] for other in names if other not in rare]))
    shortfall = 0.0 if np.isnan(others) else max(0.0, floor - others)
    return scores["rare_iou"] - shortfall


def _present(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    return values[~np.isnan(values)]
