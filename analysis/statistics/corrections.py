"""Corrections for looking at several comparisons, and the n below which no data could pass them.

Holm (1979) bounds the chance of any false finding in the family; Benjamini and Hochberg (1995) bound the expected share
of false ones among the findings. NaN (nothing was tested) stays NaN and does not count in the family.
"""

from collections.abc import Callable

import numpy as np

NAMES = {"holm": "Holm", "bh": "Benjamini-Hochberg", None: "no correction"}


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
    """Return *p* adjusted within one family.

    Given the floors of a family's tests instead of their p, this is the smallest that each adjusted p could be: both
    corrections grow with every p.

    Raises:
        ValueError: *correction* is not one of them.
    """
    if correction not in CORRECTIONS:
        raise ValueError(f"correction must be one of {list(CORRECTIONS)}, but got {correction!r}")
    return CORRECTIONS[correction](p)


def needed_n(floor: Callable[[int, int], float], family_size: int, correction: str | None, alpha: float) -> int:
    """Return the smallest n per level (pairs, for a paired test) at which an adjusted p of *alpha* can be reached.

    All comparisons of the family are taken to have that n.
    """
    n = 1
    while correct([floor(n, n)] * family_size, correction)[0] > alpha:
        n += 1
    return n
