"""Closed testing: which comparisons are decided when every hypothesis that contains them must be rejected.

Marcus, Peritz and Gabriel (1976): a comparison is decided at alpha when each intersection of hypotheses that contains
its own is rejected at alpha by a test of its own; the chance of any false claim is then at most alpha. The hypothesis
of a comparison says that two levels are equal. Equality is transitive (Shaffer 1986), so that an intersection of
comparisons divides the levels into groups, the levels of a group being equal. Against one level there is one group.

A group of two is tested as its comparison is, a larger one by permutations of its labels (``permutation_null``). Groups
of one intersection share no level and are independent under it. Their p are combined by the sum of 1 / p, which one
small p dominates and a second one helps. Its distribution is drawn from what the p of a comparison can be at this n,
and from the uniform for larger groups: the few values that a signed-rank p can have do not cost power twice.

The intersections are too many to be listed, but the worst one that contains a group is found among the worst ones of
what the group leaves over: 10 levels, 115,974 intersections, take 30,000 steps.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import comb

import numpy as np

from analysis.statistics.exact_distributions import signed_rank_distribution, splits
from analysis.statistics.permutation_null import SEED

MOST_LEVELS = 10
"""Levels up to which closed testing is done; beyond, Holm."""
COMBINED_DRAWS = 99_999
SMALLEST = 1e-12
"""Smaller p count as this one where p are combined."""
AT_ONCE = 50
"""Data sets that are closed together (calibration has thousands)."""

Lattice = tuple[str, int, int]
"""Which test the comparisons have (``pairs`` or ``runs``), and n of both levels: what their p can be."""


@lru_cache(maxsize=64)
def attainable(lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    """Return the values that p can have without ties, in order, and how likely each is when the levels are equal."""
    kind, n_a, n_b = lattice
    if kind == "pairs":
        chances = signed_rank_distribution(tuple(range(1, n_a + 1)))
    else:
        least = n_b * (n_b + 1) // 2
        chances = splits(tuple(range(1, n_a + n_b + 1)), n_b)[least : least + n_a * n_b + 1]
    lower, upper = np.cumsum(chances), np.cumsum(chances[::-1])[::-1]
    two_sided = np.clip(2 * np.minimum(lower, upper), SMALLEST, 1)
    p, where = np.unique(np.round(two_sided, 12), return_inverse=True)
    return p, np.bincount(where.ravel(), chances)


def on_lattice(p: np.ndarray, lattice: Lattice) -> np.ndarray:
    """Return *p* rounded up to what is attainable: a valid p remains valid, whatever ties or gaps it comes from."""
    values = attainable(lattice)[0]
    return values[np.minimum(np.searchsorted(values, p * (1 - 1e-9)), len(values) - 1)]


@lru_cache(maxsize=256)
def combined_null(pairs: int, larger: int, lattice: Lattice) -> np.ndarray:
    """Return draws, in order, of the sum of 1 / p of so many comparisons and *larger* groups that are all equal."""
    rng = np.random.default_rng([SEED, pairs, larger, *lattice[1:]])
    values, chances = attainable(lattice)
    inner = np.cumsum(chances)[:-1]
    drawn = 1 / values[np.searchsorted(inner, rng.random((pairs, COMBINED_DRAWS)), side="right")]
    return np.sort(drawn.sum(axis=0) + (1 / (1 - rng.random((larger, COMBINED_DRAWS)))).sum(axis=0))


def combined_p(total: np.ndarray, pairs: int, larger: int, lattice: Lattice) -> np.ndarray:
    """Return the p of an intersection whose groups have *total* as the sum of 1 / p."""
    null = combined_null(pairs, larger, lattice)
    return (len(null) - np.searchsorted(null, total * (1 - 1e-9)) + 1) / (len(null) + 1)


def members(group: int) -> list[int]:
    """Return the levels of a *group*, the bits of a number."""
    return [i for i in range(group.bit_length()) if group >> i & 1]


@lru_cache(maxsize=64)
def intersected(levels: int, pairs: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Return the groups that intersections of the hypotheses of *pairs* (of so many levels) are made of.

    Each is of two levels or more that the pairs join; with pairs that all share one level, each holds that level.
    """
    partners = [0] * levels
    for a, b in pairs:
        partners[a], partners[b] = partners[a] | 1 << b, partners[b] | 1 << a
    return tuple(group for group in range(1 << levels) if group & (group - 1) and _joined(group, partners))


def _joined(group: int, partners: list[int]) -> bool:
    """Return whether the pairs that lie in *group* join all of it."""
    reached, new = 0, group & -group
    while new:
        reached, found = reached | new, 0
        for level in members(new):
            found |= partners[level]
        new = found & group & ~reached
    return reached == group


