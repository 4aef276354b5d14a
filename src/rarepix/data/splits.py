"""Splits: image id → fold, by name. The fold that validates is the block's; the others train."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from rarepix.choices import pick

Splitter = Callable[[pd.DataFrame, int, int], np.ndarray]


def _random(counts: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    from sklearn.model_selection import KFold

    return _folds(KFold(folds, shuffle=True, random_state=seed).split(counts), len(counts))


def _multilabel(counts: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    """Iterative stratification on the presence of classes (Sechidis et al. 2011)."""
    from iterstrat.ml_stratifiers import MultilabelStratifiedKFold

    presence = (counts > 0).to_numpy(int)
    varies = presence.min(axis=0) != presence.max(axis=0)  # a class in every image says nothing and distorts the counts
    if not varies.any():
        return _random(counts, folds, seed)
    labels = presence[:, varies]
    if labels.shape[1] == 1:  # the library wants at least two labels; absence says the same as presence
        labels = np.hstack([labels, 1 - labels])
    splitter = MultilabelStratifiedKFold(folds, shuffle=True, random_state=seed)
    return _folds(splitter.split(presence, labels), len(counts))


SPLITS: dict[str, Splitter] = {
    "random": _random,
    "multilabel": _multilabel,
}


def make_split(
    counts: pd.DataFrame, kind: str, *, folds: int, seed: int, columns: list[str] | None = None
) -> pd.Series:
    """Return image id → fold (0 … folds − 1).

    Args:
        counts: image × class table of pixel counts.
        kind: name in ``SPLITS``.
        folds: number of parts, at least 2 and at most the number of images.
        seed: of the shuffle.
        columns: the columns of *counts* that are classes to stratify on (default: all).

    Raises:
        ValueError: unknown kind, *folds* out of range, or a column that the table does not have.
    """
    splitter = pick(SPLITS, kind, "data.split")
    if not 2 <= folds <= len(counts):
        raise ValueError(f"folds must be from 2 to the number of images, {len(counts)}, but got {folds}")
    unknown = sorted(set(columns or ()) - set(counts.columns))
    if unknown:
        raise ValueError(f"the split's columns must be in the table ({', '.join(counts.columns)}), but got {unknown}")
    parts = splitter(counts[columns] if columns is not None else counts, folds, seed)
    return pd.Series(parts, index=counts.index, name="fold")


def _folds(parts, size: int) -> np.ndarray:
    fold_of = np.full(size, -1)
    for fold, (_, held_out) in enumerate(parts):
        fold_of[held_out] = fold
    return fold_of
