"""Order statistics of all averages or differences of two values, found by bisection where there are too many to list.

The Hodges-Lehmann estimate is the median of n (n + 1) / 2 averages, or of n_a n_b differences: a few dozen for eight
blocks, half a billion for thirty thousand. Above ``LISTED`` the k-th smallest is found by halving: how many sums of two
values lie below a number takes a look-up per value, as both are in order.
"""

from collections.abc import Callable

import numpy as np

LISTED = 100_000
HALVINGS = 80
"""More than the bits of a double: the border has then settled on one number."""


def walsh_averages(values: np.ndarray) -> tuple[int, Callable[[int], float]]:
    """Return how many averages (x_i + x_j) / 2, i <= j, there are, and a function k → the k-th smallest, from 0."""
    n = len(values)
    size = n * (n + 1) // 2
    if size <= LISTED:
        first, second = np.triu_indices(n)
        return size, _listed((values[first] + values[second]) / 2)
    ordered = np.sort(values)

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
