"""Compare samplers and pruners on learning curves: epochs until random search's best is reached, and the best found.

    python -m bench.search                                       # every table, half an hour on a core
    python -m bench.search --pairs tpe+asha tpe+none --seeds 5   # two minutes
    python -m bench.search --pairs tpe+asha --workers 4          # four runs at a time, their epochs out of step

Random search runs ``--trials`` trials to their end. Every pair gets as many epochs, spent on as many trials as they
allow, on the same instance of the family.
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


class Spent(NamedTuple):
    """What a search found for how much."""

    best: np.ndarray
    """Best score so far, after 1, 2, … epochs in all."""
    trials: int

    def epochs_until(self, score: float) -> float:
        """Return the epochs after which *score* was reached; infinite if it was not."""
        reached = np.flatnonzero(self.best >= score)
        return float(reached[0] + 1) if reached.size else math.inf


class Pairing(NamedTuple):
    """One pair against random search, seed by seed."""

    ratios: np.ndarray
    """Epochs until random's final best was reached, over all of random's epochs; infinite where it was not."""
    gains: np.ndarray
    """Final best − random's, at equal epochs."""

    @property
    def worse(self) -> float:
        """Probability of such gains (Wilcoxon's signed ranks, one-sided) if the pair were no worse than random."""
        return float(wilcoxon(self.gains, alternative="less").pvalue) if self.gains.any() else 1.0


def run_search(family: Family, settings: SearchSettings, *, budget: int, workers: int, trials: int | None) -> Spent:
    """Spend *budget* epochs, of at most *trials* trials, with *workers* runs at a time."""
    search = Scheduler(
        settings.model_copy(update={"samples": trials}), family.space, family.default, epochs=family.epochs
    )
    curve = family.instance(settings.seed)
    jitter = generator(settings.seed, "bench", "speed")
    due: list[tuple[float, int, int]] = []
    """(time, run, epoch): what is finished next."""
    curves, paces, best = {}, {}, []
    now = 0.0
    while len(best) < budget:
        while len(due) < workers and (run := search.next()):
            curves[run.number] = curve(search.history.configurations[run.configuration].parameters)
            paces[run.number] = jitter.uniform(0.8, 1.25)
            heapq.heappush(due, (now + paces[run.number], run.number, 1))
        if not due:
            break
        now, number, epoch = heapq.heappop(due)
        score = float(curves[number][epoch - 1])
        best.append(max([score, *best[-1:]]))
        if search.report(number, {"default": score}):
            search.end(number, "stopped")
        elif epoch == family.epochs:
            search.end(number, "complete", metrics={"default": float(curves[number].max())})
        else:
            heapq.heappush(due, (now + paces[number], number, epoch + 1))
    return Spent(np.array(best), len(search.history.runs))


def random_bests(family: Family, *, seeds: int, trials: int) -> list[float]:
    """Return what random search of *trials* whole trials finds with seed 0, 1, …"""
    bests = []
    for seed in range(seeds):
        plain = SearchSettings(sampler="random", pruner="none", seed=seed)
        bests.append(run_search(family, plain, budget=trials * family.epochs, workers=1, trials=trials).best[-1])
    return bests


def compare(family: Family, pair: str, bests: Sequence[float], *, trials: int, workers: int = 1) -> Pairing:
    """Return how *pair* does on *family* against the *bests* that random search of *trials* trials found."""
    sampler, pruner = pair.split("+")
    budget = trials * family.epochs
    ratios, gains = [], []
    for seed, best in enumerate(bests):
        settings = SearchSettings(sampler=sampler, pruner=pruner, seed=seed)
        spent = run_search(family, settings, budget=budget, workers=workers, trials=None)
        ratios.append(spent.epochs_until(best) / budget)
        gains.append(spent.best[-1] - best)
    return Pairing(np.array(ratios), np.array(gains))


def _row(pair: str, found: Pairing) -> str:
    ratio = " – ".join(_ratio(value) for value in _quartiles(found.ratios))
    gain = " – ".join(f"{value:+.4f}" for value in _quartiles(found.gains))
    reached = f"{np.isfinite(found.ratios).sum()} of {len(found.ratios)}"
    return f"| {pair} | {ratio} | {reached} | {gain} | {found.worse:.2f} |"


def _quartiles(values: np.ndarray) -> np.ndarray:
    """Return lower quartile, median and upper quartile: observed values, since a mean with infinity says nothing."""
    return np.quantile(values, [0.25, 0.5, 0.75], method="inverted_cdf")


def _ratio(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "> 1"


def main() -> None:
    """Print a table per family."""
    given = _parser().parse_args()
    logging.getLogger("optuna").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="optuna")
    for name in given.families:
        family = FAMILIES[name]()
        print(f"\n{family.name}: {given.trials} trials of {family.epochs} epochs, {given.workers} at a time\n")
        print("| sampler + pruner | epochs, as a share of random's | reached | gain | p (worse) |")
        print("|---" * 5 + "|")
        bests = random_bests(family, seeds=given.seeds, trials=given.trials)
        for pair in given.pairs:
            found = compare(family, pair, bests, trials=given.trials, workers=given.workers)
            print(_row(pair, found), flush=True)


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
