"""A family of comparisons corrected by closed testing: adjusted p, the smallest they could be, and the n they need."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from analysis.statistics.closed import COMBINED_DRAWS, MOST_LEVELS, closed_p, count_intersections, intersected
from analysis.statistics.corrections import smallest_n
from analysis.statistics.intersections import BlockGroups, Groups, RunGroups, Sizes, group_floor, lattice_of
from analysis.statistics.permutation_null import DRAWS, is_exact
from analysis.statistics.rank_tests import TESTS
from analysis.statistics.samples import Scores

CLOSED_TESTS = ("signed_rank", "mann_whitney")
"""The tests of two levels that have a test of more levels of the same kind."""

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class ClosedFamily:
    """The comparisons of one treatment under one score that were tested, and the scores behind them."""

    test: str
    groups: Groups
    pairs: Pairs
    """The two levels of each comparison, by number."""

    @cached_property
    def held(self) -> tuple[Sizes, ...]:
        """Return the sizes of the groups that intersections are made of."""
        return tuple(self.groups.sizes(intersected(self.groups.levels, self.pairs)))

    def adjusted_p(self, p: Sequence[float]) -> np.ndarray:
        """Return the adjusted p of the comparisons, *p* being those of their own tests."""
        large = large_groups(self.groups.levels, self.pairs)
        tests = self.groups.p(large) if large else np.empty(0)
        return _close(p, tests, self.groups.levels, self.pairs, self.held, self.groups.enough)

    @property
    def smallest(self) -> float:
        """Return the level below which the draws of labels can decide nothing."""
        return 1 / (DRAWS + 1)

    def floors(self, least: int, alpha: float, *, alone: bool = False) -> np.ndarray:
        """Return the smallest that the adjusted p could be if whatever has fewer than *least* scores had so many.

        Args:
            alone: everything has *least* scores, no more.
            alpha: where no comparison's own test can reach it, the floors of those tests are returned.
        """
        return _floors(self.test, self.groups.levels, self.pairs, self.held, self.groups.enough, alpha, least, alone)

    def needed_n(self, alpha: float) -> np.ndarray:
        """Return the smallest n that could decide each comparison, see ``smallest_n``."""
        return _needed_n(self.test, self.groups.levels, self.pairs, self.held, self.groups.enough, alpha)

    def described(self) -> str:
        """Return what was done, as a sentence without a full stop."""
        blocks, levels, lacking = len(self.groups.names), self.groups.levels, self.groups.lacking
        exact = blocks and levels == 3 and is_exact(blocks, 3)
        how = "all permutations of labels" if exact else f"{DRAWS:,} permutations of labels"
        one_group = levels == 3 or bool(set.intersection(*map(set, self.pairs)))
        combined = "" if one_group else f" and {COMBINED_DRAWS:,} draws of their combinations"
        sentence = f"closed testing of {count_intersections(levels, self.pairs):,} intersections by {how}{combined}"
        if not lacking:
            return sentence
        held = f"{blocks - len(lacking)} of {blocks} hold all; not {', '.join(lacking)}"
        return f"{sentence}, each on the blocks that hold its levels ({held})"


def closed_family(scores: Scores, test: str, pairs: list[tuple[Any, Any]]) -> ClosedFamily | None:
    """Return the family of *pairs* of levels (those that were tested); None: they are of too many levels."""
    levels = list(dict.fromkeys(level for pair in pairs for level in pair))
    if len(levels) > MOST_LEVELS:
        return None
    numbers = {level: i for i, level in enumerate(levels)}
    return ClosedFamily(test, groups_of(scores, levels), tuple((numbers[a], numbers[b]) for a, b in pairs))


def groups_of(scores: Scores, levels: Sequence) -> Groups:
    """Return *scores* of *levels*; a level may have none."""
    if scores.means is None:
        return RunGroups(tuple(scores.runs.get(level, np.empty(0)) for level in levels))
    nothing = np.full(len(scores.blocks), np.nan)
    columns = [scores.means[:, scores.levels.index(level)] if level in scores.levels else nothing for level in levels]
    means = np.stack(columns, axis=1)
    some = ~np.isnan(means).all(axis=1)
    return BlockGroups(means[some], tuple(name for name, kept in zip(scores.blocks, some, strict=True) if kept))


@lru_cache(maxsize=256)
def _needed_n(test: str, levels: int, pairs: Pairs, held: tuple[Sizes, ...], enough: int, alpha: float) -> np.ndarray:
    return smallest_n(lambda n, alone: _floors(test, levels, pairs, held, enough, alpha, n, alone), alpha)


@lru_cache(maxsize=64)
def large_groups(levels: int, pairs: Pairs) -> tuple[int, ...]:
    """Return the groups of three levels or more."""
    return tuple(group for group in intersected(levels, pairs) if group.bit_count() > 2)


@lru_cache(maxsize=256)
def _floors(
    test: str, levels: int, pairs: Pairs, held: tuple[Sizes, ...], enough: int, alpha: float, least: int, alone: bool
) -> np.ndarray:
    groups = intersected(levels, pairs)
    raised = tuple(tuple(least if alone else max(n, least) for n in sizes) for sizes in held)
    sizes = dict(zip(groups, raised, strict=True))
    own = np.array([TESTS[test].floor(n[0], n[-1]) for n in (sizes[1 << a | 1 << b] for a, b in pairs)])
    if (own > alpha).all():
        return own
    floors = np.array([group_floor(sizes[group], group.bit_count()) for group in large_groups(levels, pairs)])
    return _close(own, floors, levels, pairs, raised, enough)


def _close(
    p: Sequence[float], tests: np.ndarray, levels: int, pairs: Pairs, held: tuple[Sizes, ...], enough: int
) -> np.ndarray:
    """Return the adjusted *p* of *pairs*; *tests* are the p of the groups of three levels or more, *held* all sizes."""
    sizes = dict(zip(intersected(levels, pairs), held, strict=True))
    by_group = p_by_group(p, dict(zip(large_groups(levels, pairs), tests, strict=True)), levels, pairs, sizes, enough)
    lattice = lattice_of(max((sizes[1 << a | 1 << b] for a, b in pairs), key=sum))
    return closed_p(by_group, levels, pairs, lattice)[:, 0]


def p_by_group(
    p: Sequence[float],
    tests: dict[int, float],
    levels: int,
    pairs: Pairs,
    sizes: dict[int, Sizes],
    enough: int,
) -> np.ndarray:
    """Return the p of every group of *sizes*, 2^levels × 1, others being 1; *tests*: of those of three levels or more.

    A group with fewer than *enough* blocks has the p of Bonferroni instead, see ``intersections``.
    """
    of_pairs = [1 << a | 1 << b for a, b in pairs]
    by_group = np.ones((1 << levels, 1))
    by_group[of_pairs, 0] = p
    by_group[list(tests), 0] = list(tests.values())
    for group, n in sizes.items():
        if n[0] < enough and len(n) == 1 and group not in of_pairs:
            within = [own for pair, own in zip(of_pairs, p, strict=True) if not pair & ~group]
            by_group[group] = min(1.0, len(within) * min(within))
    return by_group


def complete_floor(levels: int, pairs: Pairs, blocks: int, alpha: float) -> float:
    """Return the smallest signed-rank p of *pairs* that so many *blocks*, all complete, can give after correction."""
    sizes = ((blocks,),) * len(intersected(levels, pairs))
    return float(_floors("signed_rank", levels, pairs, sizes, 0, alpha, 0, False).max())
