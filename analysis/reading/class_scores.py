"""Scores of classes as tables: means over classes for every trial and split, and the most frequent class as baseline.

The scores themselves are those of ``rarepix.scores``. A class that is neither in the truth nor in the prediction has no
IoU (0 / 0): NaN, which every mean here leaves out (the policy ``skip``, named in every report).
"""

import pandas as pd

from rarepix import scores

COUNTS = ["tp", "fp", "fn", "tn"]


def scores_by_split(classes: pd.DataFrame) -> pd.DataFrame:
    """Return a row per trial and a column per split and score: ``val_miou``, ``val_rare_iou``, ``val_worst_iou``, …

    They are the mean over the classes, the mean over the rare ones (NaN if none is named) and the lowest class.

    Args:
        classes: a row per trial, split and class with the columns ``iou`` and ``rare``.
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
        classes: a row per class of one split of one trial, with counts.

    Returns:
        The same rows with the counts, and the ``iou``, of the constant prediction.
    """
    truth, pixels = classes["tp"] + classes["fn"], classes[COUNTS].sum(axis=1)
    predicted = truth == truth.max()
    predicted &= ~predicted.duplicated()  # of two equally frequent classes, the first
    constant = classes.assign(
        tp=truth.where(predicted, 0),
        fp=(pixels - truth).where(predicted, 0),
        fn=truth.where(~predicted, 0),
        tn=(pixels - truth).where(~predicted, 0),
    )
    return constant.assign(iou=scores.iou(constant))
