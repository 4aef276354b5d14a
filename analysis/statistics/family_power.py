"""How often a family of comparisons finds the one configuration that is better: whole studies, drawn and tested.

All configurations but one are equal; errors are normal. Counted is how often the better one is found to be higher than
one of the others (the default, where all are compared with that one alone), tested as ``compare`` tests them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations

import numpy as np

from analysis.statistics.closed import MOST_LEVELS, closed_p, members, read
from analysis.statistics.closed_family import complete_floor
from analysis.statistics.corrections import CLOSED, holm
from analysis.statistics.exact_distributions import signed_rank_distribution
from analysis.statistics.formatting import correction_words
from analysis.statistics.permutation_null import quade_p_of_groups
from analysis.statistics.rank_tests import TESTS

CORRECTIONS = (CLOSED, "holm", None)
SIMULATIONS = {2: 10_000, 5: 2_000, np.inf: 500}
"""Configurations up to which so many studies are drawn."""
AT_ONCE = 50
"""Studies whose groups are ranked together."""

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Family:
    """The comparisons of a study: of all pairs of configurations, or of all with one of them."""

    configurations: int = 2
    against_one: bool = False
    correction: str | None = CLOSED

    def __post_init__(self) -> None:
        """Raise ValueError where a part is out of its range."""
        if not (self.configurations >= 2 and self.configurations % 1 == 0):
            raise ValueError(f"configurations must be a whole number from 2 on, but got {self.configurations}")
        if self.correction not in CORRECTIONS:
            raise ValueError(f"correction must be one of {list(CORRECTIONS)}, but got {self.correction!r}")

    @cached_property
    def pairs(self) -> Pairs:
        """Return the two configurations of each comparison, by number; the last one is the better one."""
        one = self.configurations - 2
        every = combinations(range(self.configurations), 2)
        return tuple(pair for pair in every if one in pair or not self.against_one)

    @property
    def asked(self) -> tuple[int, int]:
        """Return the comparison that the power is of."""
        return self.configurations - 2, self.configurations - 1

    @property
    def used(self) -> str | None:
        """Return the correction that ``compare`` would use: Holm where there are too many levels to close."""
        return "holm" if self.correction == CLOSED and self.configurations > MOST_LEVELS else self.correction

    @property
    def plain(self) -> bool:
        """Return whether a comparison is decided by its own test alone."""
        return len(self.pairs) == 1 or self.correction is None

    @property
    def words(self) -> str:
        """Return ``after closed testing over 3 comparisons``, or an empty string."""
        return correction_words(self.used, len(self.pairs))

    @property
    def simulations(self) -> int:
        """Return how many studies are drawn unless another number is asked for: fewer of those that take longer."""
        return next(many for most, many in SIMULATIONS.items() if self.configurations <= most or self.plain)

    def floor(self, blocks: int, alpha: float) -> float:
        """Return the smallest adjusted p that so many complete *blocks* can give (see ``ClosedFamily.floors``)."""
        own = TESTS["signed_rank"].floor(blocks, blocks)
        if self.plain:
            return own
        if self.used == CLOSED:
            return complete_floor(self.configurations, self.pairs, blocks, alpha)
        return min(1.0, own * len(self.pairs))

    def least_blocks(self, alpha: float) -> int:
        """Return the fewest complete blocks whose smallest adjusted p is at most *alpha*."""
        n = 1
        while self.floor(n, alpha) > alpha:
            n += 1
        return n


@dataclass(frozen=True)
class Draws:
    """Simulated studies of a family; all sizes and gains see the same noise."""

    family: Family
    alpha: float
    simulations: int
    seed: int

    def found(self, blocks: int, gain: float) -> int:
        """Return in how many studies a *gain*, in standard deviations of a paired difference, is found."""
        configurations = 1 if self.family.plain else self.family.configurations
        # More blocks than are used, so that the search for a number of them seldom draws again.
        noise = _noise(self.seed, 1 << (blocks - 1).bit_length(), self.simulations, configurations)[:, :blocks]
        if self.family.plain:
            p, higher = signed_rank_p(noise[:, :, 0] + gain)
            return int(((p <= self.alpha) & higher).sum())
        a, b = self.family.asked
        p, higher = signed_rank_p(noise[:, :, b] - noise[:, :, a] + gain)
        # No correction makes a p smaller: what its own test does not find is not tested further.
        scores = noise[(p <= self.alpha) & higher]
        if not len(scores):
            return 0
        scores[:, :, b] += gain
        adjusted = adjusted_p(scores, self.family.pairs, self.family.used, (self.family.asked,))
        return int((adjusted[0] <= self.alpha).sum())


@lru_cache(maxsize=4)
def _noise(seed: int, blocks: int, studies: int, configurations: int) -> np.ndarray:
    """Return studies × blocks × configurations (one: differences) whose paired differences have the spread 1.

    The first n blocks do not depend on how many follow.
    """
    drawn = np.random.default_rng(seed).standard_normal((blocks, studies, configurations)).swapaxes(0, 1)
    return drawn if configurations == 1 else drawn / np.sqrt(2)


def signed_rank_p(gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the exact two-sided p of *gains*, … × n without ties and zeros, and whether their ranks are positive."""
    n = gains.shape[-1]
    order = np.argsort(np.abs(gains), axis=-1)
    statistic = (np.take_along_axis(gains, order, axis=-1) > 0) @ np.arange(1, n + 1)
    rest = n * (n + 1) // 2 - statistic
    lower = np.cumsum(signed_rank_distribution(tuple(range(1, n + 1))))
    return np.minimum(2 * lower[np.minimum(statistic, rest)], 1.0), statistic > rest


def adjusted_p(
    scores: np.ndarray, pairs: Sequence[tuple[int, int]], correction: str, asked: Pairs | None = None
) -> np.ndarray:
    """Return the adjusted p of *asked*, pairs × studies, of complete *scores* without ties, studies × blocks × levels.

    Args:
        correction: ``"closed"`` or ``"holm"``.
        asked: None: all *pairs*.
    """
    pairs = tuple(pairs)
    asked = pairs if asked is None else asked
    own = np.array([signed_rank_p(scores[:, :, b] - scores[:, :, a])[0] for a, b in pairs])
    if correction != CLOSED:
        return np.apply_along_axis(holm, 0, own)[[pairs.index(pair) for pair in asked]]
    studies, n, levels = scores.shape
    p = np.ones((1 << levels, studies))
    large = [group for group in read(levels, pairs, asked) if group.bit_count() > 2]
    for i in range(0, studies if large else 0, AT_ONCE):
        p[large, i : i + AT_ONCE] = quade_p_of_groups(scores[i : i + AT_ONCE], members(large, levels))
    p[[1 << a | 1 << b for a, b in pairs]] = own
    return closed_p(p, levels, pairs, ("pairs", n, n), asked)
