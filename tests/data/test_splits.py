"""Splits: against scikit-learn's KFold, and stratified where there is something to stratify on."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from rarepix.data.splits import make_split


def table(**columns: list[int]) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    return frame.set_index("i" + frame.index.astype(str))


TWELVE = table(ground=[5] * 12, rare=[3, 3, 3, 3, *[0] * 8], mid=[0, 1] * 6)


def test_random_is_a_shuffled_kfold():
    expected = np.empty(12, int)
    for fold, (_, held_out) in enumerate(KFold(4, shuffle=True, random_state=7).split(np.zeros(12))):
        expected[held_out] = fold
    assert make_split(TWELVE, "random", folds=4, seed=7).tolist() == expected.tolist()


def test_a_rare_class_is_spread_evenly():
    folds = make_split(TWELVE, "multilabel", folds=4, seed=0)
    assert folds[TWELVE["rare"] > 0].value_counts().tolist() == [1, 1, 1, 1]


def test_presence_counts_not_pixels():
    more = TWELVE * 1000
    assert make_split(more, "multilabel", folds=3, seed=1).equals(make_split(TWELVE, "multilabel", folds=3, seed=1))


@pytest.mark.parametrize("seed", range(5))
def test_one_class_that_varies_is_stratified_too(seed):
    two = TWELVE[["ground", "rare"]]
    folds = make_split(two, "multilabel", folds=4, seed=seed)
    assert folds.value_counts().tolist() == [3, 3, 3, 3]
    assert folds[two["rare"] > 0].nunique() == 4


def test_nothing_that_varies_leaves_chance():
    ground = TWELVE[["ground"]]
    assert make_split(ground, "multilabel", folds=3, seed=2).equals(make_split(ground, "random", folds=3, seed=2))


def test_columns_say_what_to_stratify_on():
    chosen = make_split(TWELVE, "multilabel", folds=4, seed=0, columns=["mid", "rare"])
    assert chosen.equals(make_split(TWELVE[["mid", "rare"]], "multilabel", folds=4, seed=0))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "multilable"}, "unknown data.split 'multilable': did you mean 'multilabel'"),
        ({"folds": 1}, "folds must be from 2 to the number of images, 12, but got 1"),
        ({"folds": 13}, "folds must be from 2 to the number of images, 12, but got 13"),
        ({"columns": ["rare", "rair"]}, r"must be in the table \(ground, rare, mid\), but got \['rair'\]"),
    ],
)
def test_refuses(given, message):
    with pytest.raises(ValueError, match=message):
        make_split(TWELVE, **({"kind": "random", "folds": 3, "seed": 0} | given))
