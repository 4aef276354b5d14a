"""Power of the exact signed-rank test, by simulation: what the next study can show.

Differences within blocks are drawn from a normal distribution around the gain, tested as ``compare`` tests them, and
counted where the test finds the gain in the right direction. Correcting for several comparisons is taken at its
strictest, Holm's first step: alpha / comparisons. All results of one seed share their draws, so that larger
gains and more blocks are compared on the same noise.

``sd`` is the spread of **one score** of a configuration over blocks. Paired comparisons see the spread of a
**difference**, ``sd_difference = sd * sqrt(2 (1 - correlation))``, where *correlation* is that of two configurations
over blocks: 0 if a block does nothing for both alike (the cautious default), near 1 if blocks are what scores differ
by; 0.5 makes the two spreads equal. ``analysis.statistics.spread`` estimates all three from finished trials.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.corrections import check_alpha
from analysis.statistics.exact_distributions import critical_value, signed_rank_distribution
from analysis.statistics.formatting import as_text, correction_words
from analysis.statistics.rank_tests import TESTS

SIMULATIONS = 10_000
GAINS = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Default gains, in units of sd."""
BLOCKS = (5, 6, 8, 10, 12, 16, 20, 30)
MOST_BLOCKS = 500
LARGEST_GAIN = 64.0
"""Upper end of the search for a gain, in standard deviations of the difference: six pairs need less than 4."""
COLUMNS = [
    "gain", "blocks", "power", "low", "high", "floor", "floor_adjusted", "decidable", "sd", "correlation",
    "sd_difference", "alpha", "comparisons", "simulations",
]  # fmt: skip


