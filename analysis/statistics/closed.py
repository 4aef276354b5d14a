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
from itertools import product
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


def members(groups: Sequence[int], levels: int) -> np.ndarray:
    """Return groups × *levels*, whether each of *groups*, the bits of a number, holds a level."""
    return (np.array(groups, dtype=int)[:, None] >> np.arange(levels) & 1).astype(bool)


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
        for level, others in enumerate(partners):
            found |= others * (new >> level & 1)
        new = found & group & ~reached
    return reached == group


def closed_p(
    p: np.ndarray,
    levels: int,
    pairs: Sequence[tuple[int, int]],
    lattice: Lattice,
    asked: Sequence[tuple[int, int]] | None = None,
) -> np.ndarray:
    """Return the adjusted p of *asked*, pairs × data sets; None: of all *pairs*.

    Args:
        p: 2^levels × data sets; row g is the p of group g (``members``), read where g is one of ``read``.
    """
    pairs = tuple((int(a), int(b)) for a, b in pairs)
    asked = pairs if asked is None else tuple(asked)
    pieces = [p[:, i : i + AT_ONCE] for i in range(0, p.shape[1], AT_ONCE)]
    return np.concatenate([_worst(piece, levels, pairs, lattice, asked) for piece in pieces], axis=1)


@lru_cache(maxsize=64)
def read(levels: int, pairs: tuple[tuple[int, int], ...], asked: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Return the groups that hold a pair of *asked*, or that can stand beside one in an intersection."""
    wanted = [1 << a | 1 << b for a, b in asked]
    groups = intersected(levels, pairs)
    one = (1 << levels) - 1
    for group in groups:
        one &= group
    return tuple(group for group in groups if any(group & pair == pair or not (one or group & pair) for pair in wanted))


def _worst(p: np.ndarray, levels: int, pairs: tuple, lattice: Lattice, asked: tuple) -> np.ndarray:
    """Return the largest p of the intersections that each of *asked* is a part of, pairs × data sets."""
    groups = np.array(read(levels, pairs, asked))
    wanted = [1 << a | 1 << b for a, b in asked]
    alone = np.zeros(p.shape)
    alone[groups] = p[groups]
    worst = _over_supersets(alone, levels, np.maximum)[wanted]
    if levels < 4 or np.bitwise_and.reduce(groups):  # no two groups share no level: none are in one intersection
        return worst
    two = np.bitwise_count(groups) == 2
    share = 1 / np.where(two[:, None], on_lattice(p[groups], lattice), np.maximum(p[groups], SMALLEST))
    smallest = _smallest_sums(share, levels, tuple(groups.tolist()), tuple(wanted))
    rest = (1 << levels) - 1 ^ groups
    for is_pair, (with_two, with_larger) in product((True, False), _fitting(levels - 2)[1:]):
        totals, kind = np.full(p.shape, np.inf), two == is_pair
        totals[groups[kind]] = smallest[with_two, with_larger, rest[kind]] + share[kind]
        total = _over_supersets(totals, levels, np.minimum)[wanted]
        if np.isfinite(total).any():
            found = combined_p(total, with_two + is_pair, with_larger + (not is_pair), lattice)
            np.maximum(worst, found, out=worst, where=np.isfinite(total))
    return worst


def _over_supersets(values: np.ndarray, levels: int, of: np.ufunc) -> np.ndarray:
    """Return for every set of levels what *of* makes of the *values* of all sets that contain it; *values* change."""
    for level in range(levels):
        without, with_it = values.reshape(-1, 2, 1 << level, *values.shape[1:]).swapaxes(0, 1)
        of(without, with_it, out=without)
    return values


def _smallest_sums(share: np.ndarray, levels: int, groups: tuple[int, ...], wanted: tuple[int, ...]) -> np.ndarray:
    """Return the smallest sum of *share* over the disjoint groups within each set of levels; infinite: there are none.

    The axes are number of groups of two, number of larger groups, sets, data sets. Only sets that leave one of the
    pairs *wanted* over are filled.
    """
    size = ((levels - 2) // 2 + 1, (levels - 2) // 3 + 1, 1 << levels, share.shape[1])
    smallest = np.full(size, np.inf)
    smallest[0, 0] = 0
    share = np.concatenate([share, np.full((1, share.shape[1]), np.inf)])
    for count, (whole, without, *kinds) in enumerate(_layers(levels, groups, wanted), start=2):
        best = smallest[:, :, without]
        for (rows, rest), least in zip(kinds, (2, 3), strict=True):
            added = share[rows]
            # What is left after a group of *least* levels holds so many groups of two and larger ones at most.
            for two, larger in _fitting(count - least) if rows.size else ():
                total = (smallest[two, larger].take(rest, axis=0) + added).min(axis=1)
                grown = best[two + (least == 2), larger + (least == 3)]
                np.minimum(grown, total, out=grown)
        smallest[:, :, whole] = best
    return smallest


def _fitting(levels: int) -> list[tuple[int, int]]:
    """Return how many groups of two and how many larger ones so many *levels* can hold."""
    return [(two, larger) for larger in range(levels // 3 + 1) for two in range((levels - 3 * larger) // 2 + 1)]


@lru_cache(maxsize=16)
def _layers(levels: int, groups: tuple[int, ...], wanted: tuple[int, ...]) -> list[tuple]:
    """Return, by size, sets of levels, the sets without their first level, and the groups in them that hold that level.

    Groups of two and larger ones are apart, each as rows of *groups* with what they leave of the set, sets × groups. A
    set that has fewer of them than the others is filled up with the row after the last.
    """
    numbers, sets = np.array(groups), np.arange(1 << levels)
    sets = sets[(sets[:, None] & np.array(wanted) == 0).any(axis=1)]
    first, two = numbers & -numbers, np.bitwise_count(numbers) == 2
    layers = []
    for size in range(2, levels - 1):
        whole = sets[np.bitwise_count(sets) == size]
        low = whole & -whole
        inside = (first == low[:, None]) & (numbers & ~whole[:, None] == 0)
        kinds = []
        for kind in (inside & two, inside & ~two):
            rows = np.argsort(~kind, axis=1, kind="stable")[:, : kind.sum(axis=1).max()]
            fitting = np.take_along_axis(kind, rows, axis=1)
            kinds.append((np.where(fitting, rows, len(groups)), np.where(fitting, whole[:, None] ^ numbers[rows], 0)))
        layers.append((whole, whole ^ low, *kinds))
    return layers


@lru_cache(maxsize=64)
def count_intersections(levels: int, pairs: tuple[tuple[int, int], ...]) -> int:
    """Return how many intersections *pairs* of so many levels have: for all pairs one less than Bell's number."""
    groups = intersected(levels, pairs)
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
