"""Permutation test: are the best trials spread over a parameter's values more unevenly than random trials?"""

import numpy as np
import pandas as pd

from analysis.study.parameter_scales import is_numeric

DRAWS = 999
FIFTHS = 5
"""A number with more distinct values than this is cut into as many bins of equal size (quintiles)."""
PART = 62
"""The part of the seed that the permutations are drawn from."""


class PermutationTest:
    """The permutation test of Pearson's chi-square, of each parameter; permutations of one size are drawn once.

    It holds for trials that were sampled alike. A search that adapts samples good values more often and scores better
    the longer it runs, whatever the cause: there a small p is a hint.
    """

    def __init__(self, values: pd.DataFrame, seed: int) -> None:
        """Take *values*, a row per trial and a column per parameter, none missing."""
        codes = [bins(values[name]) for name in values]
        self._held = np.hstack([np.eye(code.max() + 1)[code] for code in codes])
        self._first = np.cumsum([0, *(code.max() + 1 for code in codes)])[:-1]
        self._seed = seed
        self._drawn: dict[tuple, np.ndarray] = {}

    def p(self, best: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return p of each parameter, at least 1 / 1000, not corrected for how many there are.

        *best* and *known* are masks: the best trials, and those with a score; only these are permuted.
        """
        membership, best = self._held[known], best[known]
        count = int(best.sum())
        key = (count, known.tobytes())
        if key not in self._drawn:
            rng = np.random.default_rng([self._seed, PART, count, len(best)])
            draws = rng.permuted(np.tile(best, (DRAWS, 1)), axis=1)
            self._drawn[key] = self._unevenness(draws, membership)
        observed_statistic = self._unevenness(best[None, :], membership)
        return (1 + (self._drawn[key] >= observed_statistic - 1e-9).sum(axis=0)) / (1 + DRAWS)

    def _unevenness(self, chosen: np.ndarray, membership: np.ndarray) -> np.ndarray:
        """Return draws × parameters of sum (observed - expected)² / expected over the parts of each."""
        observed = chosen.astype(float) @ membership
        expected = membership.sum(axis=0) * chosen.sum(axis=1, keepdims=True) / len(membership)
        terms = np.divide((observed - expected) ** 2, expected, out=np.zeros_like(observed), where=expected > 0)
        return np.add.reduceat(terms, self._first, axis=1)


def bins(values: pd.Series) -> np.ndarray:
    """Return the number of the bin of each value: its level, or the quintile of a number with many values."""
    if is_numeric(values) and values.nunique() > FIFTHS:
        values = pd.qcut(values.astype(float), FIFTHS, labels=False, duplicates="drop")
    return pd.factorize(values.astype(str))[0]
