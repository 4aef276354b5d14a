"""Units dealt to folds, which classes the folds lack, and what the exchange of two units would do to that."""

from typing import NamedTuple

import numpy as np

from rarepix.data.splits.balance import as_shares, sum_by

DONORS, PARTNERS = 32, 256
"""Units on either side that are looked at for one exchange; of more some are drawn."""
NOTHING = -1
"""Partner of a unit that changes its fold with nothing in exchange."""


class Exchange(NamedTuple):
    """One unit for another of the fold that lacks something, or for ``NOTHING``, and the state after it."""

    donor: int
    partner: int
    fold: int
    cost: int
    unevenness: float
    """Change of the sum of squares of the folds' shares of the labels."""


class Dealt:
    """Units in folds. A unit is an image or a group of images; what it holds is 0 or 1 a class."""

    def __init__(
        self, fold_of: np.ndarray, groups: np.ndarray, holds: np.ndarray, labels: np.ndarray, folds: int
    ) -> None:
        images = np.bincount(groups)
        self.groups, self.folds = groups, folds
        self.may_move = bool(images.max() > 1)  # single images keep the sizes of the folds
        self.holds = np.column_stack([np.ones(len(images)), sum_by(groups, holds) > 0]).astype(int)
        """Unit × class; the first column is 1: a fold that lacks it is empty."""
        self.shares = as_shares(np.column_stack([sum_by(groups, labels), images]))
        self.target = np.minimum(folds, self.holds.sum(axis=0))
        self.fold_of_unit = np.empty(len(images), dtype=int)
        self.fold_of_unit[groups] = fold_of
        self.held = sum_by(self.fold_of_unit, self.holds, folds).astype(int)
        """Fold × class: number of units."""
        self.filled = sum_by(self.fold_of_unit, self.shares, folds)

    @property
    def fold_of(self) -> np.ndarray:
        """Fold of each image."""
        return self.fold_of_unit[self.groups]

    def cost(self, folds_that_hold: np.ndarray | None = None) -> np.ndarray:
        """Return how far (… × class) numbers of folds, by default the present ones, are from what can be.

        An empty fold weighs more than anything, a class that is in one fold only but could be in two more than all
        folds that lack a class.
        """
        held = (self.held > 0).sum(axis=0) if folds_that_hold is None else folds_that_hold
        lacking = np.maximum(self.target - held, 0)
        much = self.folds * len(self.target)
        alone = ((held[..., 1:] <= 1) & (self.target[1:] > 1)).sum(axis=-1)
        return lacking[..., 0] * much**2 + alone * much + lacking[..., 1:].sum(axis=-1)

    def lacking(self) -> np.ndarray:
        """Return the pairs of a fold and a column that it lacks although more units hold it than folds do."""
        short = (self.held > 0).sum(axis=0) < self.target
        return np.argwhere((self.held == 0) & short)

    def exchanges(self, fold: int, column: int, random: np.random.Generator) -> list[Exchange]:
        """Return the exchanges that bring *column* to *fold* from a fold that keeps it, the best first."""
        spare = self.held[self.fold_of_unit, column] > 1
        donors = _some(np.flatnonzero(self.holds[:, column].astype(bool) & spare), DONORS, random)
        partners = _some(np.flatnonzero(self.fold_of_unit == fold), PARTNERS, random)
        if self.may_move or not len(partners):
            partners = np.append(partners, NOTHING)
        gives, takes = self._rows(self.holds, donors)[:, None], self._rows(self.holds, partners)[None]
        source = self.fold_of_unit[donors]
        others = (self.held > 0).sum(axis=0) - (self.held[source] > 0)[:, None] - (self.held[fold] > 0)
        left, got = self.held[source][:, None] - gives + takes, self.held[fold] + gives - takes
        cost = self.cost(others + (left > 0) + (got > 0))
        brought = self._rows(self.shares, donors)[:, None] - self._rows(self.shares, partners)[None]
        apart = (self.filled[fold] - self.filled[source])[:, None]
        unevenness = (2 * brought * (apart + brought)).sum(axis=-1)
        order = np.lexsort((random.random(cost.size), unevenness.ravel().round(12), cost.ravel()))
        pairs = zip(*np.unravel_index(order, cost.shape), strict=True)
        return [
            Exchange(int(donors[i]), int(partners[j]), fold, int(cost[i, j]), float(unevenness[i, j])) for i, j in pairs
        ]

    def make(self, exchange: Exchange) -> None:
        """Make the exchange."""
        source = self.fold_of_unit[exchange.donor]
        for unit, origin, goal in ((exchange.donor, source, exchange.fold), (exchange.partner, exchange.fold, source)):
            if unit != NOTHING:
                self.fold_of_unit[unit] = goal
                for sums, values in ((self.held, self.holds), (self.filled, self.shares)):
                    sums[origin] -= values[unit]
                    sums[goal] += values[unit]

    @staticmethod
    def _rows(values: np.ndarray, units: np.ndarray) -> np.ndarray:
        return np.where((units == NOTHING)[:, None], 0, values[units])


def _some(units: np.ndarray, at_most: int, random: np.random.Generator) -> np.ndarray:
    return units if len(units) <= at_most else random.choice(units, at_most, replace=False)
