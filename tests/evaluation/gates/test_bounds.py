"""Bounds of false alarms: exact values, and that they hold after the threshold was chosen."""

import ast
import math

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from rarepix.evaluation.gates.bounds import (
    GateError,
    allowed_alarms,
    divide,
    false_alarm_bound,
    rate_interval,
    threshold_of_rank,
)
from tests.house.source import libraries, modules


def test_the_bound_is_worked_out_by_hand():
    assert false_alarm_bound(0, 1) == pytest.approx(0.95)
    assert false_alarm_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))  # nothing seen: (1 − p)^n = 5 %
    assert false_alarm_bound(3, 3) == 1
    assert false_alarm_bound(0, 10, confidence=0.9) == pytest.approx(1 - 0.1 ** (1 / 10))


@pytest.mark.parametrize(("alarms", "images"), [(1, 20), (6, 120), (30, 200), (19, 20)])
def test_the_bound_is_the_rate_at_which_so_few_alarms_are_rare(alarms, images):
    assert binom.cdf(alarms, images, false_alarm_bound(alarms, images)) == pytest.approx(0.05)


@pytest.mark.parametrize(("hits", "images"), [(0, 7), (3, 8), (8, 8), (40, 120)])
def test_the_interval_is_that_of_an_independent_implementation(hits, images):
    low, high = proportion_confint(hits, images, alpha=0.05, method="beta")
    expected = (hits / images, low, high)
    assert rate_interval(hits, images) == pytest.approx(expected, nan_ok=False)


@pytest.mark.parametrize(("alarms", "images", "confidence"), [(0, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_what_is_no_rate_is_refused(alarms, images, confidence):
    with pytest.raises(GateError, match="must be"):
        false_alarm_bound(alarms, images, confidence)


def test_alarms_that_a_rate_allows():
    assert [allowed_alarms(n, 0.05) for n in (1, 19, 20, 40, 96)] == [0, 0, 1, 2, 4]
    assert allowed_alarms(100, 0.07) == 7
    assert allowed_alarms(100, 0.29) == 29  # 28.999999999999996 in binary
    assert allowed_alarms(3, 1.0) == 2


def test_the_threshold_lets_through_as_many_as_are_allowed():
    scores = np.array([5.0, 1.0, 4.0, 2.0, 3.0])
    assert [threshold_of_rank(scores, k) for k in range(5)] == pytest.approx([5.5, 4.5, 3.5, 2.5, 1.5])
    for alarms in range(5):
        assert (scores > threshold_of_rank(scores, alarms)).sum() == alarms


def test_ties_and_images_without_a_score_never_let_through_more():
    scores = np.array([3.0, 3.0, 1.0, -np.inf, -np.inf])
    assert threshold_of_rank(scores, 1) == 4
    assert threshold_of_rank(scores[:2], 1) == pytest.approx(3.001)
    assert threshold_of_rank(scores, 2) == 2
    assert threshold_of_rank(scores, 3) == threshold_of_rank(scores, 4) == -math.inf
    with pytest.raises(GateError, match="fewer alarms than the 5 scores"):
        threshold_of_rank(scores, 5)


def divided(units: np.ndarray, empty: np.ndarray, seed: int = 0):
    return divide(units, empty, ~empty, np.random.default_rng(seed))


def test_a_fifth_of_the_empty_images_and_half_of_the_others_choose():
    empty = np.arange(60) < 50
    parts = divided(np.arange(60), empty)
    assert (parts.choose & empty).sum() == 10
    assert (parts.choose & ~empty).sum() == 5
    assert sorted([*np.flatnonzero(parts.choose), *parts.empty, *parts.positive]) == list(range(60))
    assert empty[parts.empty].all()
    assert not empty[parts.positive].any()
    assert np.array_equal(divided(np.arange(60), empty).choose, parts.choose)
    assert not np.array_equal(divided(np.arange(60), empty, seed=1).choose, parts.choose)


def test_groups_stay_together_and_one_image_of_each_certifies():
    units = np.repeat(np.arange(20), 6)
    empty = np.tile([True, True, True, True, False, False], 20) & (units < 10)  # ten groups of both, ten of positives
    for seed in range(5):
        parts = divided(units, empty, seed)
        choosing = set(units[parts.choose])
        assert parts.choose.sum() == 6 * len(choosing)  # whole groups
        assert len([group for group in choosing if group < 10]) == 2
        assert len([group for group in choosing if group >= 10]) == 5
        assert units[parts.empty].tolist() == sorted(set(range(10)) - choosing)
        assert units[parts.positive].tolist() == sorted(set(range(20)) - choosing)


@pytest.mark.parametrize("empty", [[True, False, False], [True, True, True]])
def test_too_few_images_to_choose_and_to_certify(empty):
    with pytest.raises(GateError, match="two independent empty images"):
        divided(np.arange(3), np.array(empty))


@pytest.mark.parametrize("images", [5, 40, 200])
@pytest.mark.parametrize("target", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("ties", [None, 6])
def test_the_true_rate_lies_under_the_bound_after_the_threshold_was_chosen(images, target, ties):
    """Uniform scores, whole or in six steps: the true rate of a threshold is known."""
    generator, below, rank = np.random.default_rng(images), 0, allowed_alarms(images, target)
    for _ in range(600):
        scores = generator.random(images)
        threshold = threshold_of_rank(scores if ties is None else np.floor(scores * ties), rank)
        true = 1 - threshold if ties is None else 1 - (math.floor(threshold) + 1) / ties
        below += max(true, 0) <= false_alarm_bound(rank, images)
    assert below / 600 >= 0.95 - 2.33 * math.sqrt(0.95 * 0.05 / 600)  # 99 % of simulations at exactly 95 %


def test_a_bound_of_the_alarms_that_ties_used_would_not_hold():
    """The bound must be of the rank that was fixed: that of the counted alarms is below the true rate too often."""
    shares = np.array([0.57, 0.07, 0.06, 0.06, 0.12, 0.12])  # of the scores 0 to 5
    generator, images, rank, trials = np.random.default_rng(0), 25, 2, 8000
    of_the_counted, of_the_rank = 0, 0
    for _ in range(trials):
        scores = generator.choice(6, size=images, p=shares).astype(float)
        threshold = threshold_of_rank(scores, rank)
        true = shares[math.floor(threshold) + 1 :].sum()
        of_the_counted += true <= false_alarm_bound((scores > threshold).sum(), images)
        of_the_rank += true <= false_alarm_bound(rank, images)
    assert of_the_counted / trials < 0.945
    assert of_the_rank / trials > 0.95


def test_the_bounds_need_neither_torch_nor_pandas():
    assert "rarepix.evaluation.gates.bounds" in modules()
    assert libraries("rarepix.evaluation.gates.bounds") <= {"numpy", "scipy", "math", "typing"}
    tree = ast.parse(modules()["rarepix.evaluation.gates.bounds"].read_text())
    assert not any("rarepix" in ast.unparse(node) for node in tree.body if isinstance(node, ast.ImportFrom))
