"""Corrections for multiple comparisons, and the n below which no data could become significant.

Closed testing (``closed_family``) and Holm (1979) bound the chance of any false claim in the family; Benjamini and
Hochberg (1995) bound the expected share of false claims. Closed testing needs the scores; the others need p alone. NaN
(not tested) stays NaN and does not count in the family. Written out here because statsmodels counts NaN in the family,
and because ``needed_n`` calls them thousands of times.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

CLOSED = "closed"
NAMES = {CLOSED: "closed testing", "holm": "Holm", "bh": "Benjamini-Hochberg", None: "no correction"}


def holm(p) -> np.ndarray:
    """Return the Holm-adjusted p: the k-th smallest times (m - k + 1), made monotone, at most 1."""
    return _stepwise(p, lambda ordered, m: np.maximum.accumulate(ordered * np.arange(m, 0, -1)))


def bh(p) -> np.ndarray:
    """Return the Benjamini-Hochberg-adjusted p: the k-th smallest times m / k, made monotone, at most 1."""
    return _stepwise(p, lambda ordered, m: np.minimum.accumulate((ordered * m / np.arange(1, m + 1))[::-1])[::-1])


def _stepwise(p, step: Callable) -> np.ndarray:
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    if len(order):
        adjusted[order] = np.minimum(step(p[order], len(order)), 1.0)
    return adjusted


CORRECTIONS = {"holm": holm, "bh": bh, None: lambda p: np.asarray(p, dtype=float)}


def correct(p, correction: str | None) -> np.ndarray:
    """Return *p* adjusted within one family; raise ValueError for a *correction* that is unknown or needs more than p.

    Given the floors of a family's tests instead of their p, this is the smallest that each adjusted p could be: both
    corrections grow with every p.
    """
    check_correction(correction)
    if correction == CLOSED:
        raise ValueError(
            f"closed testing needs the scores of one treatment under one score, but got {len(p)} p alone: "
            f"correction must be one of {list(CORRECTIONS)} here"
        )
    return CORRECTIONS[correction](p)


def check_correction(correction: str | None) -> None:
    """Raise ValueError unless *correction* is a key of ``NAMES``."""
    if correction not in NAMES:
        raise ValueError(f"correction must be one of {list(NAMES)}, but got {correction!r}")


def check_alpha(alpha: float) -> None:
    """Raise ValueError unless *alpha* is a chance between 0 and 1."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, but got {alpha}")


def needed_n(floor: Callable[[int, int], float], sizes, correction: str | None, alpha: float) -> np.ndarray:
    """Return, for each comparison of a family, the smallest n per level (pairs, if paired) that could decide it.

    *floor*: (n_a, n_b) → smallest possible p; *sizes*: comparisons × 2, n_a and n_b. See ``smallest_n``.
    """
    # Many comparisons have the same sizes.
    alike, row = np.unique(np.asarray(sizes, dtype=int).reshape(-1, 2), axis=0, return_inverse=True)
    known, row = lru_cache(maxsize=None)(floor), row.ravel()

    def adjusted(n: int, *, alone: bool) -> np.ndarray:
        begun = [(0, 0)] * len(alike) if alone else alike.tolist()
        floors = np.array([known(max(n_a, n), max(n_b, n)) for n_a, n_b in begun])[row]
        return correct(floors, correction)

    return smallest_n(adjusted, alpha)


def smallest_n(adjusted: Callable[..., np.ndarray], alpha: float) -> np.ndarray:
    """Return, for each comparison of a family, the smallest n at which its adjusted p can be *alpha* or less.

    Every smaller comparison of the family is raised to n as well. A comparison that can already be decided gets the n
    at which it still could be if the whole family had that n. *adjusted*: n → adjusted floors of the comparisons, what
    has less than n being raised to it; ``alone=True``: everything having n.
    """

    def smallest(alone: bool) -> np.ndarray:
        """Raise n step by step: floors fall with n, so the first n that passes is the smallest."""
        found, n = 0, 0
        while not np.all(found):
            n += 1
            found = np.where((found == 0) & (adjusted(n, alone=alone) <= alpha), n, found)
        return found

    raised, level = smallest(alone=False), smallest(alone=True)
    return np.where(raised == 1, level, raised)
