"""Ratios from counts: the one place of the analysis in which 0/0 is decided.

A class that is neither in the truth nor in the prediction has no IoU: NaN. A mean over classes therefore has to say
what it does with NaN; that is the argument ``absent``:

* ``"skip"``: the mean runs over the classes that have a score (the default, named in every report);
* ``"nan"``: one absent class makes the mean NaN.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

COUNTS = ["tp", "fp", "fn", "tn"]
ABSENT = ("skip", "nan")


def iou(tp, fp, fn):
    """Return intersection over union, tp / (tp + fp + fn), elementwise; NaN where the class is absent (0/0)."""
    tp, union = np.asarray(tp, dtype=float), np.asarray(tp) + np.asarray(fp) + np.asarray(fn)
    return np.divide(tp, union, out=np.full(tp.shape, np.nan), where=union > 0)


def reduce(values: pd.Series, how: Callable, absent: str = "skip") -> float:
    """Return ``how(values)`` (``np.mean``, ``np.min``) under the policy *absent* for NaN; NaN when nothing is left.

    Raises:
        ValueError: *absent* is not a policy.
    """
    if absent not in ABSENT:
        raise ValueError(f"absent must be one of {list(ABSENT)}, but got {absent!r}")
    values = np.asarray(values, dtype=float)
    kept = values[~np.isnan(values)] if absent == "skip" else values
    return float(how(kept)) if len(kept) else float("nan")


def pooled(classes: pd.DataFrame, absent: str = "skip") -> dict[str, float]:
    """Return the scores of one split of one trial from its pooled counts.

    Args:
        classes: a row a class with the columns ``iou`` and ``rare`` (see ``collect``).

    Returns:
        ``miou`` (mean over classes), ``rare_iou`` (mean over the rare ones; NaN when none is named) and
        ``worst_iou`` (the lowest class).
    """
    return {
        "miou": reduce(classes["iou"], np.mean, absent),
        "rare_iou": reduce(classes.loc[classes["rare"], "iou"], np.mean, absent),
        "worst_iou": reduce(classes["iou"], np.min, absent),
    }


def by_split(classes: pd.DataFrame) -> pd.DataFrame:
    """Return a row a trial, a column a split and score (``val_miou``, …): what ``pooled`` says of each, absent skipped.

    Args:
        classes: a row a trial, split and class with the columns ``iou`` and ``rare``.
    """
    keys = ["trial", "split"]
    ious = classes["iou"].astype(float)
    groups = classes[keys].assign(all=ious, rare=ious.where(classes["rare"].astype(bool))).groupby(keys, sort=False)
    table = groups.agg(miou=("all", "mean"), rare_iou=("rare", "mean"), worst_iou=("all", "min"))
    wide = table.unstack("split")
    wide = wide.reindex(columns=[(score, split) for split in classes["split"].unique() for score in table])
    return wide.set_axis([f"{split}_{score}" for score, split in wide.columns], axis=1)


def frequent_class_baseline(classes: pd.DataFrame) -> pd.DataFrame:
    """Return what always predicting the most frequent class would have counted on the same pixels.

    That class, with a share s of the pixels, gets IoU = s; every other class that is present gets 0, so that
    mIoU = s / (number of present classes). A model below this has learned nothing about the rare classes.

    Args:
        classes: a row a class of one split of one trial, with counts.

    Returns:
        The same rows with the counts, and the ``iou``, of the constant prediction.
    """
    truth, pixels = classes["tp"] + classes["fn"], classes[COUNTS].sum(axis=1)
    chosen = truth == truth.max()
    chosen &= ~chosen.duplicated()  # of two equally frequent classes, the first
    constant = classes.assign(
        tp=truth.where(chosen, 0),
        fp=(pixels - truth).where(chosen, 0),
        fn=truth.where(~chosen, 0),
        tn=(pixels - truth).where(~chosen, 0),
    )
    return constant.assign(iou=iou(constant["tp"], constant["fp"], constant["fn"]))
