"""Groups dealt to folds whole, so that every label is spread as evenly as the groups allow."""

import numpy as np

from rarepix.seeding import generator


def deal_groups(labels: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each image; images of one group are in one fold, and no fold is empty.

    Greedily, as scikit-learn's ``StratifiedGroupKFold``: groups in random order, those of the most lopsided labels
    first, each to the fold that leaves the labels' shares of the folds (and the images') with the least variance.

    Args:
        labels: image × label of 0 and 1.
        groups: number of each image's group, from 0, each at least once.
        folds: at most the number of groups.
        seed: of the order and of ties.
    """
    random = generator(seed, "groups")
    sums = sum_by(groups, labels)
    shares = as_shares(np.column_stack([sums, np.bincount(groups)]))
    order = random.permutation(len(sums))
    order = order[np.argsort(-sums[order].std(axis=1), kind="stable")]
    filled = np.zeros((folds, shares.shape[1]))
    fold_of = np.empty(len(sums), dtype=int)
    for left, group in zip(range(len(order), 0, -1), order, strict=True):
        empty = filled[:, -1] == 0
        allowed = np.flatnonzero(empty) if left <= empty.sum() else np.arange(folds)
        added = filled[allowed] @ shares[group]  # half of what the sum of squares grows by; the means stay
        ranked = np.lexsort((random.random(len(allowed)), filled[allowed, -1], added.round(12)))
        fold_of[group] = allowed[ranked[0]]
        filled[fold_of[group]] += shares[group]
    return fold_of[groups]


def sum_by(groups: np.ndarray, values: np.ndarray, size: int | None = None) -> np.ndarray:
    """Return the sums of the rows of *values*, a row a group (*size* of them; default: up to the last one named)."""
    sums = np.zeros((groups.max() + 1 if size is None else size, values.shape[1]), dtype=float)
    np.add.at(sums, groups, values)
    return sums


def as_shares(sums: np.ndarray) -> np.ndarray:
    """Return the columns divided by their totals; a column of nothing stays so."""
    totals = sums.sum(axis=0)
    return sums / np.where(totals > 0, totals, 1.0)
