"""A family of comparisons corrected by closed testing: adjusted p, the smallest they could be, and the n they need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.closed import COMBINED_DRAWS, MOST_LEVELS, closed_p, count_intersections, intersected
from analysis.statistics.intersections import BlockGroups, Groups, RunGroups, Sizes, group_floor, lattice_of
from analysis.statistics.permutation_null import DRAWS, is_exact
from analysis.statistics.rank_tests import TESTS
from analysis.statistics.samples import block_matrices, in_blocks

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

    def adjusted_p(self, p: Sequence[float]) -> np.ndarray:
        """Return the adjusted p of the comparisons, *p* being those of their own tests."""
        groups = intersected(self.groups.levels, self.pairs)
        sizes = dict(zip(groups, self.groups.sizes(list(groups)), strict=True))
        large = [group for group in groups if group.bit_count() > 2]
        tests = dict(zip(large, self.groups.p(large), strict=True))
        return _close(p, self.groups.levels, self.pairs, sizes, self.groups.enough, tests.__getitem__)

    def floors(self, least: int, alpha: float, *, alone: bool = False) -> np.ndarray:
        """Return the smallest that the adjusted p could be if whatever has fewer than *least* scores had so many.

        Args:
            alone: everything has *least* scores, no more.
            alpha: where no comparison's own test can reach it, the floors of those tests are returned.
        """
        held = self.groups.sizes(list(intersected(self.groups.levels, self.pairs)))
        raised = tuple(tuple(least if alone else max(n, least) for n in sizes) for sizes in held)
        return _floors(self.test, self.groups.levels, self.pairs, raised, self.groups.enough, alpha)

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


def closed_family(
    used: pd.DataFrame, treatment: str, blocks: Sequence[str], score: str, test: str, pairs: list[tuple[Any, Any]]
) -> ClosedFamily | None:
    """Return the family of *pairs* of levels (those that were tested); None: they are of too many levels.

    *used*, *treatment*, *blocks* and *score* are what the pairs were tested with (see ``measured``).
    """
    levels = list(dict.fromkeys(level for pair in pairs for level in pair))
    if len(levels) > MOST_LEVELS:
        return None
    numbers = {level: i for i, level in enumerate(levels)}
    groups = groups_of(used, levels, treatment, blocks, score, paired=TESTS[test].paired)
    return ClosedFamily(test, groups, tuple((numbers[a], numbers[b]) for a, b in pairs))


def groups_of(
    used: pd.DataFrame, levels: Sequence, treatment: str, blocks: Sequence[str], score: str, *, paired: bool
) -> Groups:
    """Return the scores of *levels* in the rows of *used*; a level may have none."""
    known = used[used[treatment].isin(levels)]
    if not paired:
        return RunGroups(tuple(known.loc[known[treatment] == level, score].to_numpy() for level in levels))
    names, means, _ = block_matrices(in_blocks(known, treatment, blocks)[0], levels, treatment, blocks, score)
    return BlockGroups(means, tuple(names))


@lru_cache(maxsize=256)
def _floors(test: str, levels: int, pairs: Pairs, raised: tuple[Sizes, ...], enough: int, alpha: float) -> np.ndarray:
    sizes = dict(zip(intersected(levels, pairs), raised, strict=True))
    of_pairs = [sizes[1 << a | 1 << b] for a, b in pairs]
    own = np.array([TESTS[test].floor(n[0], n[-1]) for n in of_pairs])
    if (own > alpha).all():
        return own
    return _close(own, levels, pairs, sizes, enough, lambda group: group_floor(sizes[group], group.bit_count()))


def _close(
    p: Sequence[float],
    levels: int,
    pairs: Pairs,
    sizes: dict[int, Sizes],
    enough: int,
    test: Callable[[int], float],
) -> np.ndarray:
    """Return the adjusted *p* of *pairs*, see ``p_by_group``."""
    by_group = p_by_group(p, levels, pairs, sizes, enough, test)
    lattice = lattice_of(max((sizes[1 << a | 1 << b] for a, b in pairs), key=sum))
    return closed_p(by_group, levels, pairs, lattice)[:, 0]


def p_by_group(
    p: Sequence[float],
    levels: int,
    pairs: Pairs,
    sizes: dict[int, Sizes],
    enough: int,
    test: Callable[[int], float],
) -> np.ndarray:
    """Return the p of every group of *sizes*, 2^levels × 1; *test* is asked for those of three levels or more.

    A group with fewer than *enough* blocks has the p of Bonferroni instead, see ``intersections``.
    """
    by_pair = dict(zip((1 << a | 1 << b for a, b in pairs), p, strict=True))
    by_group = np.ones((1 << levels, 1))
    for group, n in sizes.items():
        if group in by_pair:
            by_group[group] = by_pair[group]
        elif len(n) > 1 or n[0] >= enough:
            by_group[group] = test(group)
        else:
            within = [own for pair, own in by_pair.items() if not pair & ~group]
            by_group[group] = min(1.0, len(within) * min(within))
    return by_group