def closed_p(p: np.ndarray, levels: int, pairs: Sequence[tuple[int, int]], lattice: Lattice) -> np.ndarray:
    """Return the adjusted p of *pairs*, pairs × data sets.

    Args:
        p: 2^levels × data sets; row g is the p of group g (``members``), read where g is ``intersected``.
    """
    pairs = tuple((int(a), int(b)) for a, b in pairs)
    groups = np.array(intersected(levels, pairs))
    pieces = [p[:, i : i + AT_ONCE] for i in range(0, p.shape[1], AT_ONCE)]
    worst = np.concatenate([_worst(piece, levels, groups, lattice) for piece in pieces], axis=1)
    return np.array([worst[(groups >> a & 1) & (groups >> b & 1) == 1].max(axis=0) for a, b in pairs])


def _worst(p: np.ndarray, levels: int, groups: np.ndarray, lattice: Lattice) -> np.ndarray:
    """Return the largest p of the intersections that each of *groups* is a part of, groups × data sets."""
    worst = p[groups].copy()
    if np.bitwise_and.reduce(groups):  # all hold one level: no two of them are in one intersection
        return worst
    two = np.array([group.bit_count() == 2 for group in groups.tolist()])
    share = 1 / np.where(two[:, None], on_lattice(worst, lattice), np.maximum(worst, SMALLEST))
    smallest = _smallest_sums(share, levels, tuple(groups.tolist()))
    rest = (1 << levels) - 1 ^ groups
    for pairs, larger in np.ndindex(smallest.shape[1:3]):
        for is_pair in (True, False):
            rows = np.flatnonzero((two == is_pair) & np.isfinite(smallest[rest, pairs, larger, 0]))
            if len(rows) and pairs + larger:
                total = smallest[rest[rows], pairs, larger] + share[rows]
                found = combined_p(total, pairs + is_pair, larger + (not is_pair), lattice)
                worst[rows] = np.maximum(worst[rows], found)
    return worst


def _smallest_sums(share: np.ndarray, levels: int, groups: tuple[int, ...]) -> np.ndarray:
    """Return the smallest sum of *share* over the disjoint groups within each set of levels; infinite: there are none.

    The axes are sets, number of groups of two, number of larger groups, data sets.
    """
    size = (levels // 2 + 1, levels // 3 + 1, share.shape[1])
    smallest = np.full((1 << levels, *size), np.inf)
    smallest[:, 0, 0] = 0
    for whole, without, (two, left_by_two), (larger, left_by_larger) in _steps(levels, groups):
        best = smallest[whole]
        best[:] = smallest[without]
        if len(two):
            totals = smallest[left_by_two, :-1] + share[two, None, None]
            np.minimum(best[1:], totals.min(axis=0), out=best[1:])
        if len(larger):
            totals = smallest[left_by_larger, :, :-1] + share[larger, None, None]
            np.minimum(best[:, 1:], totals.min(axis=0), out=best[:, 1:])
    return smallest


@lru_cache(maxsize=16)
def _steps(levels: int, groups: tuple[int, ...]) -> list[tuple]:
    """Return, for every set of levels, the set without its first level, and the groups in it that hold that level.

    Groups of two and larger ones are apart, each with what it leaves of the set.
    """
    numbers, steps = np.array(groups), []
    two = np.array([group.bit_count() == 2 for group in groups])
    for whole in range(1, 1 << levels):
        low = whole & -whole
        inside = ((numbers & -numbers) == low) & (numbers & ~whole == 0)
        kinds = [np.flatnonzero(inside & kind) for kind in (two, ~two)]
        steps.append((whole, whole ^ low, *((rows, whole ^ numbers[rows]) for rows in kinds)))
    return steps


def count_intersections(levels: int, pairs: Sequence[tuple[int, int]]) -> int:
    """Return how many intersections *pairs* of so many levels have: for all pairs one less than Bell's number."""
    groups = intersected(levels, tuple(pairs))
    if len(pairs) == comb(levels, 2):
        bell = [1]
        for n in range(levels):
            bell.append(sum(comb(n, i) * bell[i] for i in range(n + 1)))
        return bell[levels] - 1
    ways = [1] * (1 << levels)
    for whole in range(1, 1 << levels):
        low = whole & -whole
        inside = (g for g in groups if g & -g == low and not g & ~whole)
        ways[whole] = ways[whole ^ low] + sum(ways[whole ^ g] for g in inside)
    return ways[-1] - 1
