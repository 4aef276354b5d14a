"""Several closed families corrected together: closed testing within each, and Bonferroni-Holm over them.

The whole is a closed test, too: an intersection that touches several families is rejected by Bonferroni over those that
it touches. With one comparison in each family it is Holm's procedure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.closed_family import ClosedFamily
from analysis.statistics.corrections import smallest_n


@dataclass(frozen=True)
class ClosedFamilies:
    """Families that ask the same of several scores, for example of each class."""

    families: tuple[ClosedFamily, ...]
    name: str
    """What the families are, in the plural."""

    def adjusted_p(self, p: Sequence[float]) -> np.ndarray:
        """Return the adjusted p of all comparisons, family after family, *p* being those of their own tests."""
        ends = np.cumsum([len(family.pairs) for family in self.families])[:-1]
        parts = zip(self.families, np.split(np.asarray(p, dtype=float), ends), strict=True)
        return over_families([family.adjusted_p(own) for family, own in parts])

    @property
    def smallest(self) -> float:
        """Return the level below which the draws of labels can decide nothing."""
        return len(self.families) * max(family.smallest for family in self.families)

    def floors(self, least: int, alpha: float, *, alone: bool = False) -> np.ndarray:
        """Return the smallest that the adjusted p could be, see ``ClosedFamily.floors``."""
        return over_families([family.floors(least, alpha, alone=alone) for family in self.families])

    def needed_n(self, alpha: float) -> np.ndarray:
        """Return the smallest n that could decide each comparison, see ``smallest_n``."""
        return smallest_n(lambda n, alone: self.floors(n, alpha, alone=alone), alpha)

    def described(self) -> str:
        """Return what was done, as a sentence without a full stop."""
        largest = max(self.families, key=lambda family: len(family.pairs))
        over = f"Holm over {len(self.families)} {self.name}"
        return over if len(largest.pairs) == 1 else f"{over}; in each of them {largest.described()}"


def over_families(adjusted: Sequence[np.ndarray]) -> np.ndarray:
    """Return the p of all comparisons, adjusted over families, given those *adjusted* within each.

    The worst intersection that touches k further families touches those k that have the largest p, and has k + 1 times
    the smallest p of its parts: at most that of the comparison, and that of the k-th further family.
    """
    largest = np.array([p.max() for p in adjusted])
    together = []
    for i, own in enumerate(adjusted):
        further = np.concatenate([[np.inf], np.sort(np.delete(largest, i))[::-1]])
        parts = np.minimum(own[:, None], further) * np.arange(1, len(adjusted) + 1)
        together.append(np.minimum(parts.max(axis=1), 1.0))
    return np.concatenate(together)
