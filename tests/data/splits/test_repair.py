"""Repair: as good as the best of all splits of small tables, and no more than is needed."""

import itertools

import numpy as np
import pytest

from rarepix.data.splits.exchanges import Dealt
from rarepix.data.splits.repair import repair
from rarepix.seeding import generator


def repaired(fold_of, holds, *, groups=None, folds: int = 2, seed: int = 0, labels=None) -> np.ndarray:
    fold_of, holds = np.array(fold_of), np.array(holds, bool)
    groups = np.arange(len(fold_of)) if groups is None else np.array(groups)
    labels = np.ones((len(fold_of), 1), int) if labels is None else np.array(labels)
    return repair(fold_of, groups, holds, labels, folds=folds, seed=seed)


def lacking(fold_of, holds, folds: int) -> list[int]:
    """Number of folds without the class, for each class."""
    return [folds - len(set(np.array(fold_of)[column])) for column in np.array(holds, bool).T]


def cost(fold_of, holds, groups, folds: int) -> int:
    return int(Dealt(np.array(fold_of), groups, holds, np.ones((len(groups), 1)), folds).cost())


@pytest.mark.parametrize("seed", range(5))
def test_a_class_in_one_fold_is_spread(seed):
    found = repaired([0, 0, 0, 1, 1, 1], [[1], [1], [0], [0], [0], [0]], seed=seed)
    assert lacking(found, [[1], [1], [0], [0], [0], [0]], 2) == [0]
    assert np.bincount(found).tolist() == [3, 3]
    assert (found != [0, 0, 0, 1, 1, 1]).sum() == 2


def test_what_lacks_nothing_is_left_alone():
    given = [0, 1, 0, 1, 2, 2]
    assert repaired(given, [[1, 1], [1, 1], [1, 0], [1, 0], [1, 1], [1, 0]], folds=3).tolist() == given


def test_what_cannot_be_better_is_left_alone():
    """One image holds the class."""
    assert repaired([0, 0, 1, 1], [[1], [0], [0], [0]]).tolist() == [0, 0, 1, 1]


def test_three_pairs_in_a_ring_cannot_all_be_parted():
    """a holds 0 and 1, b 1 and 2, c 0 and 2: of three classes in two folds one stays whole."""
    holds = [[1, 0, 1], [1, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert sorted(lacking(repaired([0, 0, 0, 1], holds), holds, 2)) == [0, 0, 1]


def test_a_class_that_is_in_one_fold_only_comes_first():
    """b can leave its fold only in exchange for the image of a in fold 1; then a is still in two folds of three."""
    holds = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [0, 0]], bool)
    found = repaired([0, 0, 1, 0, 2, 2], holds, folds=3)
    assert lacking(found, holds, 3)[1] <= 1


def test_the_exchange_that_keeps_the_labels_even_is_made():
    """Any image of fold 1 would do; 4 and 7 have the label of those that hold the class."""
    holds = [[1], [1], [0], [0], [0], [0], [0], [0]]
    labels = [[1, 0], [1, 0], [0, 1], [0, 1], [1, 0], [0, 1], [0, 1], [1, 0]]
    taken = {
        tuple(np.flatnonzero(repaired([0] * 4 + [1] * 4, holds, labels=labels, seed=s)[4:] == 0)) for s in range(9)
    }
    assert taken == {(0,), (3,)}


def test_an_empty_fold_is_filled():
    found = repaired([0, 0, 0, 0, 1], [[1]] * 5, folds=3)
    assert sorted(np.bincount(found, minlength=3)) == [1, 1, 3]


def test_groups_are_moved_whole():
    groups = [0, 0, 1, 1, 2, 3, 3]
    found = repaired([0, 0, 0, 0, 0, 1, 1], [[1], [0], [1], [0], [0], [0], [0]], groups=groups)
    assert lacking(found, [[1], [0], [1], [0], [0], [0], [0]], 2) == [0]
    assert all(len(set(found[np.array(groups) == group])) == 1 for group in range(4))


def random_case(number: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Six units, alone or grouped, and up to five classes."""
    random = generator(number, "case")
    groups = np.arange(6) if number % 2 else np.concatenate([np.arange(6), random.integers(0, 6, 3)])
    holds = random.random((len(groups), random.integers(1, 6))) < random.uniform(0.1, 0.6)
    return groups, holds, int(random.integers(2, 4))


def best_of_all(groups: np.ndarray, holds: np.ndarray, folds: int, sizes: list[int] | None) -> int:
    """The least cost of any assignment; *sizes*: of those whose folds have these sizes only."""
    splits = (np.array(each)[groups] for each in itertools.product(range(folds), repeat=6))
    wanted = [each for each in splits if sizes is None or np.bincount(each, minlength=folds).tolist() == sizes]
    return min(cost(each, holds, groups, folds) for each in wanted)


@pytest.mark.parametrize("number", range(24))
def test_nothing_is_lacking_that_some_other_split_would_have(number):
    groups, holds, folds = random_case(number)
    given = (np.arange(6) % folds)[groups] if number % 3 else np.sort(np.arange(6) % folds)[groups]
    found = repair(given, groups, holds, np.ones((len(groups), 1), int), folds=folds, seed=number)
    sizes = np.bincount(given, minlength=folds).tolist() if number % 2 else None
    assert sizes in (None, np.bincount(found, minlength=folds).tolist())
    assert cost(found, holds, groups, folds) == best_of_all(groups, holds, folds, sizes)


def test_cost_by_hand():
    """Two folds, the second empty; of the classes one could be in two folds, the other is in one image."""
    dealt = Dealt(np.zeros(3, int), np.arange(3), np.array([[1, 0], [1, 1], [0, 0]]), np.ones((3, 1)), 2)
    assert dealt.target.tolist() == [2, 2, 1]
    assert dealt.cost() == 36 + 6 + 1
    assert dealt.lacking().tolist() == [[1, 0], [1, 1]]
