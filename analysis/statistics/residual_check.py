"""Do the residuals of scores, blocks and levels taken out, look normal and equally spread? With few blocks: unknown.

Two statistics are compared with what normal errors of the same size give (``DRAWS`` times, blocks and levels taken out
of each, which makes residuals look more normal than errors are): the correlation of the ordered residuals with normal
scores (Shapiro and Francia 1972), and the share of the level with the largest variance (Cochran 1941). How often each
would notice errors that are clearly different is drawn as well, exponential errors for the first and one level of three
times the spread for the second. Where that is less than half the time, passing the check means nothing, and it says so.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

from analysis.statistics.formatting import equals, plural

DRAWS = 999
SEED = 20_240
LEVEL = 0.01
"""Where residuals speak against an assumption. At .05 the choice of a form that follows made too many false claims."""
MOST_BLOCKS = 200
"""Of more blocks the first so many are checked."""
HALF = 0.5


class ResidualCheck(NamedTuple):
    """What the residuals of so many complete *blocks* and *levels* say about the errors."""

    blocks: int
    levels: int
    p_normal: float
    p_spread: float
    notices_skew: float
    """How often a check of this size notices exponential errors."""
    notices_spread: float
    """How often it notices one level of three times the spread."""

    @property
    def sentence(self) -> str:
        """Return what the check says, and what it cannot say."""
        if np.isnan(self.p_normal):
            return (
                f"normal errors cannot be checked with {plural(self.blocks, 'complete block')} of {self.levels} levels"
            )
        parts = []
        for what, p, notices, example in (
            ("normal errors", self.p_normal, self.notices_skew, "exponential errors"),
            ("equal spread", self.p_spread, self.notices_spread, "three times the spread in one level"),
        ):
            noticed = f"{example} would be noticed in {100 * notices:.0f} % of such studies"
            if p <= LEVEL:
                parts.append(f"the residuals speak against {what} (p {equals(p)})")
            elif notices < HALF:
                parts.append(f"{what} cannot be checked with n = {self.blocks} blocks ({noticed})")
            else:
                parts.append(f"nothing speaks against {what} (p {equals(p)}; {noticed})")
        return "; ".join(parts)


def residual_check(scores: np.ndarray) -> ResidualCheck:
    """Return the check of *scores*, blocks × levels; blocks with a NaN are left out."""
    scores = scores[~np.isnan(scores).any(axis=1)][:MOST_BLOCKS]
    n, k = scores.shape
    residuals = residuals_of(scores[None]) if n and k else np.zeros((1, 0, 0))
    if n < 3 or k < 2 or np.abs(residuals).max() < 1e-12:
        return ResidualCheck(n, k, *[float("nan")] * 4)
    null, skewed, uneven = _drawn(n, k)
    normal, spread = _statistics(residuals)
    p_normal = float((np.sum(null[0] <= normal + 1e-12) + 1) / (DRAWS + 1))
    p_spread = float((np.sum(null[1] >= spread - 1e-12) + 1) / (DRAWS + 1)) if k > 2 else 1.0
    return ResidualCheck(n, k, p_normal, p_spread, skewed, uneven)


def residuals_of(scores: np.ndarray) -> np.ndarray:
    """Return *scores* (data sets × blocks × levels) less what their blocks and levels have in common."""
    return (
        scores
        - scores.mean(axis=1, keepdims=True)
        - scores.mean(axis=2, keepdims=True)
        + scores.mean(axis=(1, 2), keepdims=True)
    )


def _statistics(residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the correlation with normal scores and the largest share of the variance, of each data set."""
    count = residuals[0].size
    normal = stats.norm.ppf((np.arange(1, count + 1) - 0.375) / (count + 0.25))
    ordered = np.sort(residuals.reshape(len(residuals), -1), axis=1)
    sizes = np.sqrt((ordered**2).sum(axis=1) * (normal**2).sum())
    sums = (residuals**2).sum(axis=1)
    return ordered @ normal / sizes, sums.max(axis=1) / sums.sum(axis=1)


@lru_cache(maxsize=64)
def _drawn(n: int, k: int) -> tuple[tuple[np.ndarray, np.ndarray], float, float]:
    """Return both statistics of normal errors, and how often each notices errors that are clearly different."""
    rng, size = np.random.default_rng([SEED, n, k]), (DRAWS, n, k)
    normal = rng.standard_normal(size)
    null = _statistics(residuals_of(normal))
    skewed = _statistics(residuals_of(rng.exponential(size=size)))[0]
    uneven = _statistics(residuals_of(rng.standard_normal(size) * np.where(np.arange(k) == 0, 3, 1)))[1]
    noticed_skew = float(np.mean(skewed < np.quantile(null[0], LEVEL)))
    noticed_spread = float(np.mean(uneven > np.quantile(null[1], 1 - LEVEL))) if k > 2 else 0.0
    return null, noticed_skew, noticed_spread
