"""Compare samplers and pruners on learning curves: epochs until random search's best score is reached, and the gain.

    python -m bench.search                                       # every table, half an hour on a core
    python -m bench.search --pairs tpe+asha tpe+none --seeds 5   # two minutes
    python -m bench.search --pairs tpe+asha --workers 4          # four runs at a time, their epochs out of step

Random search runs ``--trials`` trials to their end. Every pair gets the same number of epochs, spread over as many
trials as fit, on the same instance of the family. The tables are in ``docs/benchmarks/search.md``.
"""

import argparse
import heapq
import logging
import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import wilcoxon

from bench.families import FAMILIES, Family
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.settings import SearchSettings
from rarepix.seeding import generator

REFERENCE = "random+none"
PAIRS = (
    REFERENCE, "random+asha",
    "tpe+none", "tpe+asha", "tpe+hyperband", "tpe+median", "tpe+percentile", "tpe+patient",
    "gp+none", "gp+asha", "cmaes+none", "cmaes+asha", "nsga2+none", "nsga2+asha", "qmc+none", "qmc+asha",
)  # fmt: skip


class Progress(NamedTuple):
    """The result of one search."""

    best: np.ndarray
    """Best score so far after 1, 2, … epochs, counted over all trials."""
    trials: int

    def epochs_until(self, score: float) -> float:
        """Return the epochs after which *score* was reached; infinite if it was not."""
        reached = np.flatnonzero(self.best >= score)
        return float(reached[0] + 1) if reached.size else math.inf


class Comparison(NamedTuple):
    """A pair of sampler and pruner compared with random search, an entry per seed."""

    ratios: np.ndarray
    """Epochs until random search's final best was reached, over all of its epochs; infinite where it was not."""
    gains: np.ndarray
    """Final best − that of random search, at equal epochs."""

    @property
    def p_worse(self) -> float:
        """p-value of the one-sided Wilcoxon signed-rank test that the pair is worse than random search."""
        return float(wilcoxon(self.gains, alternative="less").pvalue) if self.gains.any() else 1.0


def run_search(family: Family, settings: SearchSettings, *, budget: int, workers: int, trials: int | None) -> Progress:
    """Search for *budget* epochs, with at most *trials* trials and *workers* runs at a time."""
    scheduler = Scheduler(
        settings.model_copy(update={"samples": trials}), family.space, family.default, epochs=family.epochs
    )
    curve = family.instance(settings.seed)
    jitter = generator(settings.seed, "bench", "speed")
    due: list[tuple[float, int, int]] = []
    """Heap of (time, run, epoch): the epochs that the running trials finish next."""
    curves, epoch_times, best = {}, {}, []
    now = 0.0
    while len(best) < budget:
        while len(due) < workers and (run := scheduler.next()):
            curves[run.number] = curve(scheduler.state.configurations[run.configuration].parameters)
            epoch_times[run.number] = jitter.uniform(0.8, 1.25)
            heapq.heappush(due, (now + epoch_times[run.number], run.number, 1))
        if not due:
            break
        now, number, epoch = heapq.heappop(due)
        score = float(curves[number][epoch - 1])
        best.append(max([score, *best[-1:]]))
        if scheduler.report(number, {"default": score}):
            scheduler.end(number, "stopped")
        elif epoch == family.epochs:
            scheduler.end(number, "complete", metrics={"default": float(curves[number].max())})
        else:
            heapq.heappush(due, (now + epoch_times[number], number, epoch + 1))
    return Progress(np.array(best), len(scheduler.state.runs))


def random_bests(family: Family, *, seeds: int, trials: int) -> list[float]:
    """Return the best score of random search with *trials* whole trials, for seed 0, 1, …"""
    bests = []
    for seed in range(seeds):
        settings = SearchSettings(sampler="random", pruner="none", seed=seed)
        bests.append(run_search(family, settings, budget=trials * family.epochs, workers=1, trials=trials).best[-1])
    return bests


def compare(family: Family, pair: str, bests: Sequence[float], *, trials: int, workers: int = 1) -> Comparison:
    """Compare *pair* on *family* with random search of *trials* trials, whose best scores are *bests*."""
    sampler, pruner = pair.split("+")
    budget = trials * family.epochs
    ratios, gains = [], []
    for seed, best in enumerate(bests):
        settings = SearchSettings(sampler=sampler, pruner=pruner, seed=seed)
        progress = run_search(family, settings, budget=budget, workers=workers, trials=None)
        ratios.append(progress.epochs_until(best) / budget)
        gains.append(progress.best[-1] - best)
    return Comparison(np.array(ratios), np.array(gains))


def _row(pair: str, comparison: Comparison) -> str:
    ratio = " – ".join(_ratio(value) for value in _quartiles(comparison.ratios))
    gain = " – ".join(f"{value:+.4f}" for value in _quartiles(comparison.gains))
    reached = f"{np.isfinite(comparison.ratios).sum()} of {len(comparison.ratios)}"
    return f"| {pair} | {ratio} | {reached} | {gain} | {comparison.p_worse:.2f} |"


def _quartiles(values: np.ndarray) -> np.ndarray:
    """Return lower quartile, median and upper quartile as observed values, because some may be infinite."""
    return np.quantile(values, [0.25, 0.5, 0.75], method="inverted_cdf")


def _ratio(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "> 1"


def main() -> None:
    """Print a table per family."""
    args = _parser().parse_args()
    logging.getLogger("optuna").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="optuna")
    for name in args.families:
        family = FAMILIES[name]()
        print(f"\n{family.name}: {args.trials} trials of {family.epochs} epochs, {args.workers} at a time\n")
        print("| sampler + pruner | epochs, as a share of random's | reached | gain | p (worse) |")
        print("|---" * 5 + "|")
        bests = random_bests(family, seeds=args.seeds, trials=args.trials)
        for pair in args.pairs:
            comparison = compare(family, pair, bests, trials=args.trials, workers=args.workers)
            print(_row(pair, comparison), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", nargs="+", default=PAIRS, metavar="SAMPLER+PRUNER")
    parser.add_argument("--families", nargs="+", default=[*FAMILIES], choices=[*FAMILIES])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=30, help="of random search")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time")
    return parser


if __name__ == "__main__":
    main()
