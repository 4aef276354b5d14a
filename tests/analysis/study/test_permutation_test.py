"""Lots against the exact distribution of the chi-square statistic."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.study.permutation_test import PermutationTest, bins


def test_p_is_that_of_fishers_exact_test_for_equal_halves():
    """Two levels of 10 trials each: uneven by 5 to 0 or 0 to 5, which is Fisher's two-sided p."""
    values = pd.DataFrame({"kind": ["a"] * 10 + ["b"] * 10})
    best = np.arange(20) < 5
    exact = stats.fisher_exact([[5, 0], [5, 10]]).pvalue
    assert PermutationTest(values, seed=0).p(best, np.ones(20, bool))[0] == pytest.approx(exact, abs=0.015)
    even = np.isin(np.arange(20), [0, 1, 2, 10, 11])
    assert PermutationTest(values, seed=0).p(even, np.ones(20, bool))[0] == 1


def test_chance_keeps_its_promise_for_many_levels_and_numbers():
    rng = np.random.default_rng(1)
    values = pd.DataFrame({"kind": rng.choice(list("abcde"), 60), "lr": rng.uniform(0, 1, 60)})
    chance = PermutationTest(values, seed=2)
    result = [chance.p(rng.permutation(60) < 10, np.ones(60, bool)) for _ in range(400)]
    assert (np.mean(np.array(result) <= 0.05, axis=0) <= 0.08).all()  # more than 8 % happens once in 300


def test_lots_are_drawn_among_the_trials_that_have_a_score():
    """All trials with a score have level a: nothing can be uneven."""
    values = pd.DataFrame({"kind": ["a"] * 6 + ["b"] * 6})
    known = np.arange(12) < 6
    assert PermutationTest(values, seed=0).p(np.arange(12) < 3, known)[0] == 1


def test_numbers_are_cut_into_fifths_and_few_values_are_parts():
    assert np.bincount(bins(pd.Series(np.linspace(0, 1, 50)))).tolist() == [10] * 5
    assert np.bincount(bins(pd.Series([1, 2, 2, 4]))).tolist() == [1, 2, 1]
    assert len(np.bincount(bins(pd.Series(list("abcdefgh"))))) == 8
