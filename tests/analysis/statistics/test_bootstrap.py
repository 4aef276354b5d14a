"""BCa against scipy's, the expansion for few values, and when there is no interval."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.bootstrap import bca, mean_difference_interval, mean_interval, resampled_weights


@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("n", [15, 60])
def test_bca_is_scipys(n, skewed):
    rng = np.random.default_rng(n)
    values = rng.lognormal(0, 1, n) if skewed else rng.normal(0, 1, n)
    expected = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=9_999, rng=np.random.default_rng(1))
    result = bca(values.mean(), resampled_weights(n, 0) @ values, [values - values.mean()], 0.025)
    assert result == pytest.approx(expected.confidence_interval, abs=0.15 * expected.standard_error)


def test_bca_of_two_samples_is_scipys():
    rng = np.random.default_rng(5)
    a, b = rng.lognormal(0, 1, 25), rng.lognormal(0.5, 0.7, 18)
    statistic = lambda x, y, axis=-1: np.mean(y, axis=axis) - np.mean(x, axis=axis)  # noqa: E731
    expected = stats.bootstrap((a, b), statistic, method="BCa", n_resamples=9_999, rng=np.random.default_rng(1))
    drawn = resampled_weights(18, 0, 1) @ b - resampled_weights(25, 0, 0) @ a
    result = bca(statistic(a, b), drawn, [a.mean() - a, b - b.mean()], 0.025)
    assert result == pytest.approx(expected.confidence_interval, abs=0.15 * expected.standard_error)


@pytest.mark.parametrize("n", [8, 20])
def test_few_values_get_about_students_width(n):
    """For symmetric values the expansion makes up for what resampling understates."""
    gains = stats.norm.ppf((np.arange(n) + 0.5) / n)
    result, student = mean_interval(gains), stats.ttest_1samp(gains, 0).confidence_interval()
    assert (result.high - result.low) / (student.high - student.low) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(("n", "has_one"), [(1, False), (2, False), (7, False), (8, True)])
def test_too_few_values_have_no_interval(n, has_one):
    result = mean_interval(np.arange(float(n)))
    assert result.value == (n - 1) / 2
    assert np.isnan([result.low, result.high]).all() != has_one


def test_no_values_have_no_mean():
    assert np.isnan(mean_interval(np.empty(0))).all()
    assert np.isnan(mean_difference_interval(np.empty(0), np.ones(3))).all()


def test_three_against_three_have_no_interval_four_against_four_have_one():
    assert np.isnan(mean_difference_interval(np.arange(3.0), np.arange(3.0)).low)
    result = mean_difference_interval(np.arange(4.0), np.arange(4.0) + 1)
    assert result.low < result.value == 1 < result.high


def test_values_that_do_not_vary_leave_no_doubt():
    assert mean_interval(np.full(9, 0.25)) == (0.25, 0.25, 0.25)
    assert mean_difference_interval(np.ones(6), np.full(6, 3.0)) == (2, 2, 2)


def test_swapping_flips_the_interval():
    rng = np.random.default_rng(0)
    gains = rng.normal(size=12)
    there, back = mean_interval(gains), mean_interval(-gains)
    np.testing.assert_allclose([there.low, there.high], [-back.high, -back.low], atol=1e-3)


def test_one_seed_one_interval():
    gains = np.random.default_rng(0).normal(size=8)
    assert mean_interval(gains, seed=3) == mean_interval(gains, seed=3) != mean_interval(gains, seed=4)
