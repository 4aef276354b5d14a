"""Student's t of several comparisons at once: all pairs (Tukey 1953), or all against one (Dunnett 1955).

The p of a t is the chance that the largest |t| of all comparisons is as large when no level differs. For normal errors
of one spread the t are multivariate t with the correlation that the design gives them: ``DRAWS`` of their largest are
drawn, so that levels may have lost blocks as they like. One comparison has Student's p.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

DRAWS = 99_999
SEED = 20_240
AT_ONCE = 10_000


class LargestT(NamedTuple):
    """The distribution of the largest |t| of a family, none of whose comparisons differs."""

    draws: np.ndarray
    """In order; empty for a family of one."""
    freedom: int

    def p(self, t: float) -> float:
        """Return the p of *t* within the family."""
        if not len(self.draws):
            return student_p(t, self.freedom)
        return float((len(self.draws) - np.searchsorted(self.draws, abs(t)) + 1) / (len(self.draws) + 1))

    def critical(self, alpha: float) -> float:
        """Return the t whose p is *alpha*."""
        if not len(self.draws):
            return float(stats.t.isf(alpha / 2, self.freedom))
        return float(np.quantile(self.draws, 1 - alpha))


def largest_t(covariance: np.ndarray, freedom: int) -> LargestT:
    """Return the distribution for contrasts whose estimates have this *covariance*, up to a factor."""
    spread = np.sqrt(np.diag(covariance))
    correlation = np.round(covariance / np.outer(spread, spread), 10)
    return LargestT(_drawn(correlation.tobytes(), len(spread), freedom), freedom)


def of_all_pairs(levels: int, freedom: int) -> LargestT:
    """Return the distribution for all pairs of *levels* that are measured equally well (the studentized range)."""
    first, second = np.triu_indices(levels, 1)
    contrasts = np.eye(levels)[second] - np.eye(levels)[first]
    return largest_t(contrasts @ contrasts.T, freedom)


@lru_cache(maxsize=64)
def _drawn(correlation: bytes, contrasts: int, freedom: int) -> np.ndarray:
    if contrasts == 1:
        return np.empty(0)
    values, vectors = np.linalg.eigh(np.frombuffer(correlation).reshape(contrasts, contrasts))
    kept = values > 1e-9  # all pairs of k levels have k - 1 dimensions
    root = (vectors[:, kept] * np.sqrt(values[kept])).T
    rng, largest = np.random.default_rng([SEED, contrasts, freedom]), []
    for begun in range(0, DRAWS, AT_ONCE):
        count = min(AT_ONCE, DRAWS - begun)
        drawn = np.abs(rng.standard_normal((count, len(root))) @ root).max(axis=1)
        largest.append(drawn / np.sqrt(rng.chisquare(freedom, count) / freedom))
    return np.sort(np.concatenate(largest))


def student_p(t: float, freedom: float) -> float:
    """Return the two-sided p of one *t*."""
    return float(2 * stats.t.sf(abs(t), freedom))


def sidak_p(p: float, comparisons: int) -> float:
    """Return *p* adjusted for so many *comparisons*; Šidák (1967) showed that correlated normals need no more."""
    return float(-np.expm1(comparisons * np.log1p(-p))) if p < 1 else 1.0
