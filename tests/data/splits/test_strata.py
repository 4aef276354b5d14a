"""Images dealt to folds: as the libraries deal them, and where these refuse."""

import numpy as np
import pandas as pd
import pytest
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
from sklearn.model_selection import KFold, StratifiedKFold

from rarepix.data.splits.strata import cut_at_random, cut_by_labels, cut_by_stratum
from rarepix.seeding import generator

pytestmark = pytest.mark.filterwarnings("error")


def folds_of(parts, size: int) -> list[int]:
    found = np.empty(size, int)
    for fold, (_, held_out) in enumerate(parts):
        found[held_out] = fold
    return found.tolist()


def one_hot(strata) -> np.ndarray:
    return pd.get_dummies(pd.Series(strata), dtype=int).to_numpy()


@pytest.mark.parametrize("seed", range(3))
def test_at_random_is_a_shuffled_kfold(seed):
    parts = KFold(4, shuffle=True, random_state=seed).split(np.zeros(30))
    assert cut_at_random(np.ones((30, 1)), 4, seed).tolist() == folds_of(parts, 30)


@pytest.mark.parametrize("seed", range(3))
def test_by_stratum_is_a_stratified_kfold(seed):
    strata = generator(0, "strata").integers(0, 6, 100)
    parts = StratifiedKFold(5, shuffle=True, random_state=seed).split(strata, strata)
    assert cut_by_stratum(one_hot(strata), 5, seed).tolist() == folds_of(parts, 100)


@pytest.mark.parametrize("seed", range(3))
def test_by_labels_is_iterative_stratification_with_the_label_of_every_image_too(seed):
    labels = (generator(0, "labels").random((100, 4)) < [0.5, 0.2, 0.1, 1]).astype(int)
    parts = MultilabelStratifiedKFold(5, shuffle=True, random_state=seed).split(labels, labels)
    assert cut_by_labels(labels, 5, seed).tolist() == folds_of(parts, 100)


def test_strata_of_fewer_images_than_folds_are_in_some_folds():
    strata = np.array([0] * 10 + [1] * 3 + [2])
    found = cut_by_stratum(one_hot(strata), 5, 0)
    assert [len(set(found[strata == stratum])) for stratum in range(3)] == [5, 3, 1]


@pytest.mark.parametrize("strata", [np.arange(12), np.arange(12) // 2, np.repeat([0, 1, 2, 3], 3)])
def test_strata_that_are_all_smaller_than_the_folds(strata):
    found = [cut_by_stratum(one_hot(strata), 4, seed) for seed in range(6)]
    for each in found:
        assert np.bincount(each).tolist() == [3, 3, 3, 3]
        assert all(len(set(each[strata == stratum])) == (strata == stratum).sum() for stratum in set(strata))
    assert len({tuple(each) for each in found}) == 6


@pytest.mark.parametrize("seed", range(5))
def test_one_label(seed):
    labels = np.array([[1]] * 4 + [[0]] * 8)
    found = cut_by_labels(labels, 4, seed)
    assert np.bincount(found).tolist() == [3, 3, 3, 3]
    assert sorted(found[:4]) == [0, 1, 2, 3]
