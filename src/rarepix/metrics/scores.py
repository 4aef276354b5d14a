"""Scores as functions of counts. What is absent (0 / 0) is NaN, and means leave it out (``absent="skip"``)."""

import numpy as np


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return numerator / denominator, NaN where the denominator is 0: the one place where 0 / 0 is decided."""
    numerator, denominator = np.asarray(numerator, float), np.asarray(denominator, float)
    return np.divide(numerator, denominator, out=np.full_like(denominator, np.nan), where=denominator != 0)


def iou(counts: dict[str, np.ndarray]) -> np.ndarray:
    """Return tp / (tp + fp + fn) per class: the dataset-level IoU if the counts are pooled over a dataset."""
    return ratio(counts["tp"], counts["tp"] + counts["fp"] + counts["fn"])


def mean(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    present = np.asarray(values, float)
    present = present[~np.isnan(present)]
    return float(present.mean()) if len(present) else float("nan")


def summary(counts: dict[str, np.ndarray], names: tuple[str, ...], rare: tuple[str, ...]) -> dict[str, float]:
    """Return miou, rare_iou, frequent_iou (of all others), worst_iou and ``iou/<class>`` of pooled counts (each C)."""
    values = iou(counts)
    present = values[~np.isnan(values)]
    is_rare = np.isin(names, rare)
    return {
        "miou": mean(values),
        "rare_iou": mean(values[is_rare]),
        "frequent_iou": mean(values[~is_rare]),
        "worst_iou": float(present.min()) if len(present) else float("nan"),
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
