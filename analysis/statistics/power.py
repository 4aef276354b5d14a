"""Power of the exact signed-rank test, by simulation: what the next study can show.

Scores are drawn from normal distributions, one configuration above the others by the gain, tested as ``compare`` tests
them, and counted where the gain is found in the right direction. Of two configurations the differences are drawn, of
more the whole study (``family_power``), because closed testing and Holm look at all of it. All results of one seed
share their draws, so that larger gains and more blocks are compared on the same noise.

``sd`` is the spread of **one score** of a configuration over blocks. Paired comparisons see the spread of a
**difference**, ``sd_difference = sd * sqrt(2 (1 - correlation))``, where *correlation* is that of two configurations
over blocks: 0 if a block does nothing for both alike (the cautious default), near 1 if blocks are what scores differ
by; 0.5 makes the two spreads equal. ``analysis.statistics.spread`` estimates all three from finished trials.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import optimize, stats

from analysis.statistics.corrections import CLOSED, check_alpha
from analysis.statistics.family_power import Draws, Family
from analysis.statistics.formatting import as_text
from analysis.statistics.rank_tests import TESTS

GAINS = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Default gains, in units of sd."""
BLOCKS = (5, 6, 8, 10, 12, 16, 20, 30)
MOST_BLOCKS = 500
LARGEST_GAIN = 64.0
"""Upper end of the search for a gain, in standard deviations of the difference: six pairs need less than 4."""
STRIDE = 8
"""The search for a number of blocks goes in steps of an eighth of it, and then through the last step one by one."""
COLUMNS = [
    "gain", "blocks", "power", "low", "high", "floor", "floor_adjusted", "decidable", "sd", "correlation",
    "sd_difference", "alpha", "configurations", "against_one", "correction", "comparisons", "simulations",
]  # fmt: skip


