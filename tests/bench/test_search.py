"""Searches on curves: what is counted, and that the recommended pair keeps its promise on a small scale."""

import math

import numpy as np
import pytest

from bench.families import FAMILIES, Family
from bench.search import REFERENCE, Pairing, Spent, compare, random_bests, run_search
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
    spent = Spent(np.array([0.1, 0.1, 0.3, 0.3]), trials=2)
    assert spent.epochs_until(0.1) == 1
    assert spent.epochs_until(0.2) == 3
    assert spent.epochs_until(0.31) == math.inf


def test_counts_every_epoch_once_and_starts_with_the_default():
    spent = run_search(FLAT, SearchSettings(sampler="random", seed=1), budget=10, workers=1, trials=None)
    assert spent.best[:4] == pytest.approx([0.05, 0.1, 0.2, 0.2])
    assert (len(spent.best), spent.trials) == (10, 3)
    assert (np.diff(spent.best) >= 0).all()


def test_ends_with_the_trials_where_they_are_limited():
    spent = run_search(FLAT, SearchSettings(sampler="random", seed=1), budget=100, workers=4, trials=5)
    assert (len(spent.best), spent.trials) == (20, 5)


def test_random_search_is_its_own_equal():
    found = compare(FLAT, REFERENCE, random_bests(FLAT, seeds=3, trials=5), trials=5)
    assert (found.gains == 0).all()
    assert (found.ratios <= 1).all()
    assert found.worse == 1


def test_sees_what_is_worse():
    worse = Pairing(ratios=np.full(8, math.inf), gains=-np.arange(1, 9) / 100)
    better = Pairing(ratios=np.full(8, 0.2), gains=np.arange(1, 9) / 100)
    assert worse.worse == pytest.approx(1 / 2**8)
    assert better.worse > 0.99


@pytest.mark.parametrize("workers", [1, 4])
def test_tpe_with_asha_needs_a_fraction_of_the_epochs_of_random_search(workers):
    bests = random_bests(POWER_LAWS, seeds=5, trials=30)
    found = compare(POWER_LAWS, "tpe+asha", bests, trials=30, workers=workers)
    assert np.median(found.ratios) <= 1 / 2
    assert np.median(found.gains) > 0


def test_nothing_is_lost_on_real_curves():
    family = FAMILIES["recorded"]()
    found = compare(family, "tpe+asha", random_bests(family, seeds=5, trials=15), trials=15)
    assert np.median(found.gains) > -0.002
