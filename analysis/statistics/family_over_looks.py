"""Families of comparisons over several looks, from the boundaries of their parts (``spending``).

Closed testing over looks lists the intersections: each has boundaries of its own, so that the worst one that contains a
comparison is not found among partial sums, as it is for one look (``closed``).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import comb

import numpy as np

from analysis.statistics.closed import Lattice, intersected
from analysis.statistics.closed_family import Pairs
from analysis.statistics.intersections import Sizes
from analysis.statistics.spending import ALL, ONE, Boundaries, Group, with_comparisons

MOST_COMPARED = 15
"""Comparisons within a group up to which its p is raised to theirs: of more, one is nearly always that small."""

Kind = tuple[Group, ...]
"""The groups of an intersection: how many levels each has, and how many scores at each look."""


def holm_over_looks(over_looks: Callable[[int, float], float], comparisons: int, alpha: float) -> np.ndarray:
    """Return the p that Holm adjusts: *over_looks* is the p of a comparison whose boundaries are those of a level.

    A set of m comparisons is tested by m times the smallest p at the level alpha / m. Of all sets of m that contain a
    comparison the one with the largest others is the worst.
    """
    adjusted = np.zeros(comparisons)
    for m in range(1, comparisons + 1):
        p = np.minimum([m * over_looks(pair, alpha / m) for pair in range(comparisons)], 1)
        order = np.argsort(-p, kind="stable")
        in_worst = p[order[m - 1]]
        adjusted = np.maximum(adjusted, np.minimum(p, in_worst))
    return adjusted


def closed_over_looks(
    p: np.ndarray,
    pairs: Pairs,
    kinds: dict[Kind, np.ndarray],
    lattices: tuple[Lattice, ...],
    test: Callable[[Kind], Boundaries],
) -> np.ndarray:
    """Return the adjusted p of *pairs* over all looks, pairs × data sets.

    Args:
        p: looks × groups (by number) × data sets, of each group's own test at each look.
        kinds: see ``kinds_of``.
        test: kind → its boundaries.
    """
    worst, smallest = np.zeros(p.shape[1:]), _smallest_comparison(p, pairs)
    for kind, groups in kinds.items():
        own, bounds = np.full((len(p), len(groups), p.shape[2]), np.inf), test(kind)
        for look in bounds.looks:
            held = [i for i, group in enumerate(kind) if all(group.sizes[look])]
            of_groups, levels = [p[look, groups[:, i]] for i in held], [kind[i].levels for i in held]
            compared = [smallest[look, groups[:, i]] if kind[i].compared else None for i in held]
            own[look] = with_comparisons(of_groups, compared, levels, lattices[look])
        found = bounds.p(own)
        for column in groups.T:
            np.maximum.at(worst, column, found)
    numbers = np.arange(len(worst))
    return np.array([worst[(numbers >> a & 1) & (numbers >> b & 1) == 1].max(axis=0) for a, b in pairs])


def _smallest_comparison(p: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Return the smallest p of *pairs* within each group, in the shape of *p*."""
    smallest, numbers = np.full_like(p, np.inf), np.arange(p.shape[1])
    for a, b in pairs:
        within = (numbers >> a & 1) & (numbers >> b & 1) == 1
        smallest[:, within] = np.minimum(smallest[:, within], p[:, [1 << a | 1 << b]])
    return smallest


def kinds_of(levels: int, pairs: Pairs, sizes: Sequence[dict[int, Sizes]]) -> dict[Kind, np.ndarray]:
    """Return the intersections of *pairs* by kind: the groups of each, intersections × groups.

    *sizes*: at each look, group → how many scores it has.
    """
    return _kinds_of(levels, pairs, tuple((group, tuple(held[group] for held in sizes)) for group in sizes[-1]))


@lru_cache(maxsize=8)
def _kinds_of(levels: int, pairs: Pairs, sizes: tuple[tuple[int, tuple[Sizes, ...]], ...]) -> dict[Kind, np.ndarray]:
    sizes = dict(sizes)
    of_group = {group: Group(group.bit_count(), held, _compared(group, pairs, sizes)) for group, held in sizes.items()}
    kinds: dict[Kind, list] = {}
    for groups in intersections(levels, pairs):
        ordered = sorted(groups, key=of_group.__getitem__)
        kinds.setdefault(tuple(of_group[group] for group in ordered), []).append(ordered)
    return {kind: np.array(groups) for kind, groups in kinds.items()}


def _compared(group: int, pairs: Pairs, sizes: dict[int, tuple[Sizes, ...]]) -> str:
    """Return which levels of *group* are compared on the very blocks of the group, see ``Group``."""
    within = [1 << a | 1 << b for a, b in pairs if group >> a & 1 and group >> b & 1]
    levels = group.bit_count()
    if len(within) > MOST_COMPARED or any(sizes[pair] != sizes[group] for pair in within):
        return ""
    if len(within) == comb(levels, 2):
        return ALL
    return ONE if len(within) == levels - 1 and np.bitwise_and.reduce(within) else ""


@lru_cache(maxsize=8)
def intersections(levels: int, pairs: Pairs) -> tuple[tuple[int, ...], ...]:
    """Return the groups of every intersection of hypotheses of *pairs* (see ``closed``): 115,974 of ten levels."""
    groups = intersected(levels, pairs)
    if np.bitwise_and.reduce(groups):  # all hold one level
        return tuple((group,) for group in groups)
    by_first = [[group for group in groups if group & -group == 1 << first] for first in range(levels)]

    def divided(first: int, left: int) -> list[tuple[int, ...]]:
        if first == levels:
            return [()]
        found = divided(first + 1, left)
        if left >> first & 1:
            for group in by_first[first]:
                if not group & ~left:
                    found = found + [(group, *rest) for rest in divided(first + 1, left & ~group)]
        return found

    return tuple(found for found in divided(0, (1 << levels) - 1) if found)
