"""How a test spends its level over looks at a study that grows: O'Brien and Fleming's boundaries after Lan and DeMets.

A study that is looked at, extended and looked at again has several chances of a false claim. Lan and DeMets (1983) give
each look a part of the level: up to *time* t, the share of the blocks that the study declared at most, a test may have
used alpha(t) = 2 - 2 Φ(z / √t), z being the normal quantile at 1 - alpha / 2. That is little early and all at the end.

The boundary of a look is the largest p at which the chance of having crossed any boundary so far is at most alpha(t).
That chance is drawn from the joint distribution of the p of all looks: scores without ties on nested blocks have one
that depends on nothing but the number of levels and blocks, whatever the errors are. A boundary of the first look is
alpha(t) itself. What a test of few blocks could not use, because its p has steps, is left to later looks.

An intersection of hypotheses has boundaries of its own and, once crossed, stays rejected: closed testing keeps the
level over all looks together (Tang and Geller 1999). Where the joint distribution is not known (independent runs, ties)
the boundaries are alpha(t) less what was spent before, which holds for any tests (Bonferroni).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

from analysis.statistics.closed import SMALLEST, Lattice, combined_p, on_lattice
from analysis.statistics.intersections import Sizes, group_floor
from analysis.statistics.permutation_null import quade_p
from analysis.statistics.rank_tests import TESTS

AT_ONCE, PARTS = 10_000, 4
DRAWS = AT_ONCE * PARTS
SEED = 1983
ROUNDING = 1 + 1e-9
ALL, ONE = "all", "one"


class Group(NamedTuple):
    """A group of equal levels, as far as the distribution of its p depends on it."""

    levels: int
    sizes: tuple[Sizes, ...]
    """How many scores it had at each look; 0: none yet."""
    compared: str = ALL
    """Which of its levels are compared: ``ALL`` pairs, all against ``ONE``, or others or on other blocks (empty)."""


def spent(alpha: float, time: float) -> float:
    """Return how much of the level *alpha* may have been spent by *time*, 0 < time <= 1."""
    return alpha if time >= 1 else float(2 * stats.norm.sf(stats.norm.isf(alpha / 2) / np.sqrt(time)))


def level_of(p: np.ndarray, time: float) -> np.ndarray:
    """Return the level of which *p* may have been spent by *time*: the inverse of ``spent``."""
    return p if time >= 1 else 2 * stats.norm.sf(np.sqrt(time) * stats.norm.isf(np.asarray(p) / 2))


class Boundaries(NamedTuple):
    """The boundaries of one test over the looks that count."""

    looks: tuple[int, ...]
    levels: tuple[float, ...]
    """The p that must be reached at each look."""
    null: np.ndarray | None
    """Draws of the smallest p / boundary over the looks, in order; None: Bonferroni."""
    time: float
    """Of the last look."""
    alpha: float

    def p(self, p: np.ndarray) -> np.ndarray:
        """Return the p over all looks of *p*, looks × …: at most ``alpha`` exactly where a boundary is reached."""
        if len(self.looks) == 1:
            return level_of(p[self.looks[0]], self.time)
        p = [p[look] for look in self.looks]
        ratio = _smallest_ratio(p, self.levels)
        if self.null is None:
            chance = np.minimum(ratio * sum(self.levels), 1)
        else:
            chance = (np.searchsorted(self.null, ratio * ROUNDING, side="right") + 1) / (len(self.null) + 1)
            # A ratio that a look has reached is no less likely than the p of that look, however few draws say so.
            chance = np.maximum(chance, _of_smallest_ratio(p, self.levels, ratio))
        level, outside = level_of(chance, self.time), np.minimum(self.alpha * ratio, 1)
        return np.where(ratio <= ROUNDING, np.minimum(level, self.alpha), np.maximum(level, outside))


def intersection_p(p: list[np.ndarray], levels: list[int], lattice: Lattice) -> np.ndarray:
    """Return the p of an intersection of groups of so many *levels* from the *p* of each (see ``closed``)."""
    if len(p) == 1:
        return p[0]
    shares = [
        1 / (on_lattice(each, lattice) if size == 2 else np.maximum(each, SMALLEST))
        for each, size in zip(p, levels, strict=True)
    ]
    pairs = levels.count(2)
    return combined_p(sum(shares), pairs, len(levels) - pairs, lattice)


def with_comparisons(
    p: list[np.ndarray], smallest: list[np.ndarray | None], levels: list[int], lattice: Lattice
) -> np.ndarray:
    """Return ``intersection_p``, raised to the *smallest* p of all comparisons in its groups, where that is known.

    An intersection that is rejected while none of its comparisons is leads to no claim. Raised so far, its p uses less
    of the level at an early look, and no claim of a single look changes: each needs the p of its comparison as well.
    """
    whole = intersection_p(p, levels, lattice)
    if any(each is None for each in smallest):
        return whole
    return np.maximum(whole, np.min(smallest, axis=0))


@lru_cache(maxsize=512)
def boundaries(
    groups: tuple[Group, ...],
    lattices: tuple[Lattice, ...],
    times: tuple[float, ...],
    alpha: float,
    *,
    test: str,
    drawn: bool,
) -> Boundaries:
    """Return the boundaries of the test of an intersection of *groups*.

    A look without new scores since the one before is the same look; one whose test could not have rejected anything
    costs nothing.

    Args:
        lattices: what the p of a comparison can be, at each look.
        times: of each look, see ``spent``.
        test: of two levels, see ``rank_tests``.
        drawn: draw the joint distribution; else Bonferroni.
    """
    looks = _counted(groups, lattices, times, alpha, test)
    allowed = [spent(alpha, times[look]) for look in looks]
    if len(looks) == 1 or not drawn:
        levels = np.diff(allowed, prepend=0.0)
        return Boundaries(looks, tuple(levels.tolist()), None, times[looks[-1]], alpha)
    p = _null_of_intersection(groups, lattices, looks)
    levels, crossed = [], np.zeros(DRAWS, dtype=bool)
    for own, most in zip(p, allowed, strict=True):
        levels.append(_largest(own[~crossed], most, int(crossed.sum())) if levels else most)
        crossed |= own <= levels[-1] * ROUNDING
    null = np.sort(_smallest_ratio(p, levels))
    return Boundaries(looks, tuple(levels), null, times[looks[-1]], alpha)


def _smallest_ratio(p: Sequence[np.ndarray], levels: Sequence[float]) -> np.ndarray:
    """Return the smallest p / boundary over the looks; a boundary of 0 is reached by nothing."""
    ratios = [each / level if level else np.full_like(each, np.inf) for each, level in zip(p, levels, strict=True)]
    return np.min(ratios, axis=0)


def _of_smallest_ratio(p: Sequence[np.ndarray], levels: Sequence[float], smallest: np.ndarray) -> np.ndarray:
    """Return the p of the look that has the *smallest* ratio."""
    reached = [
        np.where(each <= smallest * level * ROUNDING, each, 0) for each, level in zip(p, levels, strict=True) if level
    ]
    return np.max(reached, axis=0)


def _largest(p: np.ndarray, most: float, crossed: int) -> float:
    """Return the largest boundary on *p*, draws that have not *crossed* before, that keeps crossings at *most*.

    0: nothing is left.
    """
    room = int(most * (DRAWS + 1)) - 1 - crossed
    if room <= 0:
        return 0.0
    ordered = np.sort(p)
    if room >= len(ordered):
        return 1.0
    below = ordered[ordered < ordered[room] / ROUNDING]
    return float(below[-1]) if len(below) else 0.0


def _counted(
    groups: tuple[Group, ...], lattices: tuple[Lattice, ...], times: tuple[float, ...], alpha: float, test: str
) -> tuple[int, ...]:
    """Return the looks that count, the last one in which there was something new always among them."""
    sizes = list(zip(*(group.sizes for group in groups), strict=True))
    new = [i for i, held in enumerate(sizes) if any(map(all, held)) and held not in sizes[i + 1 :]]
    floor, floors = TESTS[test].floor, {}
    for look in new[:-1]:
        held = [(group.levels, group.sizes[look]) for group in groups if all(group.sizes[look])]
        own = [np.array(floor(n[0], n[-1]) if levels == 2 else group_floor(n, levels)) for levels, n in held]
        whole = float(intersection_p(own, [levels for levels, _ in held], lattices[look]))
        floors[look] = max(whole, floor(*lattices[look][1:]))  # where no comparison can be claimed, nothing is
    return (*(look for look, least in floors.items() if least <= spent(alpha, times[look]) * ROUNDING), new[-1])


def _null_of_intersection(
    groups: tuple[Group, ...], lattices: tuple[Lattice, ...], looks: tuple[int, ...]
) -> np.ndarray:
    """Return draws of the p of an intersection at each of *looks*, looks × draws."""
    met: dict[int, int] = {}
    copies = []
    for group in groups:
        met[group.levels] = met.get(group.levels, -1) + 1
        copies.append(met[group.levels])
    p = []
    for look in looks:
        held = [i for i, group in enumerate(groups) if all(group.sizes[look])]
        drawn = [
            _null_of_group(groups[i].levels, groups[i].sizes[look][0], copies[i], groups[i].compared) for i in held
        ]
        levels = [groups[i].levels for i in held]
        p.append(with_comparisons([own for own, _ in drawn], [least for _, least in drawn], levels, lattices[look]))
    return np.array(p)


@lru_cache(maxsize=256)
def _null_of_group(levels: int, blocks: int, copy: int, compared: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return draws of the p that *levels* are equal on so many *blocks*, and of the smallest p of its comparisons."""
    drawn, smallest = [], []
    firsts = {ALL: range(levels), ONE: range(1)}.get(compared, ())
    for part in range(PARTS):
        rng = np.random.default_rng([SEED, levels, copy, part])
        # A block is drawn after the one before it, so that fewer blocks are the first of more.
        scores = rng.standard_normal((blocks, AT_ONCE, levels)).swapaxes(0, 1)
        drawn.append(quade_p(scores))
        if levels > 2 and compared:
            pairs = [quade_p(scores[:, :, [a, b]]) for a in firsts for b in range(a + 1, levels)]
            smallest.append(np.min(pairs, axis=0))
    own = np.concatenate(drawn)
    return own, own if levels == 2 else np.concatenate(smallest) if smallest else None