def power(
    *,
    sd: float,
    gain: float | Sequence[float] | None = None,
    blocks: int | Sequence[int] = BLOCKS,
    correlation: float = 0.0,
    alpha: float = 0.05,
    comparisons: int = 1,
    simulations: int = SIMULATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a row per gain and number of blocks: how often the exact signed-rank test would find that gain.

    Args:
        sd: standard deviation of one score over blocks.
        gain: differences to find, in units of the score; None: 0.5 to 3 times *sd*.
        blocks: numbers of complete blocks.
        correlation: of two configurations over blocks, see the top of this file.
        comparisons: size of the family that Holm corrects over.

    Returns:
        ``power`` with the 95 % interval of the simulation (``low``, ``high``: Clopper-Pearson); ``floor``, the smallest
        p that this many blocks can give, and ``floor_adjusted`` after the correction; ``decidable``: whether that is at
        most *alpha*. Power is 0 where it is not.

    Raises:
        ValueError: an argument is out of its range.
    """
    gains = np.atleast_1d(np.asarray([step * sd for step in GAINS] if gain is None else gain, dtype=float))
    counts, spread_of = _checked(gains, blocks, sd, correlation, alpha, comparisons, simulations)
    noise = draw_noise(int(counts.max()), simulations, seed)
    rows = []
    for size in gains:
        for n in counts:
            hits = count_detections(noise[:, :n] * spread_of + size, alpha / comparisons)
            floor = TESTS["signed_rank"].floor(int(n), int(n))
            adjusted = min(1.0, floor * comparisons)
            ends = stats.binomtest(hits, simulations).proportion_ci() if adjusted <= alpha else (0.0, 0.0)
            rows.append([size, n, hits / simulations, *map(float, ends), floor, adjusted, adjusted <= alpha])
    table = pd.DataFrame(rows, columns=COLUMNS[:8])
    given = {"sd": sd, "correlation": correlation, "sd_difference": spread_of, "alpha": alpha}
    return table.assign(**given, comparisons=comparisons, simulations=simulations)[COLUMNS]


def smallest_gain(
    *,
    sd: float,
    blocks: int | Sequence[int] = BLOCKS,
    power: float = 0.8,
    correlation: float = 0.0,
    alpha: float = 0.05,
    comparisons: int = 1,
    simulations: int = SIMULATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a row per number of blocks: the smallest ``gain`` found with chance *power*, NaN where none can be.

    Arguments and errors are those of ``power``.
    """
    counts, spread_of = _checked(np.ones(1), blocks, sd, correlation, alpha, comparisons, simulations, power)
    noise, family = draw_noise(int(counts.max()), simulations, seed), correction_words("holm", comparisons)
    rows = []
    for n in counts:
        gain = smallest_shift(noise[:, :n], alpha / comparisons, power) * spread_of
        verdict = f"{n} blocks show a gain of {as_text(float(gain), 2)} with {100 * power:.3g} % power{family}"
        if np.isnan(gain):
            least = least_blocks(alpha / comparisons)
            verdict = f"{n} blocks cannot show a gain of any size{family}: at least {least} are needed"
        rows.append({"blocks": n, "gain": gain, "power": power, "sd_difference": spread_of, "verdict": verdict})
    return pd.DataFrame(rows)


def needed_blocks(
    *,
    sd: float,
    gain: float | Sequence[float],
    power: float = 0.8,
    correlation: float = 0.0,
    alpha: float = 0.05,
    comparisons: int = 1,
    simulations: int = SIMULATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a row per gain: the fewest ``blocks`` that find it with chance *power*, NaN beyond 500.

    Arguments and errors are those of ``power``.
    """
    gains = np.atleast_1d(np.asarray(gain, dtype=float))
    _, spread_of = _checked(gains, 1, sd, correlation, alpha, comparisons, simulations, power)
    rows = []
    for size in gains:
        n = fewest_blocks(size / spread_of, alpha / comparisons, power, simulations, seed)
        needs = f"more than {MOST_BLOCKS}" if n is None else str(n)
        verdict = f"a gain of {as_text(float(size), 2)} needs {needs} blocks for {100 * power:.3g} % power"
        verdict += correction_words("holm", comparisons)
        row = {"gain": size, "blocks": float("nan") if n is None else n, "power": power, "sd_difference": spread_of}
        rows.append(row | {"verdict": verdict})
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


def _checked(
    gains: np.ndarray,
    blocks: int | Sequence[int],
    sd: float,
    correlation: float,
    alpha: float,
    comparisons: int,
    simulations: int,
    power: float | None = None,
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
    check_alpha(alpha)
    if comparisons < 1 or simulations < 1:
        raise ValueError(f"comparisons and simulations must be 1 or more, but got {comparisons} and {simulations}")
    if power is not None and not 0 < power < 1:
        raise ValueError(f"power must lie between 0 and 1, but got {power}")
    return counts, spread_of


def draw_noise(blocks: int, simulations: int, seed: int) -> np.ndarray:
    """Return standard normal noise, simulations × *blocks*; the first n columns do not depend on how many follow."""
    return np.random.default_rng(seed).standard_normal((blocks, simulations)).T


def count_detections(gains: np.ndarray, alpha: float) -> int:
    """Return in how many rows of *gains* (simulations × blocks) the signed-rank test shows that they are positive.

    Continuous values: no ties, no zeros. Two-sided at *alpha*, counted where the positive ranks have the larger sum.
    """
    n = gains.shape[1]
    cut = critical_value(signed_rank_distribution(tuple(range(1, n + 1))), alpha / 2)
    if cut < 0:
        return 0
    order = np.argsort(np.abs(gains), axis=1)
    positive = np.take_along_axis(gains, order, axis=1) > 0
    return int(np.sum(positive @ np.arange(1.0, n + 1) >= n * (n + 1) / 2 - cut))


def smallest_shift(noise: np.ndarray, alpha: float, power: float) -> float:
    """Return the smallest shift of *noise* that is found with chance *power*, to 0.001; NaN where none is.

    A larger shift is found in every simulation in which a smaller one is, so that halving finds the border.
    """
    enough, low, high = power * len(noise), 0.0, LARGEST_GAIN
    if count_detections(noise + high, alpha) < enough:
        return float("nan")
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (low, middle) if count_detections(noise + middle, alpha) >= enough else (middle, high)
    return high


def fewest_blocks(shift: float, alpha: float, power: float, simulations: int, seed: int) -> int | None:
    """Return the fewest blocks in which *shift* (in standard deviations) is found with chance *power*.

    The search starts at what the z-test of a known spread needs: no test does with less. None beyond ``MOST_BLOCKS``.
    """
    least = ((stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)) / shift) ** 2
    start = max(least_blocks(alpha), int(least))
    if start > MOST_BLOCKS:
        return None
    noise = draw_noise(MOST_BLOCKS, simulations, seed)
    sizes = range(start, MOST_BLOCKS + 1)
    return next((n for n in sizes if count_detections(noise[:, :n] + shift, alpha) >= power * simulations), None)


def least_blocks(alpha: float) -> int:
    """Return the fewest pairs whose smallest possible two-sided p, 2 / 2^n, is at most *alpha*."""
    return int(np.ceil(np.log2(2 / alpha) - 1e-12))
