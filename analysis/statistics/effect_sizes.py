"""Effect sizes of two samples: always b minus a, so a positive number says that b is higher.

The Hodges-Lehmann estimate is the median of all Walsh averages (paired) or of all differences b_j - a_i (unpaired). Its
interval inverts the same rank test that gives the p (Hollander, Wolfe & Chicken, Nonparametric Statistical Methods,
sections 3.2-3.3 and 4.2-4.3); it covers at least the nominal rate. It is for one comparison, not for a whole family.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from analysis.statistics.exact_distributions import critical_value, midranks, signed_rank_distribution, splits
from analysis.statistics.order_statistics import pairwise_differences, walsh_averages
from analysis.statistics.rank_tests import MAX_PAIRS, MAX_PRODUCT, differences


class Estimate(NamedTuple):
    """A point with its interval; low and high are NaN where n is too small for one."""

    value: float
    low: float
    high: float


def rank_biserial(a: np.ndarray, b: np.ndarray) -> float:
    """Return the matched-pairs rank-biserial correlation (Kerby 2014), -1 (a higher in every pair) to 1.

    (W+ - W-) / (n (n + 1) / 2). A pair without a difference keeps its rank and speaks for neither side: one pair that
    differs among eight is weak evidence, not an effect of 1.
    """
    gains = differences(a, b)
    ranks = midranks(np.abs(gains))
    return float((np.sign(gains) * ranks).sum() / ranks.sum())


def cliffs_delta(a: np.ndarray, b: np.ndarray) -> float:
    """Return P(b > a) - P(b < a) over all pairs of one value of each (Cliff 1993), -1 to 1."""
    ordered = np.sort(a)
    higher = np.searchsorted(ordered, b, side="left").sum()
    lower = (len(a) - np.searchsorted(ordered, b, side="right")).sum()
    return float((higher - lower) / (len(a) * len(b)))


def superiority(a: np.ndarray, b: np.ndarray, *, paired: bool) -> float:
    """Return the chance that *b* is higher, a tie counting one half: 0 to 1, one half where neither is.

    Paired: the share of pairs in which *b* is higher. Unpaired: A12 (Vargha & Delaney 2000), the share of all
    combinations of one value of each.
    """
    return float((np.sign(differences(a, b)).mean() if paired else cliffs_delta(a, b)) + 1) / 2


def shift_paired(a: np.ndarray, b: np.ndarray, confidence: float = 0.95) -> Estimate:
    """Return the Hodges-Lehmann difference b - a of pairs, with the interval of the signed-rank test."""
    return _between(*walsh_averages(differences(a, b)), _cut_paired(len(a), (1 - confidence) / 2))


def shift_unpaired(a: np.ndarray, b: np.ndarray, confidence: float = 0.95) -> Estimate:
    """Return the Hodges-Lehmann difference b - a of two groups, with the interval of the Mann-Whitney test."""
    return _between(*pairwise_differences(a, b), _cut_unpaired(len(a), len(b), (1 - confidence) / 2))


def mean_paired(a: np.ndarray, b: np.ndarray, confidence: float = 0.95) -> Estimate:
    """Return the mean difference b - a of pairs, with Student's interval (it assumes normal differences)."""
    gains = differences(a, b)
    n, value = len(gains), float(np.mean(gains))
    if n >= 2 and np.ptp(gains) == 0:
        return Estimate(value, value, value)
    if n < 2:
        return Estimate(value, float("nan"), float("nan"))
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * np.std(gains, ddof=1) / np.sqrt(n))
    return Estimate(value, value - half, value + half)


def _between(size: int, smallest: Callable[[int], float], cut: int) -> Estimate:
    """Return the median of *size* values, and those just inside the *cut* outermost ones; *smallest*: k → the k-th."""
    middle = (smallest((size - 1) // 2) + smallest(size // 2)) / 2
    if cut < 0:
        return Estimate(middle, float("nan"), float("nan"))
    return Estimate(middle, smallest(cut), smallest(size - 1 - cut))


def _cut_paired(n: int, tail: float) -> int:
    if n > MAX_PAIRS:
        return _normal_cut(n * (n + 1) / 4, n * (n + 1) * (2 * n + 1) / 24, tail)
    return critical_value(signed_rank_distribution(tuple(range(1, n + 1))), tail)


def _cut_unpaired(n_a: int, n_b: int, tail: float) -> int:
    if n_a * n_b > MAX_PRODUCT:
        return _normal_cut(n_a * n_b / 2, n_a * n_b * (n_a + n_b + 1) / 12, tail)
    rank_sums = splits(tuple(range(1, n_a + n_b + 1)), n_b)
    return critical_value(rank_sums[n_b * (n_b + 1) // 2 :], tail)


def _normal_cut(mean: float, variance: float, tail: float) -> int:
    return int(np.floor(mean + stats.norm.ppf(tail) * np.sqrt(variance) - 0.5))
