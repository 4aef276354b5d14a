"""The groups of levels that are tested together in closed testing: within blocks, or as independent runs.

A group is tested on the blocks that hold all of it. Where fewer than ``LEAST_BLOCKS`` do, though other blocks hold a
part of it, the p of the group is the smallest p of its comparisons times their number (Bonferroni): which of the two is
used depends on what is missing, never on the scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.closed import Lattice, members
from analysis.statistics.permutation_null import kruskal_floor, kruskal_p, quade_floor, quade_p_of_groups
from analysis.statistics.rank_tests import MAX_PAIRS, MAX_PRODUCT

LEAST_BLOCKS = 4

Sizes = tuple[int, ...]
"""How many scores a group has: its blocks, or the runs of each of its levels."""


@dataclass(frozen=True)
class BlockGroups:
    """Groups of levels that were scored on the same blocks."""

    scores: np.ndarray
    """Blocks × levels; NaN: none."""
    names: tuple[str, ...]
    """Of the blocks."""

    @property
    def levels(self) -> int:
        """Return the number of levels."""
        return self.scores.shape[1]

    @property
    def enough(self) -> int:
        """Return how many blocks a group of three levels or more needs for a test of its own."""
        return min(LEAST_BLOCKS, len(self.names))

    @property
    def lacking(self) -> list[str]:
        """Return the names of the blocks that do not hold every level."""
        return [self.names[i] for i in np.flatnonzero(np.isnan(self.scores).any(axis=1))]

    def sizes(self, groups: Sequence[int]) -> list[Sizes]:
        """Return how many blocks hold all of each group."""
        if not self.lacking:
            return [(len(self.names),)] * len(groups)
        return [(int(n),) for n in self._complete(groups).sum(axis=0)]

    def p(self, groups: Sequence[int]) -> np.ndarray:
        """Return the p of Quade's test of each group."""
        held = members(groups, self.levels)
        if not self.lacking:
            return quade_p_of_groups(self.scores[None], held)[:, 0]
        p, complete = np.ones(len(groups)), self._complete(groups)
        # Groups on the same blocks are tested in one go.
        alike, which = np.unique(complete, axis=1, return_inverse=True)
        for i, blocks in enumerate(alike.T):
            rows = np.flatnonzero(which.ravel() == i)
            p[rows] = quade_p_of_groups(np.nan_to_num(self.scores[blocks])[None], held[rows])[:, 0]
        return p

    def _complete(self, groups: Sequence[int]) -> np.ndarray:
        """Return which blocks hold all of each group, blocks × groups."""
        missing = np.isnan(self.scores) @ (1 << np.arange(self.levels))
        return (missing[:, None] & np.array(groups, dtype=int)) == 0


@dataclass(frozen=True)
class RunGroups:
    """Groups of levels whose runs share nothing."""

    scores: tuple[np.ndarray, ...]
    """Of each level."""

    enough, lacking, names = 0, (), ()

    @property
    def levels(self) -> int:
        """Return the number of levels."""
        return len(self.scores)

    def sizes(self, groups: Sequence[int]) -> list[Sizes]:
        """Return how many runs each level of each group has."""
        counts = np.array([len(scores) for scores in self.scores])
        return [tuple(counts[held].tolist()) for held in members(groups, self.levels)]

    def p(self, groups: Sequence[int]) -> np.ndarray:
        """Return the p of Kruskal and Wallis' test of each group."""
        held = members(groups, self.levels)
        return np.array([kruskal_p([self.scores[i] for i in np.flatnonzero(row)]) for row in held])


Groups = BlockGroups | RunGroups


def group_floor(sizes: Sizes, levels: int) -> float:
    """Return the smallest p of the test of a group of so many *levels* and *sizes*."""
    return quade_floor(sizes[0], levels) if len(sizes) == 1 else kruskal_floor(np.array(sizes))


def lattice_of(sizes: Sizes) -> Lattice:
    """Return what the p of a comparison of these *sizes* can be."""
    if len(sizes) == 1:
        n = min(sizes[0], MAX_PAIRS)
        return "pairs", n, n
    n_a, n_b = (min(n, int(MAX_PRODUCT**0.5)) for n in sizes)
    return "runs", n_a, n_b
