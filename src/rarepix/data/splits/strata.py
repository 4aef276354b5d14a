"""Images dealt to folds one by one: at random, by stratum, or by several labels at once."""

import warnings

import numpy as np

from rarepix.seeding import generator


def cut_at_random(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each image: folds of the same size, whatever the images hold."""
    from sklearn.model_selection import KFold

    return _folds(KFold(folds, shuffle=True, random_state=seed).split(labels), len(labels))


def cut_by_stratum(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each image: each label, of which an image has one, spread evenly.

    A stratum of fewer images than folds is in some folds only. Where all are that small, which the library refuses,
    the images are dealt in turn, stratum after stratum.
    """
    from sklearn.model_selection import StratifiedKFold

    stratum = labels.argmax(axis=1)
    if labels.sum(axis=0).max() < folds:
        return _deal(stratum, folds, seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        return _folds(StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, stratum), len(labels))


def cut_by_labels(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each image: every label spread evenly, the rarest first.

    Iterative stratification (Sechidis, Tsoumakas & Vlahavas 2011: On the stratification of multi-label data).
    """
    from iterstrat.ml_stratifiers import MultilabelStratifiedKFold

    if labels.shape[1] == 1:  # the library wants at least two labels; absence says the same as presence
        labels = np.hstack([labels, 1 - labels])
    splitter = MultilabelStratifiedKFold(folds, shuffle=True, random_state=seed)
    return _folds(splitter.split(labels, labels), len(labels))


def _deal(stratum: np.ndarray, folds: int, seed: int) -> np.ndarray:
    random = generator(seed, "strata")
    place = random.permutation(stratum.max() + 1)[stratum]
    order = np.lexsort((random.random(len(stratum)), place))
    fold_of = np.empty(len(stratum), dtype=int)
    fold_of[order] = random.permutation(folds)[np.arange(len(stratum)) % folds]
    return fold_of


def _folds(parts, size: int) -> np.ndarray:
    fold_of = np.full(size, -1)
    for fold, (_, held_out) in enumerate(parts):
        fold_of[held_out] = fold
    return fold_of
