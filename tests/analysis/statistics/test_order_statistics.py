"""Order statistics of sums of two values: the same whether all are listed or none is."""

import numpy as np
import pytest

from analysis.statistics import order_statistics
from analysis.statistics.effect_sizes import shift_paired, shift_unpaired


@pytest.fixture
def nothing_listed(monkeypatch):
    monkeypatch.setattr(order_statistics, "LISTED", 0)


def values(n: int, ties: bool) -> np.ndarray:
    rng = np.random.default_rng(n)
    return rng.integers(-3, 4, n) / 4 if ties else rng.normal(size=n)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [1, 2, 9, 30])
def test_every_average_in_order(n, ties, nothing_listed):
    x = values(n, ties)
    every = np.sort([(x[i] + x[j]) / 2 for i in range(n) for j in range(i, n)])
    size, smallest = order_statistics.walsh_averages(x)
    assert size == len(every)
    np.testing.assert_allclose([smallest(k) for k in range(size)], every, atol=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_every_difference_in_order(ties, nothing_listed):
    a, b = values(7, ties), values(11, ties)
    every = np.sort([y - x for x in a for y in b])
    size, smallest = order_statistics.pairwise_differences(a, b)
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
