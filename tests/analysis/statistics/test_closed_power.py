"""Power of whole families: against the tests themselves, the power of one comparison, and Holm."""

from itertools import combinations

import numpy as np
import pytest

from analysis import compare
from analysis.statistics.closed_power import adjusted_p, blocks_for_power, closed_power
from analysis.statistics.power import power
from tests.analysis.statistics.test_friedman import ASKED, tidy

STUDY = {"sd": 0.0054, "gain": 0.013}


@pytest.mark.parametrize("correction", ["closed", "holm"])
@pytest.mark.parametrize("k", [3, 4])
def test_studies_are_tested_as_compare_tests_them(k, correction):
    scores, pairs = np.random.default_rng(k).normal(0, 1, (5, 7, k)), list(combinations(range(k), 2))
    adjusted = adjusted_p(scores, pairs, correction)
    for i, study in enumerate(scores):
        assert adjusted[:, i] == pytest.approx(compare(tidy(study), **ASKED, correction=correction)["p_adjusted"])


def test_two_configurations_have_the_power_of_the_signed_rank_test():
    row = closed_power(**STUDY, blocks=7, configurations=2, simulations=4000).iloc[0]
    assert row["low"] <= power(**STUDY, blocks=7)["power"].iloc[0] <= row["high"]


@pytest.mark.parametrize(("configurations", "against_one"), [(3, False), (3, True), (4, False), (5, True)])
def test_closed_testing_needs_at_least_one_block_less_than_holm(configurations, against_one):
    asked = STUDY | {"configurations": configurations, "against_one": against_one, "simulations": 500}
    closed, holm = (blocks_for_power(**asked, correction=name) for name in ("closed", "holm"))
    assert closed <= holm - 1


def test_more_blocks_and_a_smaller_family_are_easier():
    rows = closed_power(**STUDY, blocks=[6, 7, 9], configurations=4, simulations=500)
    assert (np.diff(rows["power"]) > 0).all()
    one = closed_power(**STUDY, blocks=7, configurations=4, against_one=True, simulations=500)["power"].iloc[0]
    assert one > rows["power"][1]


def test_what_cannot_be_reached_is_none():
    assert blocks_for_power(sd=1, gain=0.01, configurations=3, simulations=50, most=7) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"configurations": 1}, "configurations must be between 2 and 10, but got 1"),
        ({"configurations": 11}, "configurations must be between 2 and 10"),
        ({"correction": "bh"}, "correction must be 'closed' or 'holm'"),
        ({"blocks": 0}, "blocks must be 1 or more"),
        ({"simulations": 0}, "simulations must be 1 or more"),
        ({"sd": 0}, "sd must be positive"),
        ({"alpha": 1}, "alpha must lie"),
    ],
)
def test_wrong_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        closed_power(**STUDY | {"configurations": 3, "blocks": 6} | change)
