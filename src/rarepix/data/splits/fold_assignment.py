"""Ways to assign images to folds: at random, stratified by one label or by several at once, or in groups.

Labels are an image × label table of 0 and 1: what each fold should have its share of.
"""

import warnings

import numpy as np

from rarepix.seeding import generator


def random_folds(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each image: folds of the same size, whatever is in the images."""
    from sklearn.model_selection import KFold

    return _fold_of_images(KFold(folds, shuffle=True, random_state=seed).split(labels), len(labels))


def stratified_folds(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each image: each label, of which an image has one, spread evenly.

    A stratum of fewer images than folds is in some folds only. Where all are that small, which scikit-learn refuses,
    the images are assigned round robin, stratum after stratum.
    """
    from sklearn.model_selection import StratifiedKFold

    stratum = labels.argmax(axis=1)
    if labels.sum(axis=0).max() < folds:
        return _round_robin(stratum, folds, seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, stratum)
        return _fold_of_images(splits, len(labels))


def multilabel_folds(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each image: every label spread evenly, the rarest first.

    Iterative stratification (Sechidis, Tsoumakas & Vlahavas 2011: On the stratification of multi-label data).
    """
    from iterstrat.ml_stratifiers import MultilabelStratifiedKFold

    if labels.shape[1] == 1:  # iterstrat needs at least two labels; absence carries the same information as presence
        labels = np.hstack([labels, 1 - labels])
    splitter = MultilabelStratifiedKFold(folds, shuffle=True, random_state=seed)
    return _fold_of_images(splitter.split(labels, labels), len(labels))


def grouped_folds(labels: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each image; images of one group are in one fold, and no fold is empty.

    Greedy, as scikit-learn's ``StratifiedGroupKFold``, but with several labels an image, which that class refuses:
    groups in random order, those with the most uneven labels first, each to the fold that leaves the least variance
    between the folds' shares of every label and of the images. *groups* are numbers from 0, each of which occurs.
    """
    random = generator(seed, "groups")
    sums = sum_by(groups, labels)
    shares = as_shares(np.column_stack([sums, np.bincount(groups)]))
    order = random.permutation(len(sums))
    order = order[np.argsort(-sums[order].std(axis=1), kind="stable")]
    filled = np.zeros((folds, shares.shape[1]))
    fold_of = np.empty(len(sums), dtype=int)
    for groups_left, group in zip(range(len(order), 0, -1), order, strict=True):
        empty = filled[:, -1] == 0
        allowed = np.flatnonzero(empty) if groups_left <= empty.sum() else np.arange(folds)
        added = filled[allowed] @ shares[group]  # half of the growth of the sum of squares; the means do not change
        ranked = np.lexsort((random.random(len(allowed)), filled[allowed, -1], added.round(12)))
        fold_of[group] = allowed[ranked[0]]
        filled[fold_of[group]] += shares[group]
    return fold_of[groups]


def sum_by(groups: np.ndarray, values: np.ndarray, size: int | None = None) -> np.ndarray:
    """Return group × column: the sums of the rows of *values* (*size* groups; default: up to the highest number)."""
    sums = np.zeros((groups.max() + 1 if size is None else size, values.shape[1]), dtype=float)
    np.add.at(sums, groups, values)
    return sums


def as_shares(sums: np.ndarray) -> np.ndarray:
    """Return each column divided by its total; a column of zeros stays so."""
    totals = sums.sum(axis=0)
    return sums / np.where(totals > 0, totals, 1.0)


def _round_robin(stratum: np.ndarray, folds: int, seed: int) -> np.ndarray:
    random = generator(seed, "strata")
    rank = random.permutation(stratum.max() + 1)[stratum]
    order = np.lexsort((random.random(len(stratum)), rank))
    fold_of = np.empty(len(stratum), dtype=int)
    fold_of[order] = random.permutation(folds)[np.arange(len(stratum)) % folds]
    return fold_of


def _fold_of_images(splits, size: int) -> np.ndarray:
    fold_of = np.full(size, -1)
    for fold, (_, held_out) in enumerate(splits):
        fold_of[held_out] = fold
    return fold_of
