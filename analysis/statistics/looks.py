"""Comparisons of a study that was looked at and then extended: one test over all looks (``spending``).

A study whose plan was carried out is one look, whatever its pages were read before. A report that was read before an
extension is a look of its own, because its figures may have led to the extension: what it claimed stays claimed, and
the chance of any false claim in all reports together is at most the level. This holds for closed testing, in which
every intersection has its own boundaries, for Holm, in which m comparisons have those of level / m, and for no
correction, comparison by comparison. Benjamini and Hochberg's procedure is given the p over the looks; what it promises
it promises for each report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from analysis.statistics.closed import intersected, on_lattice
from analysis.statistics.closed_family import ClosedFamily, groups_of, large_groups, p_by_group
from analysis.statistics.corrections import CLOSED, correct
from analysis.statistics.family_over_looks import closed_over_looks, holm_over_looks, kinds_of
from analysis.statistics.intersections import Sizes, group_floor, lattice_of
from analysis.statistics.rank_tests import TESTS
from analysis.statistics.samples import Scores
from analysis.statistics.spending import ROUNDING, Boundaries, Group, boundaries

MOST_TYPES = 60
"""Kinds of intersections (sizes of their groups and blocks) up to which the boundaries of each are drawn."""
FURTHER = 12
"""Blocks beyond those of the study up to which it is asked how many could decide a comparison."""


class Look(NamedTuple):
    """One look at a study; the last one is the present."""

    time: float = 1.0
    """The planned blocks as a share of the most that were declared; 1: all of them, or nothing was declared."""
    rows: frozenset | None = None
    """Labels of the rows of the table that were there; None: all."""


@dataclass(frozen=True)
class LookedFamily:
    """The comparisons of one treatment under one score over all looks at them."""

    test: str
    correction: str | None
    alpha: float
    times: tuple[float, ...]
    p: np.ndarray
    """Of the test of each comparison at each look, looks × comparisons; infinite: not tested."""
    sizes: tuple[tuple[Sizes, ...], ...]
    """How many scores each comparison had at each look, looks × comparisons."""
    directions: np.ndarray
    """Of b against a at each look, looks × comparisons: 1, -1 or 0; NaN: not tested."""
    closed: tuple[ClosedFamily, ...] = ()
    """The family at each look, for closed testing; empty where it is one comparison."""

    @property
    def drawn(self) -> bool:
        """Return whether boundaries are drawn: signed-rank tests without ties."""
        tested = [(p, n) for ps, ns in zip(self.p, self.sizes, strict=True) for p, n in zip(ps, ns, strict=True)]
        return self.test == "signed_rank" and all(
            np.isclose(on_lattice(np.array(p), lattice_of(n)), p) for p, n in tested if np.isfinite(p)
        )

    def adjusted_p(self) -> np.ndarray:
        """Return the adjusted p of the comparisons over all looks."""
        if not self.closed:
            return self._corrected(self.p, self.sizes, self.times)
        by_look = [_by_group(family, p) for family, p in zip(self.closed, self.p, strict=True)]
        return self._closed(np.array(by_look), [_sizes(family) for family in self.closed], self.times)

    def floors(self, least: int = 0) -> np.ndarray:
        """Return the smallest that the adjusted p could be, earlier looks being what they were.

        Whatever has fewer than *least* scores at the last look is raised to so many, and its time with it.
        """
        grown = max(1.0, least / max(min(n) for n in self.sizes[-1]))
        times = (*self.times[:-1], min(1.0, self.times[-1] * grown))
        raised = tuple(tuple(max(n, least) for n in sizes) for sizes in self.sizes[-1])
        own = np.array([TESTS[self.test].floor(n[0], n[-1]) for n in raised])
        p = np.concatenate([self.p[:-1], own[None]])
        if not self.closed:
            return self._corrected(p, (*self.sizes[:-1], raised), times)
        *before, last = [_sizes(family) for family in self.closed]
        last = {group: tuple(max(n, least) for n in sizes) for group, sizes in last.items()}
        by_look = [_by_group(family, each) for family, each in zip(self.closed[:-1], p[:-1], strict=True)]
        family = self.closed[-1]
        levels, pairs = family.groups.levels, family.pairs
        floor = {group: group_floor(last[group], group.bit_count()) for group in large_groups(levels, pairs)}
        by_look.append(p_by_group(own, floor, levels, pairs, last, family.groups.enough))
        return self._closed(np.array(by_look), [*before, last], times)

    def needed(self, plain: np.ndarray) -> np.ndarray:
        """Return the n at which each comparison could be decided, *plain* being that of a single look.

        NaN: earlier looks have left too little for ``FURTHER`` more blocks.
        """
        decidable = self.floors() <= self.alpha
        needed, begun = np.where(decidable, plain, np.nan), max(min(n) for n in self.sizes[-1])
        decided_by = lru_cache(maxsize=None)(lambda n: self.floors(n) <= self.alpha)
        for i in np.flatnonzero(~decidable):
            low, high = begun, begun + FURTHER
            if not decided_by(high)[i]:
                continue
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if decided_by(middle)[i] else (middle, high)
            needed[i] = high
        return needed

    def shown(self, pair: int) -> tuple[float, int]:
        """Return the direction of a comparison and its n at the look that shows it.

        That is the last look if its own test does, else the one that comes nearest: a claim of an earlier look remains,
        whatever the scores since then say.
        """
        bounds = self._alone(pair, self.alpha)
        reached = zip(bounds.looks, bounds.levels, strict=True)
        ratios = np.array([self.p[look, pair] / level if level else np.inf for look, level in reached])
        look = bounds.looks[-1 if ratios[-1] <= ROUNDING else int(ratios.argmin())]
        return float(self.directions[look, pair]), min(self.sizes[look][pair])

    def described(self) -> str:
        """Return over how many looks, at how many blocks, the level is spent; empty where one look has all of it."""
        at = ", ".join(str(max(min(n) for n in sizes)) for sizes in self.sizes)
        unit = "pairs" if TESTS[self.test].paired else "trials per level"
        if self.times == (1.0,):
            return ""
        if len(self.times) == 1:
            return f"level spent up to {100 * self.times[0]:.0f} % of the blocks declared at most, O'Brien-Fleming-like"
        return f"level spent over {len(self.times)} looks (n = {at} {unit}), O'Brien-Fleming-like"

    def _corrected(self, p: np.ndarray, sizes: Sequence[Sequence[Sizes]], times: tuple[float, ...]) -> np.ndarray:
        def over_looks(pair: int, level: float) -> float:
            return float(self._alone(pair, level, sizes, times).p(p[:, pair]))

        if self.correction == "holm":
            return holm_over_looks(over_looks, p.shape[1], self.alpha)
        own = np.array([over_looks(pair, self.alpha) for pair in range(p.shape[1])])
        return correct(own, None if self.correction == CLOSED else self.correction)

    def _alone(
        self,
        pair: int,
        level: float,
        sizes: Sequence[Sequence[Sizes]] | None = None,
        times: tuple[float, ...] | None = None,
    ) -> Boundaries:
        """Return the boundaries of the test of one comparison alone; None: of the sizes and times of the family."""
        sizes, times = sizes or self.sizes, times or self.times
        lattices = tuple(lattice_of(max(held, key=sum)) for held in sizes)
        group = Group(2, tuple(held[pair] for held in sizes))
        return boundaries((group,), lattices, times, level, test=self.test, drawn=self.drawn)

    def _closed(self, p: np.ndarray, sizes: list[dict[int, Sizes]], times: tuple[float, ...]) -> np.ndarray:
        family = self.closed[-1]
        lattices = tuple(lattice_of(max((held[1 << a | 1 << b] for a, b in family.pairs), key=sum)) for held in sizes)
        tested = [_tested_scores(each, held) for each, held in zip(self.closed, sizes, strict=True)]
        kinds = kinds_of(family.groups.levels, family.pairs, tested)
        drawn = self.drawn and len(kinds) <= MOST_TYPES and tested == sizes
        test = partial(boundaries, lattices=lattices, times=times, alpha=self.alpha, test=self.test, drawn=drawn)
        return closed_over_looks(p, family.pairs, kinds, lattices, test)[:, 0]


def looked_family(
    rows: Sequence[list[dict]],
    looks: Sequence[Look],
    scores: Sequence[Scores],
    *,
    test: str,
    correction: str | None,
    alpha: float,
    closed: ClosedFamily | None,
) -> LookedFamily:
    """Return the comparisons that were tested at the last look, with what there was of them before.

    Args:
        rows: of each look, see ``compare.measured``.
        scores: of each look, what it saw.
        closed: the family at the last look, for closed testing of two comparisons or more.
    """
    tested = [(row["a"], row["b"]) for row in rows[-1] if not np.isnan(row["p"])]
    by_pair = [{(row["a"], row["b"]): row for row in of_look} for of_look in rows]
    nothing = {"p": np.nan, "n": 0, "n_a": 0, "n_b": 0, "test": test, "effect": np.nan, "difference": np.nan}
    found = [[of_look.get(pair, nothing) for pair in tested] for of_look in by_pair]
    kept = [i for i, of_look in enumerate(found) if not all(np.isnan(row["p"]) for row in of_look)]
    families, paired = (), TESTS[test].paired
    if closed is not None:
        levels = list(dict.fromkeys(level for pair in tested for level in pair))
        before = [ClosedFamily(test, groups_of(scores[i], levels), closed.pairs) for i in kept[:-1]]
        families = (*before, closed)
    return LookedFamily(
        test=test,
        correction=correction,
        alpha=alpha,
        times=tuple(looks[i].time for i in kept),
        p=np.array([[np.inf if np.isnan(row["p"]) else row["p"] for row in found[i]] for i in kept]),
        sizes=tuple(tuple((row["n"],) if paired else (row["n_a"], row["n_b"]) for row in found[i]) for i in kept),
        directions=np.array([[direction(row) for row in found[i]] for i in kept]),
        closed=families,
    )


def direction(row: dict) -> float:
    """Return 1 if b is higher than a by the test of *row* (see ``compare.measured``), -1 if lower, 0 if neither.

    The direction is that of the ranks, or for Student's t that of the mean.
    """
    return float(np.sign(row["difference"] if row["test"] == "paired_t" else row["effect"]))


def _sizes(family: ClosedFamily) -> dict[int, Sizes]:
    return dict(zip(intersected(family.groups.levels, family.pairs), family.held, strict=True))


def _tested_scores(family: ClosedFamily, sizes: dict[int, Sizes]) -> dict[int, Sizes]:
    """Return *sizes*, and for a group with too few blocks for a test of its own the pairs of all its comparisons."""
    tested = dict(sizes)
    for group, n in sizes.items():
        if group.bit_count() > 2 and len(n) == 1 and n[0] < family.groups.enough:
            within = [sizes[pair][0] for pair in (1 << a | 1 << b for a, b in family.pairs) if not pair & ~group]
            tested[group] = (sum(within),)
    return tested


def _by_group(family: ClosedFamily, p: np.ndarray) -> np.ndarray:
    """Return the p of every group at a look; groups without scores have none (infinite)."""
    sizes = _sizes(family)
    held = {group for group, n in _tested_scores(family, sizes).items() if all(n)}
    large = [group for group in held if group.bit_count() > 2 and all(sizes[group])]
    tests = dict(zip(large, family.groups.p(large), strict=True)) if large else {}
    present = {group: n for group, n in sizes.items() if group in held}
    by_group = p_by_group(p, tests, family.groups.levels, family.pairs, present, family.groups.enough)
    by_group[[group for group in sizes if group not in held]] = np.inf
    return by_group
