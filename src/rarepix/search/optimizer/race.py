"""The race: when a configuration is already clearly worse over its blocks and gets no more of them.

**The rule.** A candidate is tested after each block that it has finished, from the ``at_least``-th on. Over its k
blocks it is compared with the configurations that have finished the same ones. The leader is the one of the highest
mean. The candidate is dropped if the one-sided paired test

    t = (mean of the leader − mean of the candidate) / (s · sqrt(2 / k))

has p ≤ ``alpha`` / (``looks`` · rivals), where rivals are all other configurations that have finished a block of this
study, those dropped since among them. s is the larger of two standard deviations of the noise: that of the residuals
of the two-way model score = configuration + block + noise, pooled over the configurations whose mean is at least the
median one, and the candidate; and that of the pair itself (of the differences between leader and candidate, over √2).
t has the degrees of freedom of the first, (k − 1)(n − 1) for n configurations, but at most 6 (k − 1).

**What it guarantees.** If the model holds with normal noise of equal spread, the truly best configuration is dropped
from a study with a probability of at most ``alpha``, whatever the other configurations are and in whichever order they
come: each test against one rival at one look has its share of ``alpha``, and the shares add up (Bonferroni). Leader and
pool may be chosen by their means, since under this model means say nothing about residuals.

Where the noise is not equal, the rest of the rule keeps the error near ``alpha`` without a proof
(``docs/benchmarks/search.md`` has simulated rates, for heavy tails and threefold spreads too). A bad configuration
that fails in one fold and not in the next does not hide the others' differences, because only the better half is
pooled. A candidate that varies more than the others is not dropped by their low noise alone: its own pair may raise s,
and the pool, however large, gives the average noise, so it counts for at most six degrees of freedom for each block.

**What it does not.** Blocks count as independent draws. Folds of one data set share most of their training images, so
the statement is about more blocks of this kind, not about new data (Bengio and Grandvalet, 2004). And which rivals
there are must not depend on the noise of the candidate's scores; what a sampler proposes depends on it a little.

The idea is that of F-race (Birattari, Stützle, Paquete and Varrentrapp, GECCO 2002) and of irace's t-race (López-Ibáñez
et al., Operations Research Perspectives 3, 2016), which do not correct for the number of looks.
"""

from dataclasses import dataclass

import numpy as np

MAX_FREEDOM_PER_BLOCK = 6
"""Degrees of freedom that each block after the first can give, at most."""
RELATIVE_ROUNDING = 1e-12
"""A spread below this fraction of the scores is a rounding error: the differences are the same in every block."""


@dataclass(frozen=True)
class Elimination:
    """The test by which a candidate is clearly worse than the leader."""

    candidate: int
    leader: int
    difference: float
    """Mean of the leader − mean of the candidate, over the candidate's blocks."""
    p: float
    level: float
    """The level that p did not exceed."""
    blocks: int
    """How many blocks both have finished."""

    def __str__(self) -> str:
        return (
            f"configuration {self.candidate} is clearly worse than configuration {self.leader}: "
            f"by {self.difference:.4f} in the mean of {self.blocks} blocks (p = {self.p:.2g} ≤ {self.level:.2g})"
        )


def clearly_worse(
    scores: np.ndarray, candidate: int, *, looks: int, alpha: float = 0.05, at_least: int = 2
) -> Elimination | None:
    """Return the test by which *candidate* gets no more blocks, None if it may go on.

    Args:
        scores: array (configurations, blocks), higher is better; NaN where there is no score (not run yet, or failed).
        candidate: row of *scores*.
        looks: how many times one configuration may be tested in the study.
        alpha: probability, at most, that the truly best configuration of the study is dropped.
        at_least: blocks that a candidate must have finished before it is tested.

    Raises ``ValueError`` for scores of another shape or with infinities, or an argument out of range.
    """
    from scipy.special import stdtr

    _check(scores, candidate, looks, alpha, at_least)
    blocks = ~np.isnan(scores[candidate])
    same = np.flatnonzero(~np.isnan(scores[:, blocks]).any(axis=1))
    rivals = np.count_nonzero(~np.isnan(scores).all(axis=1)) - 1
    k = np.count_nonzero(blocks)
    if k < at_least or len(same) < 2:
        return None
    means = scores[:, blocks].mean(axis=1)
    leader = int(same[np.argmax(means[same])])
    difference = float(means[leader] - means[candidate])
    if difference <= 0:
        return None
    pooled = same[(means[same] >= np.median(means[same])) | (same == candidate)]
    freedom = (k - 1) * min(len(pooled) - 1, MAX_FREEDOM_PER_BLOCK)
    spread = max(
        _residual_spread(scores[np.ix_(pooled, blocks)]),
        _residual_spread(scores[np.ix_([leader, candidate], blocks)]),
    )
    p = float(stdtr(freedom, -difference / (spread * np.sqrt(2 / k)))) if spread > 0 else 0.0  # Student's t, upper tail
    level = alpha / (looks * rivals)
    return Elimination(candidate, leader, difference, p, level, int(k)) if p <= level else None


def _residual_spread(scores: np.ndarray) -> float:
    """Return the standard deviation of the residuals of configuration + block in *scores* (without NaN); 0 if tiny.

    For two configurations it is the standard deviation of their differences, over √2.
    """
    residuals = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + scores.mean()
    rows, columns = scores.shape
    spread = float(np.sqrt((residuals**2).sum() / ((rows - 1) * (columns - 1))))
    return spread if spread > RELATIVE_ROUNDING * np.abs(scores).max() else 0.0


def _check(scores: np.ndarray, candidate: int, looks: int, alpha: float, at_least: int) -> None:
    if scores.ndim != 2 or np.isinf(scores).any():
        raise ValueError(
            f"scores must be configurations × blocks, finite or NaN, but got shape {scores.shape}: {scores}"
        )
    if not 0 <= candidate < len(scores):
        raise ValueError(f"the candidate must be a row of the scores, 0 … {len(scores) - 1}, but got {candidate}")
    if looks < 1 or not 0 < alpha < 1 or at_least < 2:
        raise ValueError(
            "looks must be at least 1, alpha between 0 and 1 and at_least 2 or more (one block shows no spread), "
            f"but got looks={looks}, alpha={alpha}, at_least={at_least}"
        )
