"""Effects and their intervals: by hand, against brute force, and whether they cover."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import effect_sizes
from analysis.statistics.effect_sizes import cliffs_delta, mean_paired, rank_biserial, shift_paired, shift_unpaired
from analysis.statistics.rank_tests import mann_whitney, signed_rank


def test_rank_biserial_by_hand():
    """Differences 1, -2, 3: ranks 1, 2, 3; (1 + 3 - 2) / 6."""
    assert rank_biserial(np.zeros(3), np.array([1.0, -2, 3])) == pytest.approx(1 / 3)
    assert rank_biserial(np.zeros(3), np.array([1.0, 2, 3])) == 1
    assert rank_biserial(np.ones(4), np.ones(4)) == 0


def test_one_pair_that_differs_among_eight_is_no_effect_of_one():
    assert rank_biserial(np.zeros(8), np.array([0.0] * 7 + [1])) == pytest.approx(8 / 36)


def test_cliffs_delta_by_hand():
    a, b = np.array([1.0, 2, 3]), np.array([2.0, 4])
    # higher: (2,1) (4,1) (4,2) (4,3); lower: (2,3); tie: (2,2)
    assert cliffs_delta(a, b) == pytest.approx((4 - 1) / 6)


@pytest.mark.parametrize("effect", [rank_biserial, cliffs_delta])
def test_swapping_flips_the_sign_of_effects(effect):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=7), rng.normal(1, 1, size=7)
    assert effect(a, b) == pytest.approx(-effect(b, a))


@pytest.mark.parametrize("shift", [shift_paired, shift_unpaired, mean_paired])
def test_swapping_flips_the_interval(shift):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=9), rng.normal(1, 1, size=9)
    there, back = shift(a, b), shift(b, a)
    np.testing.assert_allclose([there.value, there.low, there.high], [-back.value, -back.high, -back.low])
    assert there.low <= there.value <= there.high


def test_hodges_lehmann_by_hand():
    """Differences 1, 2, 6: Walsh averages 1 1.5 2 3.5 4 6, median 2.75."""
    assert shift_paired(np.zeros(3), np.array([1.0, 2, 6])).value == pytest.approx(2.75)
    # all b_j - a_i: 3 2, 5 4 → median 3.5
    assert shift_unpaired(np.array([0.0, 1]), np.array([3.0, 5])).value == pytest.approx(3.5)


def kept_shifts(test, a, b, grid) -> np.ndarray:
    """The shifts of *b* that the test does not reject at 5 %: an interval by definition."""
    return np.array([shift for shift in grid if test(a, b - shift)[1] > 0.05])


@pytest.mark.parametrize(
    ("shift", "test", "sizes"), [(shift_paired, signed_rank, (9, 9)), (shift_unpaired, mann_whitney, (7, 8))]
)
def test_interval_is_the_set_of_shifts_that_the_test_keeps(shift, test, sizes):
    rng = np.random.default_rng(11)
    a, b = rng.normal(size=sizes[0]), rng.normal(0.5, 1, size=sizes[1])
    grid = np.arange(-3, 3, 0.004)
    kept, result = kept_shifts(test, a, b, grid), shift(a, b)
    assert (result.low, result.high) == (pytest.approx(kept.min(), abs=0.005), pytest.approx(kept.max(), abs=0.005))


@pytest.mark.parametrize(("n", "has_one"), [(5, False), (6, True)])
def test_no_interval_where_n_is_too_small(n, has_one):
    """2 / 2^5 is above .05, 2 / 2^6 is not: with six pairs the interval runs from the lowest to the highest."""
    differences = np.arange(1.0, n + 1)
    result = shift_paired(np.zeros(n), differences)
    assert np.isnan(result.low) != has_one
    assert np.isnan(result.high) != has_one
    if has_one:
        assert (result.low, result.high) == (1, n)


def test_no_unpaired_interval_for_three_against_three():
    """2 / 20 = .1."""
    assert np.isnan(shift_unpaired(np.arange(3.0), np.arange(3.0)).low)
    assert not np.isnan(shift_unpaired(np.arange(4.0), np.arange(4.0)).low)


@pytest.mark.parametrize("n", [8, 12])
@pytest.mark.parametrize(("shift", "gain"), [*product([shift_paired, shift_unpaired, mean_paired], [0.0, 0.013])])
def test_intervals_cover_what_they_promise(shift, gain, n):
    """1,000 simulated studies: at least 93 % (three standard errors below 95 %), and not all of them."""
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(1000):
        a, b = rng.normal(0, 0.0054, n), rng.normal(gain, 0.0054, n)
        result = shift(a, b)
        hits += result.low <= gain <= result.high
    assert 0.93 <= hits / 1000 <= 0.985


def test_mean_paired_is_students_interval():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=8), rng.normal(size=8)
    expected = stats.ttest_rel(b, a).confidence_interval(0.95)
    assert mean_paired(a, b)[1:] == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert np.isnan(mean_paired(a[:1], b[:1]).low)


@pytest.mark.parametrize(("shift", "n"), [(shift_paired, 120), (shift_unpaired, 60)])
def test_large_samples_have_intervals_too(shift, n):
    rng = np.random.default_rng(4)
    result = shift(rng.normal(size=n), rng.normal(0.5, 1, size=n))
    assert result.low < result.value < result.high
    assert result.high - result.low < 1


@pytest.fixture
def nothing_listed(monkeypatch):
    monkeypatch.setattr(effect_sizes, "LISTED", 0)


def values(n: int, ties: bool) -> np.ndarray:
    rng = np.random.default_rng(n)
    return rng.integers(-3, 4, n) / 4 if ties else rng.normal(size=n)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [1, 2, 9, 30])
def test_every_average_in_order(n, ties, nothing_listed):
    x = values(n, ties)
    every = np.sort([(x[i] + x[j]) / 2 for i in range(n) for j in range(i, n)])
    size, smallest = effect_sizes.walsh_averages(x)
    assert size == len(every)
    np.testing.assert_allclose([smallest(k) for k in range(size)], every, atol=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_every_difference_in_order(ties, nothing_listed):
    a, b = values(7, ties), values(11, ties)
    every = np.sort([y - x for x in a for y in b])
    size, smallest = effect_sizes.pairwise_differences(a, b)
    np.testing.assert_allclose([smallest(k) for k in range(size)], every, atol=1e-12)


def test_many_pairs_need_little_room():
    """Thirty thousand pairs have 450 million averages."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=30_000)
    paired, unpaired = shift_paired(a, a + rng.normal(0.1, 1, 30_000)), shift_unpaired(a, rng.normal(0.1, 1, 30_000))
    for result in (paired, unpaired):
        assert result.low < result.value < result.high
        assert result.value == pytest.approx(0.1, abs=0.03)
        assert result.high - result.low < 0.04
