"""Pruners: which run is stopped and when; every pruner leaves a run a third of its epochs."""

import pytest

from rarepix.search.optimizer.pruners import build_pruner, warmup_epochs
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import SearchSettings

SPACE = {"optim.lr": {"_type": "uniform", "_value": [0.0, 1.0]}}
COMPARING = ("asha", "hyperband", "median", "percentile")
EPOCHS = 32


def stopped_at(pruner: str, **pruner_args: float) -> int | None:
    """Return the epoch at which the last of twelve runs is stopped, which is far worse than the others."""
    settings = SearchSettings(sampler="random", pruner=pruner, pruner_args=pruner_args, samples=12)
    scheduler = Scheduler(settings, SPACE, {"optim.lr": 0.5}, epochs=EPOCHS)
    for _ in range(11):
        run = scheduler.next()
        for epoch in range(1, EPOCHS + 1):
            if scheduler.report(run.number, {"default": 0.5 + epoch / 100 + run.number / 1000}):
                scheduler.end(run.number, "stopped")
                break
        else:
            scheduler.end(run.number, "complete", metrics={"default": 0.9})
    run = scheduler.next()
    return next((epoch for epoch in range(1, EPOCHS + 1) if scheduler.report(run.number, {"default": 0.1})), None)


@pytest.mark.parametrize(("epochs", "least"), [(1, 1), (3, 1), (4, 2), (16, 6), (27, 9), (30, 10)])
def test_the_warm_up_is_a_third_of_the_epochs(epochs: int, least: int) -> None:
    assert warmup_epochs(epochs) == least


@pytest.mark.parametrize("pruner", COMPARING)
def test_a_bad_run_is_stopped_but_not_before_a_third(pruner: str) -> None:
    epoch = stopped_at(pruner)
    assert epoch is not None
    assert EPOCHS / 3 <= epoch < EPOCHS


def test_pruner_args_override_the_warm_up() -> None:
    assert stopped_at("median", n_warmup_steps=20) >= 20
    assert stopped_at("asha", min_resource=1) < EPOCHS / 3


@pytest.mark.parametrize("pruner", COMPARING)
def test_every_pruner_accepts_runs_of_one_epoch(pruner: str) -> None:
    build_pruner(SearchSettings(pruner=pruner), 1)
