"""Intervals over images, against scipy and by simulation."""

import numpy as np
import pytest
from scipy.stats import binomtest

from rarepix.metrics.intervals import mean_interval, rate_interval


@pytest.mark.parametrize("total", [1, 7, 120])
def test_a_rate_has_the_exact_interval(total):
    counts = np.arange(total + 1)
    ends = np.transpose(rate_interval(counts, total))
    expected = [tuple(binomtest(int(k), total).proportion_ci(method="exact")) for k in counts]
    np.testing.assert_allclose(ends, expected, atol=1e-12)


def test_the_interval_of_a_mean_holds_it_about_as_often_as_it_says():
    """Recalls of 25 images: many are 0 or 1."""
    random, truth, held = np.random.default_rng(0), 0.6, []
    values = np.clip(random.normal(truth, 0.5, (25, 400)), 0, 1)
    truth = np.clip(random.normal(truth, 0.5, 1_000_000), 0, 1).mean()
    low, high = mean_interval(values)
    held = (low <= truth) & (truth <= high)
    assert 0.92 <= held.mean() <= 0.98


def test_a_mean_over_images_of_which_few_differ_has_no_interval():
    values = np.zeros((40, 3))
    values[:4, 0], values[:5, 1] = 0.5, 0.5
    low, high = mean_interval(values)
    assert np.isnan([low[0], high[0], low[2], high[2]]).all()
    assert 0 <= low[1] < 0.0625 < high[1]


def test_the_same_values_have_the_same_interval():
    values = np.random.default_rng(1).random((12, 2))
    np.testing.assert_array_equal(mean_interval(values), mean_interval(values.copy()))


def test_one_image_has_no_interval():
    assert np.isnan(mean_interval(np.ones((1, 2)))).all()
