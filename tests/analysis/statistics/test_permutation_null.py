"""Permutation tests of groups: against scipy, statsmodels' and R's examples, and by counting permutations."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.permutation_null import DRAWS, kruskal_floor, kruskal_p, quade_floor, quade_p
from analysis.statistics.rank_tests import signed_rank


@pytest.mark.parametrize("digits", [1, 9])
@pytest.mark.parametrize("n", [6, 9, 14])
def test_two_levels_are_the_signed_rank_test_ties_included(n, digits):
    scores = np.random.default_rng(n).normal(size=(40, n, 2)).round(digits)
    assert quade_p(scores) == pytest.approx([signed_rank(*each.T)[1] for each in scores], abs=1e-12)


def test_quade_by_rs_example():
    """R: quade.test of Conover's hand lotions (7 stores, 5 brands), F = 3.8293 with 4 and 24 df, p = .01519."""
    lotions = np.array(
        [[5, 4, 7, 10, 12], [1, 3, 1, 0, 2], [16, 12, 22, 22, 35], [5, 4, 3, 5, 4], [10, 9, 7, 13, 10],
         [19, 18, 28, 37, 58], [10, 7, 6, 8, 7]], float,
    )  # fmt: skip
    assert quade_p(lotions) == pytest.approx(0.01519, abs=0.005)


def test_blocks_that_all_agree_have_the_smallest_p():
    for n, k in ((4, 3), (6, 3), (3, 4)):
        agreed = np.arange(k) * np.arange(1, n + 1)[:, None].astype(float)
        assert quade_p(agreed) == pytest.approx(quade_floor(n, k))
    assert quade_floor(12, 5) == 1 / (DRAWS + 1)


def test_ties_are_permuted_as_they_are():
    """Two levels that tie in one of three blocks: signs of two blocks, all alike in 2 of 4."""
    assert quade_p(np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 4.0]])) == pytest.approx(0.5)
    assert quade_p(np.full((5, 3), 0.3)) == 1


def test_rounding_makes_no_ranks():
    scores = np.array([[0.1 + 0.2, 0.3, 0.3]] * 6)
    assert quade_p(scores) == 1


def test_many_blocks_are_chi_squared():
    scores = np.random.default_rng(0).normal([0, 0, 0.2], 1, (99, 3))
    doubled = np.concatenate([scores, scores[:5]])
    assert quade_p(doubled) == pytest.approx(float(quade_p(scores)), abs=0.05)


def test_kruskal_is_scipys():
    groups = [np.random.default_rng(i).normal(0.4 * i, 1, 6 + i) for i in range(4)]
    assert kruskal_p(groups) == pytest.approx(stats.kruskal(*groups).pvalue, abs=0.01)
    many = [np.random.default_rng(i).normal(0.1 * i, 1, 80) for i in range(3)]
    assert kruskal_p(many) == pytest.approx(stats.kruskal(*many).pvalue)
    tied = [np.round(group) for group in many]
    assert kruskal_p(tied) == pytest.approx(stats.kruskal(*tied).pvalue)


def test_kruskal_floor_by_counting():
    """Six values in three groups of two: 90 ways, of which the 6 orders of three separate groups are farthest apart."""
    assert kruskal_floor(np.array([2, 2, 2])) == pytest.approx(6 / 90)
    separate = [np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0])]
    assert kruskal_p(separate) == pytest.approx(6 / 90, abs=0.01)
    assert kruskal_floor(np.array([4, 4])) == pytest.approx(2 / len(list(combinations(range(8), 4))))


def test_equal_runs_and_single_blocks_say_nothing():
    assert kruskal_p([np.ones(4), np.ones(3)]) == 1
    assert quade_p(np.array([[1.0, 2.0, 3.0]])) == 1


@pytest.mark.parametrize("n", [5, 8])
def test_the_level_is_kept_for_skewed_scores(n):
    scores = np.random.default_rng(n).lognormal(0, 1, (10_000, n, 4))
    assert np.mean(quade_p(scores) <= 0.05) == pytest.approx(0.05, abs=0.008)  # three standard errors, and the draws
