"""Presence: is a class in the image at all? Scores of that question, from counts and a score per image and class."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from rarepix.scores import Counts, ratio


def presence_table(
    counts: Counts, scores: np.ndarray, names: Sequence[str], *, least: int, absent: str = "skip"
) -> pd.DataFrame:
    """Return a row per class with the scores of the question whether the class is in the image.

    A class is in an image if any pixel of the truth has it, and predicted there if any pixel of the prediction has it.
    Images in which every pixel is ignored are left out.

    Args:
        counts: tp, fp, fn, tn, each N C.
        scores: N C, higher where the class is more likely to be in the image (its greatest probability there).
        least: pixels, at least 1: for ``false_positive_rate_least`` a class is predicted from so many pixels on.
        absent: policy of ``scores.ABSENT`` for 0 / 0. It does not concern the area under the ROC curve, which is NaN
            where the class is in all images or in none.

    Returns:
        class, with and without (images), accuracy, balanced_accuracy (mean of the next two), sensitivity, specificity,
        auroc (of the scores), false_positive_rate and false_positive_rate_least (of images without the class).

    Raises:
        ValueError: scores that are not N C finite numbers, or *least* below 1.
    """
    scores = np.asarray(scores, float)
    if scores.shape != counts["tp"].shape or not np.isfinite(scores).all():
        raise ValueError(
            f"scores must be finite numbers, one per image and class {counts['tp'].shape}, "
            f"but got {scores.shape} with {int((~np.isfinite(scores)).sum())} that are not: give the maximum of "
            f"each class's probability"
        )
    if least < 1:
        raise ValueError(f"least must be at least 1 pixel, but got {least}")
    rows = []
    for position, name in enumerate(names):
        tp, fp, fn, tn = (counts[kind][:, position] for kind in ("tp", "fp", "fn", "tn"))
        counted = tp + fp + fn + tn > 0
        present, predicted = (tp + fn > 0)[counted], (tp + fp)[counted]
        rows.append({"class": name, **_row(present, predicted, scores[counted, position], least, absent)})
    return pd.DataFrame(rows)


def _row(present: np.ndarray, predicted: np.ndarray, scores: np.ndarray, least: int, absent: str) -> dict[str, float]:
    """Return the scores of one class: *present* N bool, *predicted* N pixels, *scores* N."""
    positives, negatives = int(present.sum()), int((~present).sum())
    true_positives, true_negatives = int((predicted[present] > 0).sum()), int((predicted[~present] == 0).sum())
    sensitivity, specificity = ratio(true_positives, positives, absent), ratio(true_negatives, negatives, absent)
    return {
        "with": positives,
        "without": negatives,
        "accuracy": float(ratio(true_positives + true_negatives, positives + negatives, absent)),
        "balanced_accuracy": float((sensitivity + specificity) / 2),
        "sensitivity": float(sensitivity),
        "specificity": float(specificity),
        "auroc": float(roc_auc_score(present, scores)) if positives and negatives else float("nan"),
        "false_positive_rate": float(ratio(negatives - true_negatives, negatives, absent)),
        "false_positive_rate_least": float(ratio(int((predicted[~present] >= least).sum()), negatives, absent)),
    }
