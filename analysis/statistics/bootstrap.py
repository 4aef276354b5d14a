"""Bootstrap intervals: bias-corrected and accelerated (BCa), drawn from a Generator of their own.

BCa (Efron 1987; Efron & Tibshirani 1993, chapter 14) reads the interval off the resampled values at shifted
percentiles: z0 corrects for bias, the acceleration for a spread that changes with the value.

Resampling few values understates their spread, by sqrt((n - 1) / n) and by the normal in place of Student's t: over
eight blocks a plain BCa interval of a mean covers 90 %, not 95 %. Means over blocks therefore ask for the percentiles
that make up for both (Hesterberg, The American Statistician 2015: the expanded percentile interval). Below ``LEAST``
values the acceleration, a third moment, is mostly noise, and there is no interval: NaN.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import special

from analysis.statistics.effect_sizes import Estimate

RESAMPLES = 9_999
LEAST, LEAST_OF_A_GROUP = 8, 4
"""Fewest values for an interval: differences, or values in each of two groups. With six, coverage was 92.6 %."""
KEPT = 256
"""Up to this many values the resampling weights are cached for the next comparison."""
NAN = float("nan")


def draw_counts(n: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each of *n* values is in each resample: resamples × n, rows add up to n."""
    chosen = rng.integers(0, n, (resamples, n)) + n * np.arange(resamples)[:, None]
    return np.bincount(chosen.ravel(), minlength=resamples * n).reshape(resamples, n)


@lru_cache(maxsize=4)
def resampled_weights(n: int, seed: int, side: int = 0) -> np.ndarray:
    """Return how much each of *n* values weighs in each resample: ``RESAMPLES`` × n, rows add up to 1."""
    return draw_counts(n, RESAMPLES, np.random.default_rng([seed, n, side])) / n


def bca(value: float, replicates: np.ndarray, influences: Sequence[np.ndarray], tail: float) -> tuple[float, float]:
    """Return (low, high) with *tail* outside at either end.

    Args:
        value: the statistic of the original data.
        replicates: the statistic of each resample, without NaN.
        influences: how far each value moves the statistic (up to a constant), one array per sample.
    """
    below = (np.mean(replicates < value) + np.mean(replicates <= value)) / 2
    if below in (0.0, 1.0):  # all resamples lie on one side: only uncorrected percentiles are possible
        return tuple(map(float, np.quantile(replicates, [tail, 1 - tail])))
    cubes = sum((part**3).sum() / len(part) ** 3 for part in influences)
    squares = sum((part**2).sum() / len(part) ** 2 for part in influences)
    acceleration = float(cubes / (6 * squares**1.5)) if squares > 0 else 0.0
    z0 = special.ndtri(below)
    z = z0 + special.ndtri([tail, 1 - tail])
    percentiles = special.ndtr(z0 + z / (1 - acceleration * z))
    return tuple(map(float, np.quantile(replicates, percentiles)))


def resampled_means(values: np.ndarray, seed: int, side: int = 0) -> np.ndarray:
    """Return the means of ``RESAMPLES`` resamples of *values*; *side* 0 and 1 draw different resamples."""
    n = len(values)
    if n <= KEPT:
        return resampled_weights(n, seed, side) @ values
    rng, at_once = np.random.default_rng([seed, n, side]), max(1, 2_000_000 // n)
    sizes = [min(at_once, RESAMPLES - begun) for begun in range(0, RESAMPLES, at_once)]
    return np.concatenate([values[rng.integers(0, n, (size, n))].mean(axis=1) for size in sizes])


def mean_interval(gains: np.ndarray, confidence: float = 0.95, *, seed: int = 0) -> Estimate:
    """Return the mean of *gains* (a paired difference per block) with its BCa interval; NaN ends below eight blocks."""
    n = len(gains)
    value = float(np.mean(gains)) if n else NAN
    if n < LEAST:
        return Estimate(value, NAN, NAN)
    return _interval(value, resampled_means(gains, seed), [gains - value], expanded_z(n - 1, confidence))


def mean_difference_interval(a: np.ndarray, b: np.ndarray, confidence: float = 0.95, *, seed: int = 0) -> Estimate:
    """Return mean(b) - mean(a) of two independent groups with its BCa interval; the groups are resampled apart."""
    sizes = len(a), len(b)
    value = float(np.mean(b) - np.mean(a)) if min(sizes) else NAN
    if min(sizes) < LEAST_OF_A_GROUP:
        return Estimate(value, NAN, NAN)
    spreads = np.array([np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)])
    if not spreads.any():
        return Estimate(value, value, value)
    shrunk = np.array([(n - 1) / n for n in sizes])
    freedom = spreads.sum() ** 2 / sum(spread**2 / (n - 1) for spread, n in zip(spreads, sizes, strict=True))
    z = special.stdtrit(freedom, (1 + confidence) / 2) * np.sqrt(spreads.sum() / (spreads * shrunk).sum())
    means = [resampled_means(group, seed, side) for side, group in enumerate((a, b))]
    influences = [np.mean(a) - a, b - np.mean(b)]
    return _interval(value, means[1] - means[0], influences, z)


def expanded_z(freedom: float, confidence: float) -> float:
    """Return the half-width of the interval of a mean of *freedom* + 1 values, in standard errors of its resamples."""
    return float(special.stdtrit(freedom, (1 + confidence) / 2) * np.sqrt((freedom + 1) / freedom))


def _interval(value: float, replicates: np.ndarray, influences: list[np.ndarray], z: float) -> Estimate:
    if max(np.ptp(part) for part in influences) < 1e-12:
        return Estimate(value, value, value)
    return Estimate(value, *bca(value, replicates, influences, float(special.ndtr(-z))))
