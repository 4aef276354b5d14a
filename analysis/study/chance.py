"""How often the best trials, drawn by lot, would lie as unevenly over a parameter's values as they do."""

import numpy as np
import pandas as pd

from analysis.study.scales import is_numeric

DRAWS = 999
FIFTHS = 5
"""Parts of equal size that a number's values are cut into; fewer distinct values are each a part."""
PART = 62
"""The part of the seed that the lots are drawn from."""


class Chance:
    """The permutation test of Pearson's chi-square, of each parameter; what lots give is drawn once for equal sizes.

    It holds for trials that were sampled alike. A search that adapts samples good values more often and scores better
    the longer it runs, whatever the cause: there a small p is a hint.
    """

    def __init__(self, values: pd.DataFrame, seed: int) -> None:
        """Take *values*, a row a trial and a column a parameter, none missing."""
        codes = [parts(values[name]) for name in values]
        self._held = np.hstack([np.eye(code.max() + 1)[code] for code in codes])
        self._first = np.cumsum([0, *(code.max() + 1 for code in codes)])[:-1]
        self._seed = seed
        self._drawn: dict[tuple, np.ndarray] = {}

    def p(self, best: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return p of each parameter, at least 1 / 1000, not corrected for how many there are.

        Args:
            best: which trials are the best.
            known: which have a score at all; lots are drawn among them.
        """
        held, best = self._held[known], best[known]
        count = int(best.sum())
        key = (count, known.tobytes())
        if key not in self._drawn:
            rng = np.random.default_rng([self._seed, PART, count, len(best)])
            lots = rng.permuted(np.tile(best, (DRAWS, 1)), axis=1)
            self._drawn[key] = self._unevenness(lots, held)
        seen = self._unevenness(best[None, :], held)
        return (1 + (self._drawn[key] >= seen - 1e-9).sum(axis=0)) / (1 + DRAWS)

    def _unevenness(self, chosen: np.ndarray, held: np.ndarray) -> np.ndarray:
        """Return draws × parameters of sum (observed - expected)² / expected over the parts of each."""
        observed = chosen.astype(float) @ held
        expected = held.sum(axis=0) * chosen.sum(axis=1, keepdims=True) / len(held)
        parts = np.divide((observed - expected) ** 2, expected, out=np.zeros_like(observed), where=expected > 0)
        return np.add.reduceat(parts, self._first, axis=1)


def parts(values: pd.Series) -> np.ndarray:
    """Return the number of the part that each value lies in: its level, or the fifth of a number with many values."""
    if is_numeric(values) and values.nunique() > FIFTHS:
        values = pd.qcut(values.astype(float), FIFTHS, labels=False, duplicates="drop")
    return pd.factorize(values.astype(str))[0]
