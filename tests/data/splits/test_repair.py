"""Repair: as good as the best of all splits of small tables, and no more than is needed."""

import itertools

import numpy as np
import pytest

from rarepix.data.splits.repair import FoldAssignment, repair
from rarepix.seeding import generator


def repaired(fold_of, presence, *, groups=None, folds: int = 2, seed: int = 0, labels=None) -> np.ndarray:
    fold_of, presence = np.array(fold_of), np.array(presence, bool)
    groups = np.arange(len(fold_of)) if groups is None else np.array(groups)
    labels = np.ones((len(fold_of), 1), int) if labels is None else np.array(labels)
    return repair(fold_of, groups, presence, labels, folds=folds, seed=seed)


def lacking(fold_of, presence, folds: int) -> list[int]:
    """Number of folds without the class, for each class."""
    return [folds - len(set(np.array(fold_of)[column])) for column in np.array(presence, bool).T]


def cost(fold_of, presence, groups, folds: int) -> int:
    return int(FoldAssignment(np.array(fold_of), groups, presence, np.ones((len(groups), 1)), folds).cost())


@pytest.mark.parametrize("seed", range(5))
def test_a_class_in_one_fold_is_spread(seed):
    fold_of = repaired([0, 0, 0, 1, 1, 1], [[1], [1], [0], [0], [0], [0]], seed=seed)
    assert lacking(fold_of, [[1], [1], [0], [0], [0], [0]], 2) == [0]
    assert np.bincount(fold_of).tolist() == [3, 3]
    assert (fold_of != [0, 0, 0, 1, 1, 1]).sum() == 2


def test_what_lacks_nothing_is_left_alone():
    given = [0, 1, 0, 1, 2, 2]
    assert repaired(given, [[1, 1], [1, 1], [1, 0], [1, 0], [1, 1], [1, 0]], folds=3).tolist() == given


def test_what_cannot_be_better_is_left_alone():
    """One image has the class."""
    assert repaired([0, 0, 1, 1], [[1], [0], [0], [0]]).tolist() == [0, 0, 1, 1]


def test_three_pairs_in_a_ring_cannot_all_be_parted():
    """a has 0 and 1, b 1 and 2, c 0 and 2: of three classes in two folds one stays whole."""
    presence = [[1, 0, 1], [1, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert sorted(lacking(repaired([0, 0, 0, 1], presence), presence, 2)) == [0, 0, 1]


def test_a_class_that_is_in_one_fold_only_comes_first():
    """b can leave its fold only in exchange for the image of a in fold 1; then a is still in two folds of three."""
    presence = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [0, 0]], bool)
    fold_of = repaired([0, 0, 1, 0, 2, 2], presence, folds=3)
    assert lacking(fold_of, presence, 3)[1] <= 1


def test_the_exchange_that_keeps_the_labels_even_is_made():
    """Any image of fold 1 would do; 4 and 7 have the label of those that hold the class."""
    presence = [[1], [1], [0], [0], [0], [0], [0], [0]]
    labels = [[1, 0], [1, 0], [0, 1], [0, 1], [1, 0], [0, 1], [0, 1], [1, 0]]
    taken = {
        tuple(np.flatnonzero(repaired([0] * 4 + [1] * 4, presence, labels=labels, seed=s)[4:] == 0)) for s in range(9)
    }
    assert taken == {(0,), (3,)}


def test_an_empty_fold_is_filled():
    fold_of = repaired([0, 0, 0, 0, 1], [[1]] * 5, folds=3)
    assert sorted(np.bincount(fold_of, minlength=3)) == [1, 1, 3]


def test_groups_are_moved_whole():
    groups = [0, 0, 1, 1, 2, 3, 3]
    fold_of = repaired([0, 0, 0, 0, 0, 1, 1], [[1], [0], [1], [0], [0], [0], [0]], groups=groups)
    assert lacking(fold_of, [[1], [0], [1], [0], [0], [0], [0]], 2) == [0]
    assert all(len(set(fold_of[np.array(groups) == group])) == 1 for group in range(4))


def random_case(number: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Six units, alone or grouped, and up to five classes."""
    random = generator(number, "case")
    groups = np.arange(6) if number % 2 else np.concatenate([np.arange(6), random.integers(0, 6, 3)])
    presence = random.random((len(groups), random.integers(1, 6))) < random.uniform(0.1, 0.6)
    return groups, presence, int(random.integers(2, 4))


def best_of_all(groups: np.ndarray, presence: np.ndarray, folds: int, sizes: list[int] | None) -> int:
    """The least cost of any assignment; *sizes*: of those whose folds have these sizes only."""
    splits = (np.array(each)[groups] for each in itertools.product(range(folds), repeat=6))
    wanted = [each for each in splits if sizes is None or np.bincount(each, minlength=folds).tolist() == sizes]
    return min(cost(each, presence, groups, folds) for each in wanted)


@pytest.mark.parametrize("number", range(24))
def test_nothing_is_lacking_that_some_other_split_would_have(number):
    groups, presence, folds = random_case(number)
    given = (np.arange(6) % folds)[groups] if number % 3 else np.sort(np.arange(6) % folds)[groups]
    fold_of = repair(given, groups, presence, np.ones((len(groups), 1), int), folds=folds, seed=number)
    sizes = np.bincount(given, minlength=folds).tolist() if number % 2 else None
    assert sizes in (None, np.bincount(fold_of, minlength=folds).tolist())
    assert cost(fold_of, presence, groups, folds) == best_of_all(groups, presence, folds, sizes)


def test_cost_by_hand():
    """Two folds, the second empty; of the classes one could be in two folds, the other is in one image."""
    assignment = FoldAssignment(np.zeros(3, int), np.arange(3), np.array([[1, 0], [1, 1], [0, 0]]), np.ones((3, 1)), 2)
    assert assignment.target.tolist() == [2, 2, 1]
    assert assignment.cost() == 36 + 6 + 1
    assert assignment.lacking().tolist() == [[1, 0], [1, 1]]