def power(
    *,
    sd: float,
    gain: float | Sequence[float] | None = None,
    blocks: int | Sequence[int] = BLOCKS,
    configurations: int = 2,
    against_one: bool = False,
    correction: str | None = CLOSED,
    correlation: float = 0.0,
    alpha: float = 0.05,
    simulations: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a row per gain and number of blocks: how often that gain of one configuration over another is found.

    Args:
        sd: standard deviation of one score over blocks.
        gain: of one configuration over the others, which are equal, in units of the score; None: 0.5 to 3 times *sd*.
        blocks: numbers of complete blocks.
        configurations: how many are compared: all pairs of them.
        against_one: all are compared with one of them alone, the default.
        correction: ``"closed"`` (above ``MOST_LEVELS`` configurations Holm, as in ``compare``), ``"holm"`` or None.
        correlation: of two configurations over blocks, see the top of this file.
        simulations: how many studies are drawn; None: 10,000 of two configurations, 2,000 up to five, 500 of more.

    Returns:
        ``power`` with the 95 % interval of the simulation (``low``, ``high``: Clopper-Pearson); ``floor``, the smallest
        p that this many blocks can give, and ``floor_adjusted`` after the correction; ``decidable``: whether that is at
        most *alpha*. Power is 0 where it is not.

    Raises:
        ValueError: an argument is out of its range.
    """
    draws = _draws(configurations, against_one, correction, alpha, simulations, seed)
    gains = np.atleast_1d(np.asarray([step * sd for step in GAINS] if gain is None else gain, dtype=float))
    counts, spread_of = _checked(gains, blocks, sd, correlation)
    rows = []
    for size in gains:
        for n in counts.tolist():
            floor, adjusted = TESTS["signed_rank"].floor(n, n), draws.family.floor(n, alpha)
            hits = draws.found(n, size / spread_of) if adjusted <= alpha else 0
            ends = stats.binomtest(hits, draws.simulations).proportion_ci() if adjusted <= alpha else (0.0, 0.0)
            rows.append([size, n, hits / draws.simulations, *map(float, ends), floor, adjusted, adjusted <= alpha])
    given = {"sd": sd, "correlation": correlation, "sd_difference": spread_of, "alpha": alpha}
    given |= {"configurations": configurations, "against_one": against_one, "correction": draws.family.used}
    given |= {"comparisons": len(draws.family.pairs), "simulations": draws.simulations}
    return pd.DataFrame(rows, columns=COLUMNS[:8]).assign(**given)[COLUMNS]


def smallest_gain(
    *,
    sd: float,
    blocks: int | Sequence[int] = BLOCKS,
    power: float = 0.8,
    configurations: int = 2,
    against_one: bool = False,
    correction: str | None = CLOSED,
    correlation: float = 0.0,
    alpha: float = 0.05,
    simulations: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a row per number of blocks: the smallest ``gain`` found with chance *power*, NaN where none can be.

    Arguments and errors are those of ``power``.
    """
    draws = _draws(configurations, against_one, correction, alpha, simulations, seed)
    counts, spread_of = _checked(np.ones(1), blocks, sd, correlation, power)
    rows = []
    for n in counts.tolist():
        gain, words = smallest_shift(draws, n, power) * spread_of, draws.family.words
        verdict = f"{n} blocks show a gain of {as_text(float(gain), 2)} with {100 * power:.3g} % power{words}"
        if np.isnan(gain):
            least = draws.family.least_blocks(alpha)
            verdict = f"{n} blocks cannot show a gain of any size with {100 * power:.3g} % power{words}"
            if n < least:
                verdict = f"{n} blocks cannot show a gain of any size{words}: at least {least} are needed"
        rows.append({"blocks": n, "gain": gain, "power": power, "sd_difference": spread_of, "verdict": verdict})
    return pd.DataFrame(rows)


def needed_blocks(
    *,
    sd: float,
    gain: float | Sequence[float],
    power: float = 0.8,
    configurations: int = 2,
    against_one: bool = False,
    correction: str | None = CLOSED,
    correlation: float = 0.0,
    alpha: float = 0.05,
    simulations: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a row per gain: the fewest ``blocks`` that find it with chance *power*, NaN beyond 500.

    Arguments and errors are those of ``power``.
    """
    draws = _draws(configurations, against_one, correction, alpha, simulations, seed)
    gains = np.atleast_1d(np.asarray(gain, dtype=float))
    _, spread_of = _checked(gains, 1, sd, correlation, power)
    rows = []
    for size in gains:
        n = fewest_blocks(draws, size / spread_of, power)
        needs = f"more than {MOST_BLOCKS}" if n is None else str(n)
        verdict = f"a gain of {as_text(float(size), 2)} needs {needs} blocks for {100 * power:.3g} % power"
        row = {"gain": size, "blocks": float("nan") if n is None else n, "power": power, "sd_difference": spread_of}
        rows.append(row | {"verdict": verdict + draws.family.words})
    return pd.DataFrame(rows)


def difference_spread(sd: float, correlation: float = 0.0) -> float:
    """Return the standard deviation of a paired difference, sd * sqrt(2 (1 - correlation)).

    Raises:
        ValueError: *sd* is not positive, or *correlation* not within -1 and 1 (1 left out).
    """
    if not (sd > 0 and np.isfinite(sd)):
        raise ValueError(f"sd must be positive, in units of the score, but got {sd}")
    if not -1 <= correlation < 1:
        raise ValueError(f"correlation must be at least -1 and below 1, but got {correlation}")
    return float(sd * np.sqrt(2 * (1 - correlation)))


def _draws(
    configurations: int, against_one: bool, correction: str | None, alpha: float, simulations: int | None, seed: int
) -> Draws:
    check_alpha(alpha)
    family = Family(configurations, against_one, correction)
    simulations = family.simulations if simulations is None else simulations
    if simulations < 1:
        raise ValueError(f"simulations must be 1 or more, but got {simulations}")
    return Draws(family, alpha, simulations, seed)


def _checked(
    gains: np.ndarray, blocks: int | Sequence[int], sd: float, correlation: float, power: float | None = None
) -> tuple[np.ndarray, float]:
    """Return *blocks* as whole numbers and the spread of a difference; raise ValueError where one is out of range."""
    counts = np.atleast_1d(np.asarray(blocks, dtype=float))
    if not (counts % 1 == 0).all():
        raise ValueError(f"blocks must be whole numbers, but got {counts.tolist()}")
    counts, spread_of = counts.astype(int), difference_spread(sd, correlation)
    if not (len(gains) and len(counts)):
        raise ValueError(f"name one gain and one number of blocks at least, but got {len(gains)} and {len(counts)}")
    if not (gains > 0).all():
        raise ValueError(f"gain must be positive, in units of the score, but got {gains.tolist()}")
    if not ((counts >= 1) & (counts <= MOST_BLOCKS)).all():
        raise ValueError(f"blocks must be between 1 and {MOST_BLOCKS}, but got {counts.tolist()}")
    if power is not None and not 0 < power < 1:
        raise ValueError(f"power must lie between 0 and 1, but got {power}")
    return counts, spread_of


def smallest_shift(draws: Draws, blocks: int, power: float) -> float:
    """Return the smallest shift, in standard deviations, that is found with chance *power*; NaN: none is.

    To 0.001 for a plain comparison, and to 0.01 for families, of which fewer studies are drawn.
    """
    if draws.family.floor(blocks, draws.alpha) > draws.alpha:
        return float("nan")

    def beyond(shift: float) -> float:
        """Return how many more studies than are asked for find it: a step function, which is never 0."""
        return draws.found(blocks, shift) - power * draws.simulations + 1e-6

    low, high = 0.0, 1.0
    while beyond(high) < 0:
        low, high = high, 2 * high
        if high > LARGEST_GAIN:
            return float("nan")
    return float(optimize.brentq(beyond, low, high, xtol=5e-4 if draws.family.plain else 5e-3))


def fewest_blocks(draws: Draws, shift: float, power: float) -> int | None:
    """Return the fewest blocks in which *shift* (in standard deviations) is found with chance *power*.

    The search starts at what the z-test of a known spread needs, in a family at one block less than a plain comparison
    does: no test does with less. None beyond ``MOST_BLOCKS``.
    """
    enough = power * draws.simulations
    least = ((stats.norm.ppf(1 - draws.alpha / 2) + stats.norm.ppf(power)) / shift) ** 2
    if not draws.family.plain and least <= MOST_BLOCKS:
        plain = fewest_blocks(_draws(2, False, None, draws.alpha, None, draws.seed), shift, power)
        least = MOST_BLOCKS + 1 if plain is None else plain - 1
    first = n = max(draws.family.least_blocks(draws.alpha), int(min(least, MOST_BLOCKS + 1)))
    while n <= MOST_BLOCKS and draws.found(n, shift) < enough:
        first, n = n + 1, n + max(1, n // STRIDE)
    found = (size for size in range(first, min(n, MOST_BLOCKS) + 1) if draws.found(size, shift) >= enough)
    return next(found, None)
