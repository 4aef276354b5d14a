"""The tests against scipy, and against counting every arrangement where scipy has no exact answer."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.corrections import CORRECTIONS, correct, needed_n
from analysis.statistics.rank_tests import TESTS, mann_whitney, paired_t, rank_sum, signed_rank


def by_all_signs(differences: np.ndarray) -> float:
    """Two-sided p of W+ with Pratt's zeros, over all 2^n sign patterns."""
    ranks = stats.rankdata(np.abs(differences))[differences != 0]
    observed = ranks[differences[differences != 0] > 0].sum()
    sums = np.array(
        [sum(r for r, up in zip(ranks, signs, strict=True) if up) for signs in product([0, 1], repeat=len(ranks))]
    )
    return min(1.0, 2 * min((sums <= observed).mean(), (sums >= observed).mean()))


def by_all_splits(a: np.ndarray, b: np.ndarray) -> float:
    """Two-sided p of the rank sum of *b*, over all ways to split the values."""
    ranks = stats.rankdata(np.concatenate([a, b]))
    observed = ranks[len(a) :].sum()
    sums = np.array([sum(chosen) for chosen in combinations(ranks, len(b))])
    return min(1.0, 2 * min((sums <= observed + 1e-9).mean(), (sums >= observed - 1e-9).mean()))


@pytest.mark.parametrize("n", [1, 2, 5, 9, 25])
def test_signed_rank_is_scipys_exact_one_without_ties(n):
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=n), rng.normal(0.3, 1, size=n)
    assert signed_rank(a, b)[1] == pytest.approx(stats.wilcoxon(b - a, method="exact").pvalue)


@pytest.mark.parametrize("seed", range(8))
def test_signed_rank_with_ties_and_zeros_counts_every_sign(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 4, size=8).astype(float), rng.integers(0, 5, size=8).astype(float)
    assert signed_rank(a, b)[1] == pytest.approx(by_all_signs(b - a))


def test_five_pairs_all_higher_give_a_sixteenth():
    assert signed_rank(np.zeros(5), np.arange(1.0, 6)) == (15.0, pytest.approx(0.0625))


@pytest.mark.parametrize("test", [signed_rank, paired_t])
def test_no_difference_at_all_is_p_one(test):
    assert test(np.ones(6), np.ones(6)) == (0.0, 1.0)


def test_rounding_does_not_break_a_tie():
    """0.30 - 0.25 and 0.10 - 0.05 differ in the last bit."""
    a, b = np.array([0.25, 0.05, 0.5]), np.array([0.30, 0.10, 0.1])
    assert 0.30 - 0.25 != 0.10 - 0.05
    assert signed_rank(a, b)[0] == 3.0  # ranks 1.5 + 1.5


def test_many_pairs_use_the_normal_approximation():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=150), rng.normal(0.1, 1, size=150)
    assert signed_rank(a, b)[1] == pytest.approx(stats.wilcoxon(b - a, method="exact").pvalue, rel=0.02)


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (3, 5), (8, 7), (20, 12)])
def test_mann_whitney_is_scipys_exact_one_without_ties(n_a, n_b):
    rng = np.random.default_rng(n_a)
    a, b = rng.normal(size=n_a), rng.normal(0.5, 1, size=n_b)
    expected = stats.mannwhitneyu(b, a, method="exact")
    assert mann_whitney(a, b) == (expected.statistic, pytest.approx(expected.pvalue))


@pytest.mark.parametrize("seed", range(5))
def test_mann_whitney_with_ties_counts_every_split(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 4, size=5).astype(float), rng.integers(0, 5, size=4).astype(float)
    assert mann_whitney(a, b)[1] == pytest.approx(by_all_splits(a, b))


def test_rank_sum_and_paired_t_are_scipys():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=6), rng.normal(size=6)
    assert rank_sum(a, b) == tuple(stats.ranksums(b, a))
    assert paired_t(a, b) == tuple(stats.ttest_rel(b, a))


@pytest.mark.parametrize("name", ["signed_rank", "mann_whitney", "rank_sum"])
@pytest.mark.parametrize("n", [1, 3, 6])
def test_the_floor_is_reached_by_the_clearest_data_and_by_none_below(name, n):
    test = TESTS[name]
    clearest = test.run(np.zeros(n) + np.linspace(0, 0.1, n), np.arange(1.0, n + 1))
    assert clearest[1] == pytest.approx(test.floor(n, n))


@pytest.mark.parametrize(
    ("test", "family", "correction", "n"),
    [
        ("signed_rank", 1, "holm", 6),  # 2/64 = .031
        ("signed_rank", 3, "holm", 7),  # 3 × 2/128 = .047
        ("signed_rank", 6, "holm", 8),  # 6 × 2/256 = .047
        ("signed_rank", 6, "bh", 6),  # all six at .031
        ("mann_whitney", 1, "holm", 4),  # 2/70 = .029
        ("paired_t", 9, "holm", 1),  # no floor
    ],
)
def test_needed_n(test, family, correction, n):
    for have in (1, 40):  # too few, or more than enough
        assert set(needed_n(TESTS[test].floor, [(have, have)] * family, correction, 0.05)) == {n}


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("test", ["signed_rank", "mann_whitney"])
def test_needed_n_of_unequal_sizes_by_trying_every_n(test, correction):
    rng, floor = np.random.default_rng(4), TESTS[test].floor
    for _ in range(40):
        sizes = rng.integers(1, 12, (4, 1)) + (rng.integers(0, 9, (4, 2)) if test == "mann_whitney" else [[0, 0]])
        needed = needed_n(floor, sizes, correction, 0.05)
        for i in np.flatnonzero(correct([floor(*size) for size in sizes.tolist()], correction) > 0.05):
            enough = [
                n for n in range(1, 12)
                if correct([floor(*size) for size in np.maximum(sizes, n).tolist()], correction)[i] <= 0.05
            ]  # fmt: skip
            assert needed[i] == enough[0]


def test_corrected_floors_bound_what_any_data_could_give():
    """Both corrections grow with every p, so the floors, corrected, bound the corrected p."""
    rng = np.random.default_rng(5)
    floors = np.array([2 / 2**n for n in (3, 5, 5, 8)])
    for correction in CORRECTIONS:
        for _ in range(200):
            p = floors + rng.random(4) * (1 - floors) * rng.random()
            assert (correct(p, correction) >= correct(floors, correction) - 1e-12).all()
