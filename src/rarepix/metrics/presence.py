"""Is the class in the image at all? Scores of that question, from counts and a number per image and class."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from rarepix.scores import Counts, ratio


def presence_table(
    counts: Counts, scores: np.ndarray, names: Sequence[str], *, least: int, absent: str = "skip"
) -> pd.DataFrame:
    """Return a row a class: is it in the image, and is it said to be?

    A class is in an image if it has a true pixel, and said to be if it has a predicted one. Images of which every
    pixel is ignored are left out.

    Args:
        counts: tp, fp, fn, tn, each N C.
        scores: N C, higher where the class is more likely to be in the image (its greatest probability there).
        names: of the classes.
        least: pixels, at least 1, for ``false_positive_rate_least``: predictions of fewer are none.
        absent: policy of ``metrics.scores`` for 0 / 0. The area under the curve has no such value: it is NaN where
            the class is in all images or in none.

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
        there, said = (tp + fn > 0)[counted], (tp + fp)[counted]
        rows.append({"class": name, **_row(there, said, scores[counted, position], least, absent)})
    return pd.DataFrame(rows)


def _row(there: np.ndarray, said: np.ndarray, scores: np.ndarray, least: int, absent: str) -> dict[str, float]:
    """Return the scores of one class: *there* N bool, *said* N pixels predicted, *scores* N."""
    positive, negative = int(there.sum()), int((~there).sum())
    found, quiet = int((said[there] > 0).sum()), int((said[~there] == 0).sum())
    sensitivity, specificity = ratio(found, positive, absent), ratio(quiet, negative, absent)
    return {
        "with": positive,
        "without": negative,
        "accuracy": float(ratio(found + quiet, positive + negative, absent)),
        "balanced_accuracy": float((sensitivity + specificity) / 2),
        "sensitivity": float(sensitivity),
        "specificity": float(specificity),
        "auroc": float(roc_auc_score(there, scores)) if positive and negative else float("nan"),
        "false_positive_rate": float(ratio(negative - quiet, negative, absent)),
        "false_positive_rate_least": float(ratio(int((said[~there] >= least).sum()), negative, absent)),
    }
