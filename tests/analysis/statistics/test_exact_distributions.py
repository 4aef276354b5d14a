"""The pieces of the exact distributions."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.exact_distributions import midranks, signed_rank_distribution, splits


@pytest.mark.parametrize(
    "values", [[3.0], [2, 2, 2], [0.1, 0.3, 0.1, 0.2, 0.3, 0.3], np.random.default_rng(0).normal(size=50)]
)
def test_midranks_are_scipys(values):
    np.testing.assert_array_equal(midranks(np.asarray(values)), stats.rankdata(values))


def test_three_signs_by_hand():
    """Ranks 1, 2, 3: sums 0 1 2 3 3 4 5 6, an eighth each."""
    np.testing.assert_allclose(signed_rank_distribution((1, 2, 3)) * 8, [1, 1, 1, 2, 1, 1, 1])


def test_two_of_four_by_hand():
    """Ranks 1 to 4, two of them: 3 4 5 5 6 7, a sixth each."""
    np.testing.assert_allclose(splits((1, 2, 3, 4), 2)[3:8] * 6, [1, 1, 2, 1, 1])
