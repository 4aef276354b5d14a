"""Effect sizes of two samples: always b minus a, so a positive number says that b is higher.

The Hodges-Lehmann estimate is the median of all Walsh averages (paired) or of all differences b_j - a_i (unpaired). Its
interval inverts the same rank test that gives the p (Hollander, Wolfe & Chicken, Nonparametric Statistical Methods,
sections 3.2-3.3 and 4.2-4.3); it covers at least the nominal rate. It is for one comparison, not for a whole family.

Eight blocks have a few dozen averages, thirty thousand half a billion. Above ``LISTED`` the k-th smallest is found by
halving: how many sums of two values lie below a number takes a look-up per value, as both are in order.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

from analysis.statistics.exact_distributions import critical_value, midranks, signed_rank_distribution, splits
from analysis.statistics.rank_tests import MAX_PAIRS, MAX_PRODUCT, differences

LISTED = 100_000
HALVINGS = 80
"""More than the bits of a double: the border has then settled on one number."""


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
    """Return the chance that *b* is higher, 0 to 1, a tie counting one half; unpaired: A12 (Vargha & Delaney 2000)."""
    return float((np.sign(differences(a, b)).mean() if paired else cliffs_delta(a, b)) + 1) / 2


def shift_paired(a: np.ndarray, b: np.ndarray, confidence: float = 0.95) -> Estimate:
    """Return the Hodges-Lehmann difference b - a of pairs, with the interval of the signed-rank test."""
    n, tail = len(a), (1 - confidence) / 2
    if n > MAX_PAIRS:
        cut = _normal_cut(n * (n + 1) / 4, n * (n + 1) * (2 * n + 1) / 24, tail)
    else:
        cut = critical_value(signed_rank_distribution(tuple(range(1, n + 1))), tail)
    return _between(*walsh_averages(differences(a, b)), cut)


def shift_unpaired(a: np.ndarray, b: np.ndarray, confidence: float = 0.95) -> Estimate:
    """Return the Hodges-Lehmann difference b - a of two groups, with the interval of the Mann-Whitney test."""
    n_a, n_b, tail = len(a), len(b), (1 - confidence) / 2
    if n_a * n_b > MAX_PRODUCT:
        cut = _normal_cut(n_a * n_b / 2, n_a * n_b * (n_a + n_b + 1) / 12, tail)
    else:
        cut = critical_value(splits(tuple(range(1, n_a + n_b + 1)), n_b)[n_b * (n_b + 1) // 2 :], tail)
    return _between(*pairwise_differences(a, b), cut)


def mean_paired(a: np.ndarray, b: np.ndarray, confidence: float = 0.95) -> Estimate:
    """Return the mean difference b - a of pairs, with Student's interval (it assumes normal differences)."""
    gains = differences(a, b)
    n, value = len(gains), float(np.mean(gains))
    if n < 2:
        return Estimate(value, float("nan"), float("nan"))
    if np.ptp(gains) == 0:
        return Estimate(value, value, value)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * np.std(gains, ddof=1) / np.sqrt(n))
    return Estimate(value, value - half, value + half)


def _normal_cut(mean: float, variance: float, tail: float) -> int:
    return int(np.floor(mean + stats.norm.ppf(tail) * np.sqrt(variance) - 0.5))


def _between(size: int, smallest: Callable[[int], float], cut: int) -> Estimate:
    """Return the median of *size* values, and those just inside the *cut* outermost ones; *smallest*: k → the k-th."""
    middle = (smallest((size - 1) // 2) + smallest(size // 2)) / 2
    if cut < 0:
        return Estimate(middle, float("nan"), float("nan"))
    return Estimate(middle, smallest(cut), smallest(size - 1 - cut))


@lru_cache(maxsize=64)
def _each_pair(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return i and j of every pair i <= j below *n*."""
    return np.triu_indices(n)


def walsh_averages(values: np.ndarray) -> tuple[int, Callable[[int], float]]:
    """Return how many averages (x_i + x_j) / 2, i <= j, there are, and a function k → the k-th smallest, from 0."""
    n, ordered = len(values), np.sort(values)
    size = n * (n + 1) // 2
    if size <= LISTED:
        first, second = _each_pair(n)
        return size, _listed((values[first] + values[second]) / 2)

    def below(border: float) -> int:
        """Count averages up to *border*: all ordered pairs, and each value with itself, make every average twice."""
        pairs = np.searchsorted(ordered, 2 * border - ordered, side="right").sum()
        return int(pairs + np.searchsorted(ordered, border, side="right")) // 2

    return size, lambda k: _halved(below, k, float(ordered[0]), float(ordered[-1]))


def pairwise_differences(a: np.ndarray, b: np.ndarray) -> tuple[int, Callable[[int], float]]:
    """Return how many differences b_j - a_i there are, and a function k → the k-th smallest, from 0."""
    size = len(a) * len(b)
    if size <= LISTED:
        return size, _listed((b[:, None] - a[None, :]).ravel())
    a, b = np.sort(a), np.sort(b)
    below = lambda border: int(np.searchsorted(b, a + border, side="right").sum())  # noqa: E731
    return size, lambda k: _halved(below, k, float(b[0] - a[-1]), float(b[-1] - a[0]))


def _listed(values: np.ndarray) -> Callable[[int], float]:
    ordered = np.sort(values)
    return lambda k: float(ordered[k])


def _halved(below: Callable[[float], int], k: int, low: float, high: float) -> float:
    """Return the smallest border, between *low* and *high*, that more than *k* values lie at or below."""
    if below(low) > k:
        return low
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if below(middle) > k else (middle, high)
    return high
