"""The tests that ``compare`` offers: each takes the scores of two levels and returns (statistic, two-sided p).

==============  ========  ==================================================================================
signed_rank     paired    Wilcoxon signed-rank, exact up to 100 pairs, zeros by Pratt (they are ranked, then dropped)
paired_t        paired    Student's t of the differences; assumes that they are normal
mann_whitney    unpaired  Mann-Whitney U of b over a, exact while n_a n_b is at most 2500
rank_sum        unpaired  Wilcoxon rank-sum by the normal approximation, without tie correction: what much
                          published work used; kept under its own name
==============  ========  ==================================================================================

Each test has a **floor**: the smallest p that any data of that size could give.
"""

from collections.abc import Callable
from math import comb
from typing import NamedTuple

import numpy as np
from scipy import stats

from analysis.statistics.exact_distributions import midranks, signed_rank_distribution, splits

MAX_PAIRS, MAX_PRODUCT = 100, 2500
"""Up to here exact distributions are computed; beyond, the normal approximation differs in the fourth digit."""


class RankTest(NamedTuple):
    """A test, and the smallest p that it can give."""

    run: Callable[[np.ndarray, np.ndarray], tuple[float, float]]
    floor: Callable[[int, int], float]
    """(n_a, n_b) → p; paired tests are asked with n_a = n_b = number of pairs."""
    paired: bool
    least: int
    """Fewest observations per level for which the test is defined."""


def differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return b - a, rounded to 12 decimals: 0.30 - 0.25 and 0.10 - 0.05 are a tie, not two ranks made by rounding."""
    return np.round(b - a, 12)


def signed_rank(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return W+ (sum of the ranks of pairs in which *b* is higher) and its p; (0, 1) if no pair differs."""
    gains = differences(a, b)
    ranks = midranks(np.abs(gains))
    moved = gains != 0
    statistic = float(ranks[gains > 0].sum())
    if not moved.any():
        return 0.0, 1.0
    if len(gains) > MAX_PAIRS:
        approximate = stats.wilcoxon(gains, zero_method="pratt", method="asymptotic")
        return statistic, float(approximate.pvalue)
    return statistic, _two_sided_p(signed_rank_distribution(_doubled(ranks[moved])), round(2 * statistic))


def paired_t(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return t of the differences b - a and its p; (0, 1) if no pair differs, (±infinite, 0) if all differ alike."""
    gains = differences(a, b)
    if np.ptp(gains) == 0:  # without spread t has no finite value, and its formula only rounding errors
        return (float(np.copysign(np.inf, gains[0])), 0.0) if gains[0] else (0.0, 1.0)
    result = stats.ttest_rel(b, a)
    return float(result.statistic), float(result.pvalue)


def mann_whitney(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return U (pairs of values in which *b* is higher; a tie counts one half) and its p."""
    ranks = midranks(np.concatenate([a, b]))
    rank_sum_b = ranks[len(a) :].sum()
    statistic = float(rank_sum_b - len(b) * (len(b) + 1) / 2)
    if len(a) * len(b) > MAX_PRODUCT:
        return statistic, float(stats.mannwhitneyu(b, a, method="asymptotic").pvalue)
    return statistic, _two_sided_p(splits(_doubled(ranks), len(b)), round(2 * rank_sum_b))


def rank_sum(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return z and p of ``scipy.stats.ranksums(b, a)``: positive where *b* is higher."""
    result = stats.ranksums(b, a)
    return float(result.statistic), float(result.pvalue)


def _doubled(ranks: np.ndarray) -> tuple[int, ...]:
    """Return *ranks* (multiples of 1/2) as integers that count halves."""
    return tuple(np.sort(np.rint(ranks * 2)).astype(int).tolist())


def _two_sided_p(probabilities: np.ndarray, observed: int) -> float:
    return float(min(1.0, 2 * min(probabilities[: observed + 1].sum(), probabilities[observed:].sum())))


def _rank_sum_floor(n_a: int, n_b: int) -> float:
    z = (n_a * n_b / 2) / np.sqrt(n_a * n_b * (n_a + n_b + 1) / 12)
    return float(2 * stats.norm.sf(z))


TESTS = {
    "signed_rank": RankTest(signed_rank, lambda n, _: min(1.0, 2 / 2**n), paired=True, least=1),
    "paired_t": RankTest(paired_t, lambda *_: 0.0, paired=True, least=2),
    "mann_whitney": RankTest(mann_whitney, lambda n, m: min(1.0, 2 / comb(n + m, n)), paired=False, least=1),
    "rank_sum": RankTest(rank_sum, _rank_sum_floor, paired=False, least=1),
}
