"""Closed families together: Holm where each has one comparison, and every intersection of two classes listed."""

from itertools import combinations, product

import numpy as np
import pytest

from analysis.statistics.closed_families import ClosedFamilies, over_families
from analysis.statistics.closed_family import ClosedFamily
from analysis.statistics.corrections import holm
from analysis.statistics.intersections import BlockGroups
from analysis.statistics.permutation_null import quade_p
from analysis.statistics.rank_tests import signed_rank

PAIRS = tuple(combinations(range(3), 2))
PARTS = ((), ((0, 1),), ((0, 2),), ((1, 2),), PAIRS)
"""What an intersection can say of three levels of one class; two of the pairs imply the third."""


def family(scores: np.ndarray, pairs=PAIRS) -> ClosedFamily:
    return ClosedFamily("signed_rank", BlockGroups(scores, tuple(map(str, range(len(scores))))), pairs)


def own_p(scores: np.ndarray, pairs=PAIRS) -> list[float]:
    return [signed_rank(scores[:, a], scores[:, b])[1] for a, b in pairs]


@pytest.mark.parametrize("seed", range(4))
def test_two_levels_are_holm_over_classes(seed):
    classes = np.random.default_rng(seed).normal([0, 0.8], 1, (5, 9, 2))
    p = [own_p(scores, ((0, 1),))[0] for scores in classes]
    together = ClosedFamilies(tuple(family(scores, ((0, 1),)) for scores in classes), "classes")
    assert together.adjusted_p(p) == pytest.approx(holm(p))
    assert together.floors(0, 0.05) == pytest.approx([5 * 2 / 2**9] * 5)


@pytest.mark.parametrize("seed", range(6))
def test_two_classes_of_three_levels_are_every_intersection(seed):
    """Any part of one class with any part of the other: 24 intersections, Bonferroni over the classes touched."""
    classes = np.random.default_rng(seed).normal([0, 0.3, 1.2], 1, (2, 8, 3))
    expected = {(c, pair): 0.0 for c in (0, 1) for pair in PAIRS}
    for parts in product(PARTS, PARTS):
        touched = [c for c in (0, 1) if parts[c]]
        p = [
            quade_p(classes[c]) if len(parts[c]) == 3 else own_p(classes[c], parts[c])[0]
            for c in touched
        ]  # fmt: skip
        for c in touched:
            for pair in parts[c]:
                expected[c, pair] = max(expected[c, pair], min(1.0, len(touched) * min(p)))
    together = ClosedFamilies(tuple(map(family, classes)), "classes")
    found = together.adjusted_p([p for scores in classes for p in own_p(scores)])
    assert found == pytest.approx(list(expected.values()))


def test_families_by_hand():
    """The first family alone .01, with the second 2 × .03; the second needs the first too: 2 × min(.03, .2)."""
    assert over_families([np.array([0.01, 0.2]), np.array([0.03])]).tolist() == pytest.approx([0.02, 0.2, 0.06])


def test_one_family_is_itself():
    assert over_families([np.array([0.01, 0.7])]).tolist() == [0.01, 0.7]
