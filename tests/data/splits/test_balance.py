"""Groups dealt to folds: whole, evenly, and against scikit-learn's own."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from rarepix.data.splits.balance import as_shares, deal_groups, sum_by
from rarepix.seeding import generator


def unevenness(labels: np.ndarray, found: np.ndarray, folds: int) -> float:
    return float(as_shares(sum_by(found, labels, folds)).std(axis=0).mean())


def test_groups_of_one_kind_by_hand():
    """Four groups of six, four and two images: the folds of a label each get one of a size."""
    groups = np.repeat(np.arange(6), [6, 6, 4, 4, 2, 2])
    labels = np.eye(2, dtype=int)[np.repeat([0, 1, 0, 1, 0, 1], [6, 6, 4, 4, 2, 2])]
    found = deal_groups(labels, groups, 2, 0)
    assert np.bincount(found).tolist() == [12, 12]
    assert sum_by(found, labels).tolist() == [[6, 6], [6, 6]]


@pytest.mark.parametrize("seed", range(5))
def test_more_even_than_chance_and_about_as_scikit_learn(seed):
    random = generator(seed, "test")
    groups = np.concatenate([np.arange(40), random.integers(0, 40, 360)])
    stratum = random.integers(0, 4, 40)[groups] * (random.random(400) < 0.8)
    labels = np.eye(4, dtype=int)[stratum]
    ours = unevenness(labels, deal_groups(labels, groups, 5, seed), 5)
    theirs, by_chance = np.empty(400, int), random.integers(0, 5, 40)[groups]
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(labels, stratum, groups)):
        theirs[held_out] = fold
    assert ours < unevenness(labels, by_chance, 5) / 3
    assert ours < 1.5 * unevenness(labels, theirs, 5)


@pytest.mark.parametrize("sizes", [[30, 1, 1, 1], [1] * 4, [5, 5, 5, 5], [9, 1, 1, 1]])
def test_no_fold_is_empty(sizes):
    groups = np.repeat(np.arange(4), sizes)
    for labels in (np.ones((len(groups), 1), int), np.zeros((len(groups), 2), int)):
        assert sorted(set(deal_groups(labels, groups, 4, 0))) == [0, 1, 2, 3]


def test_sums_and_shares_by_hand():
    sums = sum_by(np.array([1, 0, 1]), np.array([[1, 0], [2, 0], [3, 0]]))
    assert sums.tolist() == [[2, 0], [4, 0]]
    assert as_shares(sums).tolist() == [[1 / 3, 0], [2 / 3, 0]]
    assert sum_by(np.array([0]), np.array([[1]]), 3).tolist() == [[1], [0], [0]]
