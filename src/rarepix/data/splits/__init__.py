"""Splits: image id → fold, by name. The fold that validates is the block's; the others train.

A split has two steps: compute labels of the images, and assign images to folds so that each fold has its share of every
label. Groups of images that must stay together are assigned by the same labels. Then a split is repaired where folds
lack a class that they could have.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from rarepix.choices import pick
from rarepix.data.splits.clusters import NON_OBJECTS
from rarepix.data.splits.fold_assignment import grouped_folds, multilabel_folds, random_folds, stratified_folds
from rarepix.data.splits.groups import group_numbers
from rarepix.data.splits.labels import LabelInputs, cluster_labels, major_class_labels, multilabel_labels, no_labels
from rarepix.data.splits.repair import repair
from rarepix.data.tables import checked

SPLITS: dict[str, tuple[Callable[[LabelInputs], np.ndarray], Callable[[np.ndarray, int, int], np.ndarray]]] = {
    "random": (no_labels, random_folds),
    "multilabel": (multilabel_labels, multilabel_folds),
    "proportion_cluster": (cluster_labels, stratified_folds),
    "major_class": (major_class_labels, stratified_folds),
}
"""``data.split`` → what is stratified (image × label of 0 and 1), and from labels, folds and seed to each fold."""


def make_split(
    counts: pd.DataFrame,
    kind: str,
    *,
    folds: int,
    seed: int,
    columns: Sequence[str] | None = None,
    on: str = "presence",
    groups: pd.Series | None = None,
    centroids: pd.DataFrame | None = None,
    ignoring: Sequence[str] = NON_OBJECTS,
) -> pd.Series:
    """Return image id → fold (0 … folds − 1), in the order of the table.

    No fold is empty, and each class is in as many folds as the number of images (or groups) with it allows.

    Args:
        counts: image × class table of pixel counts.
        kind: name in ``SPLITS``.
        folds: number of folds, at least 2 and at most the number of images, or of groups.
        seed: of the shuffle.
        columns: the columns of *counts* that are classes (default: all). The others count for an image's area only.
        on: multilabel: what is stratified, presence, pixels or proportion (see ``multilabel_labels``).
        groups: image id → group that never crosses folds.
        centroids: proportion_cluster: cluster × class table of shares (default: ``clusters.fit`` of *counts*).
        ignoring: columns that clusters leave out, and that are the major class only of an image without another.

    Raises:
        ValueError: unknown kind or *on*, *folds* out of range, a table that is none of counts or lacks one of *columns*
            (see ``tables.checked``), images without a group, or an argument that does not go with the kind.
    """
    labels_of, assign = pick(SPLITS, kind, "data.split")
    if not 2 <= folds <= len(counts):
        raise ValueError(f"folds must be from 2 to the number of images, {len(counts)}, but got {folds}")
    if on != "presence" and kind != "multilabel":
        raise ValueError(f"on={on!r} goes with the split 'multilabel' only, but got {kind!r}: leave it out")
    if centroids is not None and kind != "proportion_cluster":
        raise ValueError(f"centroids go with the split 'proportion_cluster' only, but got {kind!r}: leave them out")
    stratified = checked(counts, columns, what="the split's columns")
    if kind == "proportion_cluster" or on == "proportion":
        checked(counts)  # all columns together are an image's area
    labels = labels_of(LabelInputs(stratified, counts, on, tuple(ignoring), centroids))
    if groups is None:
        units, fold_of = np.arange(len(counts)), assign(labels, folds, seed)
    else:
        units = group_numbers(groups, counts.index, folds)
        fold_of = grouped_folds(labels, units, folds, seed)
    fold_of = repair(fold_of, units, (stratified > 0).to_numpy(), labels, folds=folds, seed=seed)
    return pd.Series(fold_of, index=counts.index, name="fold")
