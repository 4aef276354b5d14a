"""Power of whole families: against the tests themselves, the power of one comparison, and Holm."""

from itertools import combinations

import numpy as np
import pytest

from analysis import compare
from analysis.statistics.family_power import Draws, Family, adjusted_p, signed_rank_p
from analysis.statistics.power import needed_blocks, power
from analysis.statistics.rank_tests import signed_rank
from tests.analysis.statistics.test_friedman import ASKED, tidy

STUDY = {"sd": 0.0054, "gain": 0.013}


@pytest.mark.parametrize("correction", ["closed", "holm"])
@pytest.mark.parametrize("k", [3, 4])
def test_studies_are_tested_as_compare_tests_them(k, correction):
    scores, pairs = np.random.default_rng(k).normal(0, 1, (5, 7, k)), list(combinations(range(k), 2))
    adjusted = adjusted_p(scores, pairs, correction)
    for i, study in enumerate(scores):
        assert adjusted[:, i] == pytest.approx(compare(tidy(study), **ASKED, correction=correction)["p_adjusted"])


@pytest.mark.parametrize("against_one", [False, True])
def test_the_p_of_one_pair_is_that_among_all(against_one):
    family = Family(6, against_one)
    scores = np.random.default_rng(1).normal(0, 1, (9, 8, 6))
    every = adjusted_p(scores, family.pairs, "closed")
    one = adjusted_p(scores, family.pairs, "closed", (family.asked,))
    assert one[0].tolist() == every[family.pairs.index(family.asked)].tolist()


@pytest.mark.parametrize("n", [1, 6, 9, 30])
def test_many_signed_rank_tests_at_once(n):
    gains = np.random.default_rng(n).normal(0.5, 1, (50, n))
    p, higher = signed_rank_p(gains)
    tests = [signed_rank(np.zeros(n), row) for row in gains]
    assert p == pytest.approx([p for _, p in tests])
    assert higher.tolist() == [statistic > n * (n + 1) / 4 for statistic, _ in tests]


@pytest.mark.parametrize(
    ("family", "alpha"), [(Family(), 0.05), (Family(4, correction="holm"), 0.05), (Family(4), 0.2)]
)
def test_what_is_found_is_what_compare_finds(family, alpha):
    draws, gain = Draws(family, alpha, 40, 3), 1.2
    found = draws.found(8, gain)
    k = max(family.configurations, 2)
    if family.plain:
        noise = np.random.default_rng(3).standard_normal((8, 40)).T
        studies = [np.column_stack([np.zeros(8), each + gain]) for each in noise]
    else:
        noise = np.random.default_rng(3).standard_normal((8, 40, k)).swapaxes(0, 1) / np.sqrt(2)
        studies = [each + gain * (np.arange(k) == k - 1) for each in noise]
    rows = [compare(tidy(each), **ASKED, correction=family.correction).iloc[-1] for each in studies]
    assert 0 < found < 40
    assert found == sum(row["p_adjusted"] <= alpha and row["effect"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("family", "alpha", "n"),
    [
        (Family(), 0.05, 6),
        (Family(), 0.0625, 5),
        (Family(3, correction="holm"), 0.05, 7),
        (Family(10, correction="holm"), 0.05, 11),
        (Family(10, correction=None), 0.05, 6),
        (Family(3), 0.05, 6),
        (Family(10), 0.05, 6),
        (Family(11), 0.05, 12),  # too many to close: Holm over 55
    ],
)
def test_least_blocks(family, alpha, n):
    assert family.least_blocks(alpha) == n


@pytest.mark.parametrize(("configurations", "against_one"), [(3, False), (3, True), (4, False), (5, True)])
def test_closed_testing_needs_at_least_one_block_less_than_holm(configurations, against_one):
    asked = STUDY | {"configurations": configurations, "against_one": against_one, "simulations": 500}
    closed, holm = (needed_blocks(**asked, correction=name)["blocks"].iloc[0] for name in ("closed", "holm"))
    assert closed <= holm - 1


def test_more_blocks_and_a_smaller_family_are_easier():
    rows = power(**STUDY, blocks=[6, 7, 9], configurations=4, simulations=500)
    assert (np.diff(rows["power"]) > 0).all()
    assert set(rows["comparisons"]) == {6}
    one = power(**STUDY, blocks=7, configurations=4, against_one=True, simulations=500).iloc[0]
    assert one["comparisons"] == 3
    assert one["power"] > rows["power"][1]


def test_too_many_configurations_to_close_are_held_by_holm_and_said_so():
    asked = STUDY | {"blocks": 14, "configurations": 11, "simulations": 100}
    closed, holm = (power(**asked, correction=name).iloc[0] for name in ("closed", "holm"))
    assert closed["correction"] == "holm"
    assert closed["power"] == holm["power"]
