"""The exact interval of a rate, against scipy."""

import numpy as np
import pytest
from scipy.stats import binomtest

from analysis.statistics.rates import exact_interval


@pytest.mark.parametrize("total", [1, 9, 120])
def test_of_whole_numbers_it_is_the_interval_of_clopper_and_pearson(total):
    counts = np.arange(total + 1)
    expected = [tuple(binomtest(int(k), total).proportion_ci(0.9, method="exact")) for k in counts]
    np.testing.assert_allclose(np.transpose(exact_interval(counts / total, total, 0.9)), expected, atol=1e-12)


def test_a_mean_rate_lies_between_those_of_its_neighbours():
    lows, highs = exact_interval(np.array([4, 4.5, 5]) / 20, 20)
    assert (np.diff(lows) > 0).all()
    assert (np.diff(highs) > 0).all()
    low, high = exact_interval(np.array([0.1 / 20, 19.9 / 20]), 20)
    assert 0 < low[0] < high[0] < 0.25
    assert 0.75 < low[1] < high[1] <= 1
