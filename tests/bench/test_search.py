"""Searches on learning curves: what is counted, and that the recommended pair is as good as documented."""

import math

import numpy as np
import pytest

from bench.families import FAMILIES, Family
from bench.search import REFERENCE, Comparison, Progress, compare, random_bests, run_search
from rarepix.search.optimizer.settings import SearchSettings

POWER_LAWS = FAMILIES["power laws"]()
FLAT = Family(
    "flat",
    epochs=4,
    space={"optim.lr": {"_type": "uniform", "_value": [0.0, 1.0]}},
    default={"optim.lr": 0.5},
    instance=lambda number: lambda parameters: np.array([0.1, 0.2, 0.4, 0.3]) * parameters["optim.lr"],
)


def test_epochs_until_a_score_is_reached():
    progress = Progress(np.array([0.1, 0.1, 0.3, 0.3]), trials=2)
    assert progress.epochs_until(0.1) == 1
    assert progress.epochs_until(0.2) == 3
    assert progress.epochs_until(0.31) == math.inf


def test_every_epoch_counts_once_and_the_default_comes_first():
    progress = run_search(FLAT, SearchSettings(sampler="random", seed=1), budget=10, workers=1, trials=None)
    assert progress.best[:4] == pytest.approx([0.05, 0.1, 0.2, 0.2])
    assert (len(progress.best), progress.trials) == (10, 3)
    assert (np.diff(progress.best) >= 0).all()


def test_a_search_ends_when_its_trials_are_used_up():
    progress = run_search(FLAT, SearchSettings(sampler="random", seed=1), budget=100, workers=4, trials=5)
    assert (len(progress.best), progress.trials) == (20, 5)


def test_random_search_equals_itself():
    comparison = compare(FLAT, REFERENCE, random_bests(FLAT, seeds=3, trials=5), trials=5)
    assert (comparison.gains == 0).all()
    assert (comparison.ratios <= 1).all()
    assert comparison.p_worse == 1


def test_the_p_value_tells_worse_from_better():
    worse = Comparison(ratios=np.full(8, math.inf), gains=-np.arange(1, 9) / 100)
    better = Comparison(ratios=np.full(8, 0.2), gains=np.arange(1, 9) / 100)
    assert worse.p_worse == pytest.approx(1 / 2**8)
    assert better.p_worse > 0.99


@pytest.mark.parametrize("workers", [1, 4])
def test_tpe_with_asha_needs_a_fraction_of_the_epochs_of_random_search(workers):
    bests = random_bests(POWER_LAWS, seeds=5, trials=30)
    comparison = compare(POWER_LAWS, "tpe+asha", bests, trials=30, workers=workers)
    assert np.median(comparison.ratios) <= 1 / 2
    assert np.median(comparison.gains) > 0


def test_tpe_with_asha_is_no_worse_on_real_curves():
    family = FAMILIES["recorded"]()
    comparison = compare(family, "tpe+asha", random_bests(family, seeds=5, trials=15), trials=15)
    assert np.median(comparison.gains) > -0.002
