"""The exact signed-rank test, vectorised over many simulated studies; used by ``power``."""

import numpy as np
from scipy import stats

from analysis.statistics.exact_distributions import critical_value, signed_rank_distribution

MOST_BLOCKS = 500
LARGEST_GAIN = 64.0
"""Upper end of the search for a gain, in standard deviations of the difference: six pairs need less than 4."""


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


def detection_interval(hits: int, simulations: int) -> tuple[float, float]:
    """Return the 95 % Clopper-Pearson interval of a simulated rate."""
    interval = stats.binomtest(hits, simulations).proportion_ci(0.95, method="exact")
    return float(interval.low), float(interval.high)


def smallest_shift(noise: np.ndarray, alpha: float, power: float) -> float:
    """Return the smallest shift of *noise* that is found with chance *power*, to 0.001; NaN where none is.

    A larger shift is found in every simulation in which a smaller one is, so that halving finds the border.
    """
    simulations = len(noise)
    low, high = 0.0, LARGEST_GAIN
    if count_detections(noise + high, alpha) < power * simulations:
        return float("nan")
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (low, middle) if count_detections(noise + middle, alpha) >= power * simulations else (middle, high)
    return high


def fewest_blocks(shift: float, alpha: float, power: float, simulations: int, seed: int) -> int | None:
    """Return the fewest blocks in which *shift* (in standard deviations) is found with chance *power*.

    No test of a normal mean does with fewer blocks than the z-test of a known spread, so that the search starts there.
    None beyond ``MOST_BLOCKS``.
    """
    least = ((stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)) / shift) ** 2
    start = max(least_blocks(alpha), int(least))
    if start > MOST_BLOCKS:
        return None
    noise = draw_noise(MOST_BLOCKS, simulations, seed)
    enough = (
        n for n in range(start, MOST_BLOCKS + 1) if count_detections(noise[:, :n] + shift, alpha) >= power * simulations
    )
    return next(enough, None)


def least_blocks(alpha: float) -> int:
    """Return the fewest pairs whose smallest possible two-sided p, 2 / 2^n, is at most *alpha*."""
    return int(np.ceil(np.log2(2 / alpha) - 1e-12))
