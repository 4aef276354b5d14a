"""A search without NNI: a space, and simulated trials with a known best configuration."""

import math
from collections.abc import Callable
from pathlib import Path

from rarepix.records import Block
from rarepix.search.optimizer.journal import Journal
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import SearchSettings

SPACE = {
    "optim.lr": {"_type": "loguniform", "_value": [0.0001, 0.1]},
    "optim.weight_decay": {"_type": "uniform", "_value": [0, 1]},
    "loss": {
        "_type": "choice",
        "_value": [{"_name": "ce"}, {"_name": "focal", "gamma": {"_type": "uniform", "_value": [0, 5]}}],
    },
}
DEFAULT = {"optim.lr": 0.001, "optim.weight_decay": 0.5, "loss": {"_name": "ce"}}
BLOCKS = [Block(seed=seed, fold=fold) for seed in (0, 1) for fold in (0, 1)]


def make(
    folder: Path | None = None, *, blocks: list[Block] = BLOCKS[:1], limit: int | None = None, **settings
) -> Scheduler:
    """Return a scheduler for ``SPACE``, with its journal in *folder* if that is given."""
    journal = Journal(folder / "ledger.jsonl" if folder else None)
    return Scheduler(SearchSettings(**settings), SPACE, DEFAULT, blocks=blocks, journal=journal, limit=limit)


def score(parameters: dict, epoch: int = 9) -> float:
    """Return a score with a known optimum: lr 0.01, weight decay 0.3, focal."""
    distance = abs(math.log10(parameters["optim.lr"]) + 2) + (parameters["optim.weight_decay"] - 0.3) ** 2
    return (0.3 if parameters["loss"]["_name"] == "focal" else 0.0) - distance - 1 / epoch


def carry_out(scheduler: Scheduler, number: int, epochs: int = 9, value: Callable[[dict, int], float] = score) -> str:
    """Simulate one run with a report per epoch; return its outcome."""
    parameters = scheduler.state.trial_parameters(scheduler.state.runs[number])
    for epoch in range(1, epochs + 1):
        if scheduler.report(number, {"default": value(parameters, epoch), "epoch": epoch}):
            scheduler.end(number, "stopped")
            return "stopped"
    scheduler.end(number, "complete", metrics={"default": value(parameters, epochs)})
    return "complete"


def run_to_the_end(scheduler: Scheduler, **how) -> Scheduler:
    """Carry out every run that *scheduler* wants, one after the other."""
    while (run := scheduler.next()) is not None:
        scheduler.job(run.number, f"job{run.number}")
        carry_out(scheduler, run.number, **how)
    return scheduler
