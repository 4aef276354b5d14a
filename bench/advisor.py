"""Measure how long the advisor takes to choose a trial, after many finished ones.

    python -m bench.advisor                              # all but gp, up to 1,000 trials, 3 min on a CPU core
    python -m bench.advisor --samplers gp --finished 30 100 --requests 5
    python -m bench.advisor --samplers tpe --pruner asha

Each trial reports every epoch. Printed are the milliseconds from the request to the answer, including the write to the
journal: the median and the slowest. The tables are in ``docs/benchmarks/search.md``.
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
from rarepix.layout import JOURNAL
from rarepix.search.optimizer.journal import Journal
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import SAMPLER_NAMES, SearchSettings

QUICK = ("tpe", "random", "cmaes", "nsga2", "qmc")
"""Samplers that answer in milliseconds; the time of gp grows with the cube of the trials."""


def answer_times(scheduler: Scheduler, family: Family) -> Iterator[float]:
    """Yield the seconds until each answer; every trial runs to its end before the next one is requested."""
    curve = family.instance(0)
    while True:
        start = time.perf_counter()
        run = scheduler.next()
        yield time.perf_counter() - start
        scores = curve(scheduler.state.configurations[run.configuration].parameters)
        for score in scores:
            if scheduler.report(run.number, {"default": float(score)}):
                scheduler.end(run.number, "stopped")
                break
        else:
            scheduler.end(run.number, "complete", metrics={"default": float(scores.max())})


def main() -> None:
    """Print a row per sampler."""
    args = _parser().parse_args()
    logging.getLogger("optuna").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="optuna")
    family = FAMILIES["power laws"]()
    print(f"pruner {args.pruner}; milliseconds, median (slowest of {args.requests})\n")
    print(f"| sampler | {' | '.join(f'at {finished} trials' for finished in args.finished)} |")
    print("|---" * (1 + len(args.finished)) + "|")
    for sampler in args.samplers:
        settings = SearchSettings(sampler=sampler, pruner=args.pruner)
        with tempfile.TemporaryDirectory() as folder:
            journal = Journal(Path(folder) / JOURNAL)
            scheduler = Scheduler(settings, family.space, family.default, journal=journal, epochs=family.epochs)
            answers = answer_times(scheduler, family)
            done, cells = 0, []
            for finished in sorted(args.finished):
                list(itertools.islice(answers, finished - done))
                times = 1000 * np.array(list(itertools.islice(answers, args.requests)))
                done = finished + args.requests
                cells.append(f"{np.median(times):.0f} ({times.max():.0f})")
        print(f"| {sampler} | {' | '.join(cells)} |", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.advisor", description=__doc__.splitlines()[0])
    parser.add_argument("--samplers", nargs="+", choices=SAMPLER_NAMES, default=QUICK)
    parser.add_argument("--pruner", default="none")
    parser.add_argument("--finished", nargs="+", type=int, default=[100, 300, 1000], help="numbers of finished trials")
    parser.add_argument("--requests", type=int, default=20, help="timed requests after each number of finished trials")
    return parser


if __name__ == "__main__":
    main()
