"""Simulate studies with a race: how often the truly best configuration is dropped, and how many runs are saved.

python -m bench.race                     # the tables of docs/benchmarks/search.md, about 10 min on one CPU core
python -m bench.race --studies 200       # less precise, 2 min
"""

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rarepix.search.optimizer.race import clearly_worse
from rarepix.seeding import generator

BLOCKS = 8
AT_LEAST = 2
BLOCK_SPREAD = 2.0
"""Standard deviation of the blocks; that of the noise is 1."""
ORDERS = ("listed", "sampled")
"""listed: every configuration gets a block before any gets the next; sampled: one configuration after the other."""

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
Spreads = Callable[[np.random.Generator, int], np.ndarray]
"""(generator, configurations) → the spread of each one's noise; configuration 0 is the best."""


class Noise(NamedTuple):
    """The noise of a configuration's scores from block to block: its distribution and its spread."""

    draw: Draw
    spreads: Spreads


class Outcome(NamedTuple):
    """The result of one study."""

    kept: np.ndarray
    """Shape (configurations,): whether each was never dropped."""
    runs: int


def _normal(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.standard_normal(shape)


def _student(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.standard_t(3, shape)


def _threefold(chosen: Callable[[np.random.Generator, int], np.ndarray]) -> Spreads:
    return lambda rng, count: np.where(chosen(rng, count), 3.0, 1.0)


NOISES = {
    "normal": Noise(_normal, lambda rng, count: np.ones(count)),
    "heavy tails (t, 3 degrees)": Noise(_student, lambda rng, count: np.ones(count)),
    "the best spreads threefold": Noise(_normal, _threefold(lambda rng, count: np.arange(count) == 0)),
    "the best and two more threefold": Noise(_normal, _threefold(lambda rng, count: np.arange(count) < 3)),
    "all but the best threefold": Noise(_normal, _threefold(lambda rng, count: np.arange(count) > 0)),
    "a random half threefold": Noise(_normal, _threefold(lambda rng, count: rng.random(count) < 0.5)),
}


def run_study(means: np.ndarray, noise: Noise, order: str, rng: np.random.Generator, alpha: float = 0.05) -> Outcome:
    """Run one study of configurations with these true *means*; the race looks before each further block."""
    count = len(means)
    arrival = rng.permutation(count)
    spread = noise.spreads(rng, count)
    drawn = means[:, None] + spread[:, None] * noise.draw(rng, (count, BLOCKS))
    truth = drawn + BLOCK_SPREAD * rng.standard_normal(BLOCKS)
    scores, kept, runs = np.full((count, BLOCKS), np.nan), np.ones(count, dtype=bool), 0
    for configuration, block in _turns(arrival, order):
        if kept[configuration] and block >= AT_LEAST:
            looks = BLOCKS - AT_LEAST
            elimination = clearly_worse(scores, configuration, looks=looks, alpha=alpha, at_least=AT_LEAST)
            kept[configuration] = elimination is None
        if kept[configuration]:
            scores[configuration, block] = truth[configuration, block]
            runs += 1
    return Outcome(kept, runs)


def error_rate(
    noise: Noise, order: str, *, configurations: int, studies: int, alpha: float = 0.05, seed: int = 0
) -> float:
    """Return the share of *studies* in which configuration 0 is dropped although none is better.

    All have the same mean: that is when a configuration which no other surpasses is most likely to be dropped.
    """
    dropped = 0
    for study in range(studies):
        rng = generator(seed, "race", order, configurations, study)
        dropped += not run_study(np.zeros(configurations), noise, order, rng, alpha).kept[0]
    return dropped / studies


def saved_share(behind: float, order: str, *, broken: bool = False, studies: int, seed: int = 0) -> float:
    """Return the mean share of runs saved if eight of ten configurations are *behind* the best two.

    *behind* is in standard deviations of the noise. *broken*: one of the eight fails in some blocks and not in others.
    """
    means = np.array([0.0, 0.0] + [-behind] * 8)
    spreads = np.ones(10)
    if broken:
        spreads[-1], means[-1] = 20, -20
    noise = Noise(_normal, lambda rng, count: spreads)
    runs = [run_study(means, noise, order, generator(seed, "saved", order, study)).runs for study in range(studies)]
    return 1 - float(np.mean(runs)) / (10 * BLOCKS)


def _turns(arrival: np.ndarray, order: str) -> list[tuple[int, int]]:
    if order == "listed":
        return [(int(configuration), block) for block in range(BLOCKS) for configuration in arrival]
    return [(int(configuration), block) for configuration in arrival for block in range(BLOCKS)]


def main() -> None:
    """Print both tables."""
    args = _parser().parse_args()
    sizes = (3, 10, 30)
    columns = [(size, order) for size in sizes for order in ORDERS]
    print(f"| noise | {' | '.join(f'{size} {order}' for size, order in columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for name, noise in NOISES.items():
        rates = [error_rate(noise, order, configurations=size, studies=args.studies) for size, order in columns]
        print(f"| {name} | {' | '.join(f'{100 * rate:.1f} %' for rate in rates)} |", flush=True)
    print("\n| behind by | listed | sampled | listed, one of them broken |\n|---|---|---|---|")
    studies = max(50, args.studies // 10)
    for behind in (2, 3, 4, 6):
        saved = [saved_share(behind, order, studies=studies) for order in ORDERS]
        saved.append(saved_share(behind, "listed", broken=True, studies=studies))
        print(f"| {behind} | {' | '.join(f'{100 * share:.0f} %' for share in saved)} |", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.race", description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000, help="simulated studies per error rate")
    return parser


if __name__ == "__main__":
    main()
