"""Simulate studies that race: how often the truly best configuration is dropped, and how many runs are saved.

python -m bench.race                     # the tables of docs/reference/search.md, about 10 min on one CPU core
python -m bench.race --studies 200       # rougher, 2 min
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
    """What makes the scores of a configuration differ from block to block."""

    draw: Draw
    spreads: Spreads


class Outcome(NamedTuple):
    """How one study ended."""

    kept: np.ndarray
    """Per configuration, whether it was never dropped."""
    runs: int


def _normal(numbers: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return numbers.standard_normal(shape)


def _student(numbers: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return numbers.standard_t(3, shape)


def _threefold(chosen: Callable[[np.random.Generator, int], np.ndarray]) -> Spreads:
    return lambda numbers, count: np.where(chosen(numbers, count), 3.0, 1.0)


NOISES = {
    "normal": Noise(_normal, lambda numbers, count: np.ones(count)),
    "heavy tails (t, 3 degrees)": Noise(_student, lambda numbers, count: np.ones(count)),
    "the best spreads threefold": Noise(_normal, _threefold(lambda numbers, count: np.arange(count) == 0)),
    "the best and two more threefold": Noise(_normal, _threefold(lambda numbers, count: np.arange(count) < 3)),
    "all but the best threefold": Noise(_normal, _threefold(lambda numbers, count: np.arange(count) > 0)),
    "a random half threefold": Noise(_normal, _threefold(lambda numbers, count: numbers.random(count) < 0.5)),
}


def run_study(
    means: np.ndarray, noise: Noise, order: str, numbers: np.random.Generator, alpha: float = 0.05
) -> Outcome:
    """Run one study of configurations with these true *means*; the race looks before each further block."""
    count = len(means)
    arrival = numbers.permutation(count)
    spread = noise.spreads(numbers, count)
    drawn = means[:, None] + spread[:, None] * noise.draw(numbers, (count, BLOCKS))
    truth = drawn + BLOCK_SPREAD * numbers.standard_normal(BLOCKS)
    scores, kept, runs = np.full((count, BLOCKS), np.nan), np.ones(count, dtype=bool), 0
    for configuration, block in _turns(arrival, order):
        if kept[configuration] and block >= AT_LEAST:
            looks = BLOCKS - AT_LEAST
            verdict = clearly_worse(scores, configuration, looks=looks, alpha=alpha, at_least=AT_LEAST)
            kept[configuration] = verdict is None
        if kept[configuration]:
            scores[configuration, block] = truth[configuration, block]
            runs += 1
    return Outcome(kept, runs)


def error_rate(
    noise: Noise, order: str, *, configurations: int, studies: int, alpha: float = 0.05, seed: int = 0
) -> float:
    """Return the share of *studies* in which configuration 0 is dropped although none is better.

    All have the same mean: nothing makes it likelier that a configuration which no other one surpasses is dropped.
    """
    dropped = 0
    for study in range(studies):
        numbers = generator(seed, "race", order, configurations, study)
        dropped += not run_study(np.zeros(configurations), noise, order, numbers, alpha).kept[0]
    return dropped / studies


def saved_share(behind: float, order: str, *, broken: bool = False, studies: int, seed: int = 0) -> float:
    """Return the mean share of runs saved if eight of ten configurations are *behind* the best two.

    In units of the noise's standard deviation. *broken*: one of the eight fails in some blocks and not in others.
    """
    means = np.array([0.0, 0.0] + [-behind] * 8)
    spreads = np.ones(10)
    if broken:
        spreads[-1], means[-1] = 20, -20
    noise = Noise(_normal, lambda numbers, count: spreads)
    runs = [run_study(means, noise, order, generator(seed, "saved", order, study)).runs for study in range(studies)]
    return 1 - float(np.mean(runs)) / (10 * BLOCKS)


def _turns(arrival: np.ndarray, order: str) -> list[tuple[int, int]]:
    if order == "listed":
        return [(int(configuration), block) for block in range(BLOCKS) for configuration in arrival]
    return [(int(configuration), block) for configuration in arrival for block in range(BLOCKS)]


def main() -> None:
    """Print both tables."""
    given = _parser().parse_args()
    sizes = (3, 10, 30)
    columns = [(size, order) for size in sizes for order in ORDERS]
    print(f"| noise | {' | '.join(f'{size} {order}' for size, order in columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for name, noise in NOISES.items():
        rates = [error_rate(noise, order, configurations=size, studies=given.studies) for size, order in columns]
        print(f"| {name} | {' | '.join(f'{100 * rate:.1f} %' for rate in rates)} |", flush=True)
    print("\n| behind by | listed | sampled | listed, one of them broken |\n|---|---|---|---|")
    studies = max(50, given.studies // 10)
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
