"""Images assigned to folds: as scikit-learn and iterstrat do, where these refuse, and in groups."""

import numpy as np
import pandas as pd
import pytest
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold

from rarepix.data.splits.fold_assignment import (
    as_shares,
    grouped_folds,
    multilabel_folds,
    random_folds,
    stratified_folds,
    sum_by,
)
from rarepix.seeding import generator

pytestmark = pytest.mark.filterwarnings("error")


def folds_of(splits, size: int) -> list[int]:
    fold_of = np.empty(size, int)
    for fold, (_, held_out) in enumerate(splits):
        fold_of[held_out] = fold
    return fold_of.tolist()


def one_hot(strata) -> np.ndarray:
    return pd.get_dummies(pd.Series(strata), dtype=int).to_numpy()


@pytest.mark.parametrize("seed", range(3))
def test_at_random_is_a_shuffled_kfold(seed):
    splits = KFold(4, shuffle=True, random_state=seed).split(np.zeros(30))
    assert random_folds(np.ones((30, 1)), 4, seed).tolist() == folds_of(splits, 30)


@pytest.mark.parametrize("seed", range(3))
def test_by_stratum_is_a_stratified_kfold(seed):
    strata = generator(0, "strata").integers(0, 6, 100)
    splits = StratifiedKFold(5, shuffle=True, random_state=seed).split(strata, strata)
    assert stratified_folds(one_hot(strata), 5, seed).tolist() == folds_of(splits, 100)


@pytest.mark.parametrize("seed", range(3))
def test_by_labels_is_iterative_stratification_with_the_label_of_every_image_too(seed):
    labels = (generator(0, "labels").random((100, 4)) < [0.5, 0.2, 0.1, 1]).astype(int)
    splits = MultilabelStratifiedKFold(5, shuffle=True, random_state=seed).split(labels, labels)
    assert multilabel_folds(labels, 5, seed).tolist() == folds_of(splits, 100)


def test_strata_of_fewer_images_than_folds_are_in_some_folds():
    strata = np.array([0] * 10 + [1] * 3 + [2])
    fold_of = stratified_folds(one_hot(strata), 5, 0)
    assert [len(set(fold_of[strata == stratum])) for stratum in range(3)] == [5, 3, 1]


@pytest.mark.parametrize("strata", [np.arange(12), np.arange(12) // 2, np.repeat([0, 1, 2, 3], 3)])
def test_strata_that_are_all_smaller_than_the_folds(strata):
    fold_of = [stratified_folds(one_hot(strata), 4, seed) for seed in range(6)]
    for each in fold_of:
        assert np.bincount(each).tolist() == [3, 3, 3, 3]
        assert all(len(set(each[strata == stratum])) == (strata == stratum).sum() for stratum in set(strata))
    assert len({tuple(each) for each in fold_of}) == 6


@pytest.mark.parametrize("seed", range(5))
def test_one_label(seed):
    labels = np.array([[1]] * 4 + [[0]] * 8)
    fold_of = multilabel_folds(labels, 4, seed)
    assert np.bincount(fold_of).tolist() == [3, 3, 3, 3]
    assert sorted(fold_of[:4]) == [0, 1, 2, 3]


def unevenness(labels: np.ndarray, fold_of: np.ndarray, folds: int) -> float:
    return float(as_shares(sum_by(fold_of, labels, folds)).std(axis=0).mean())


def test_groups_of_one_kind_by_hand():
    """Four groups of six, four and two images: each fold gets one group of each size."""
    groups = np.repeat(np.arange(6), [6, 6, 4, 4, 2, 2])
    labels = np.eye(2, dtype=int)[np.repeat([0, 1, 0, 1, 0, 1], [6, 6, 4, 4, 2, 2])]
    fold_of = grouped_folds(labels, groups, 2, 0)
    assert np.bincount(fold_of).tolist() == [12, 12]
    assert sum_by(fold_of, labels).tolist() == [[6, 6], [6, 6]]


@pytest.mark.parametrize("seed", range(5))
def test_more_even_than_chance_and_about_as_scikit_learn(seed):
    random = generator(seed, "test")
    groups = np.concatenate([np.arange(40), random.integers(0, 40, 360)])
    stratum = random.integers(0, 4, 40)[groups] * (random.random(400) < 0.8)
    labels = np.eye(4, dtype=int)[stratum]
    grouped = unevenness(labels, grouped_folds(labels, groups, 5, seed), 5)
    expected, by_chance = np.empty(400, int), random.integers(0, 5, 40)[groups]
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(labels, stratum, groups)):
        expected[held_out] = fold
    assert grouped < unevenness(labels, by_chance, 5) / 3
    assert grouped < 1.5 * unevenness(labels, expected, 5)


@pytest.mark.parametrize("sizes", [[30, 1, 1, 1], [1] * 4, [5, 5, 5, 5], [9, 1, 1, 1]])
def test_no_fold_is_empty(sizes):
    groups = np.repeat(np.arange(4), sizes)
    for labels in (np.ones((len(groups), 1), int), np.zeros((len(groups), 2), int)):
        assert sorted(set(grouped_folds(labels, groups, 4, 0))) == [0, 1, 2, 3]


def test_sums_and_shares_by_hand():
    sums = sum_by(np.array([1, 0, 1]), np.array([[1, 0], [2, 0], [3, 0]]))
    assert sums.tolist() == [[2, 0], [4, 0]]
    assert as_shares(sums).tolist() == [[1 / 3, 0], [2 / 3, 0]]
    assert sum_by(np.array([0]), np.array([[1]]), 3).tolist() == [[1], [0], [0]]
