"""Time what the advisor needs to choose a trial, with many finished ones behind it.

    python -m bench.advisor                              # all but gp, up to 1,000 trials, 3 min on a CPU core
    python -m bench.advisor --samplers gp --finished 30 100 --requests 5
    python -m bench.advisor --samplers tpe --pruner asha

Each trial reports every epoch. Printed are milliseconds from the request to the answer, ledger included: the median
and the slowest.
"""

import argparse
import itertools
import logging
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.families import FAMILIES, Family
from rarepix.search.optimizer.journal import Journal
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import SAMPLER_NAMES, SearchSettings

QUICK = ("tpe", "random", "cmaes", "nsga2", "qmc")
"""Samplers that answer in milliseconds; the time of gp grows with the cube of the trials."""


def answers(search: Scheduler, family: Family) -> Iterator[float]:
    """Yield the seconds that each answer took; the trial has run to its end before the next one is asked for."""
    curve = family.instance(0)
    while True:
        asked = time.perf_counter()
        run = search.next()
        yield time.perf_counter() - asked
        scores = curve(search.history.configurations[run.configuration].parameters)
        for score in scores:
            if search.report(run.number, {"default": float(score)}):
                search.end(run.number, "stopped")
                break
        else:
            search.end(run.number, "complete", metrics={"default": float(scores.max())})


def main() -> None:
    """Print a row per sampler."""
    given = _parser().parse_args()
    logging.getLogger("optuna").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="optuna")
    family = FAMILIES["power laws"]()
    print(f"pruner {given.pruner}; milliseconds, median (slowest of {given.requests})\n")
    print(f"| sampler | {' | '.join(f'at {finished} trials' for finished in given.finished)} |")
    print("|---" * (1 + len(given.finished)) + "|")
    for sampler in given.samplers:
        settings = SearchSettings(sampler=sampler, pruner=given.pruner)
        with tempfile.TemporaryDirectory() as folder:
            ledger = Journal(Path(folder) / "ledger.jsonl")
            search = Scheduler(settings, family.space, family.default, ledger=ledger, epochs=family.epochs)
            took = answers(search, family)
            done, cells = 0, []
            for finished in sorted(given.finished):
                list(itertools.islice(took, finished - done))
                times = 1000 * np.array(list(itertools.islice(took, given.requests)))
                done = finished + given.requests
                cells.append(f"{np.median(times):.0f} ({times.max():.0f})")
        print(f"| {sampler} | {' | '.join(cells)} |", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.advisor", description=__doc__.splitlines()[0])
    parser.add_argument("--samplers", nargs="+", choices=SAMPLER_NAMES, default=QUICK)
    parser.add_argument("--pruner", default="none")
    parser.add_argument("--finished", nargs="+", type=int, default=[100, 300, 1000], help="trials")
    parser.add_argument("--requests", type=int, default=20, help="that are timed each time")
    return parser


if __name__ == "__main__":
    main()
