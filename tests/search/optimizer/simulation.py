"""Searches without NNI: a space, and a world in which trials answer at once."""

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
    folder: Path | None = None, *, blocks: list[Block] = BLOCKS[:1], limit: int | None = None, **said
) -> Scheduler:
    """Return a search in ``SPACE``, kept in *folder* if it is given."""
    ledger = Journal(folder / "ledger.jsonl" if folder else None)
    return Scheduler(SearchSettings(**said), SPACE, DEFAULT, blocks=blocks, ledger=ledger, limit=limit)


def score(parameters: dict, epoch: int = 9) -> float:
    """Return a score whose best place is known: lr 0.01, weight decay 0.3, focal."""
    far = abs(math.log10(parameters["optim.lr"]) + 2) + (parameters["optim.weight_decay"] - 0.3) ** 2
    return (0.3 if parameters["loss"]["_name"] == "focal" else 0.0) - far - 1 / epoch


def carry_out(search: Scheduler, number: int, epochs: int = 9, value: Callable[[dict, int], float] = score) -> str:
    """Train one run as a trial would; return how it ended."""
    order = search.history.order(search.history.runs[number])
    for epoch in range(1, epochs + 1):
        if search.report(number, {"default": value(order, epoch), "epoch": epoch}):
            search.end(number, "stopped")
            return "stopped"
    search.end(number, "complete", metrics={"default": value(order, epochs)})
    return "complete"


def run_to_the_end(search: Scheduler, **how) -> Scheduler:
    """Carry out every run that *search* wants, one after the other."""
    while (run := search.next()) is not None:
        search.job(run.number, f"job{run.number}")
        carry_out(search, run.number, **how)
    return search
