"""Repair of a split in which folds lack a class that they could have, by exchanging images or groups between folds.

scikit-learn's ``StratifiedGroupKFold`` takes one label an image and iterstrat's ``MultilabelStratifiedKFold`` takes no
groups. Neither guarantees that a rare class is in more than one fold, and a class that is in one fold only cannot be
trained on when that fold validates. So every split is repaired after it was made, grouped or not.
"""

from typing import NamedTuple

import numpy as np

from rarepix.data.splits.fold_assignment import as_shares, sum_by
from rarepix.seeding import generator

MAX_FAILURES = 60
"""Exchanges in a row without improvement, after which the best split so far is returned."""
MAX_CELLS = 60
"""Pairs of a fold and a class that it lacks that are tried for one exchange; of more a random sample is tried."""
MAX_DONORS, MAX_PARTNERS = 32, 256
"""Units on either side that are tried for one exchange; of more a random sample is tried."""
NO_PARTNER = -1
"""Partner of a unit that moves to another fold without an exchange."""


class Exchange(NamedTuple):
    """A unit that moves to *fold*, the unit that moves back (or ``NO_PARTNER``), and the cost after it."""

    donor: int
    partner: int
    fold: int
    cost: int


class FoldAssignment:
    """Units and their folds. A unit is an image or a group of images; its presence is 0 or 1 for each class.

    The arguments are those of ``repair``.
    """

    def __init__(
        self, fold_of: np.ndarray, groups: np.ndarray, presence: np.ndarray, labels: np.ndarray, folds: int
    ) -> None:
        images = np.bincount(groups)
        self.groups, self.folds = groups, folds
        self.may_move = bool(images.max() > 1)  # single images are exchanged only, so that folds keep their sizes
        self.presence = np.column_stack([np.ones(len(images)), sum_by(groups, presence) > 0]).astype(int)
        """Unit × class; the first column is 1 everywhere: a fold that lacks it is empty."""
        self.shares = as_shares(np.column_stack([sum_by(groups, labels), images]))
        self.target = np.minimum(folds, self.presence.sum(axis=0))
        self.fold_of_unit = np.empty(len(images), dtype=int)
        self.fold_of_unit[groups] = fold_of
        self.units_with = sum_by(self.fold_of_unit, self.presence, folds).astype(int)
        """Fold × class: number of units that contain the class."""
        self.fold_shares = sum_by(self.fold_of_unit, self.shares, folds)

    @property
    def fold_of(self) -> np.ndarray:
        """Fold of each image."""
        return self.fold_of_unit[self.groups]

    def cost(self, folds_with: np.ndarray | None = None) -> np.ndarray:
        """Return how far *folds_with*, the numbers of folds that contain each class (… × class), are from the possible.

        An empty fold costs more than anything else; a class in one fold only that could be in two costs more than all
        folds that lack a class. Default: the present numbers.
        """
        folds_with = (self.units_with > 0).sum(axis=0) if folds_with is None else folds_with
        lacking = np.maximum(self.target - folds_with, 0)
        weight = self.folds * len(self.target)
        alone = ((folds_with[..., 1:] <= 1) & (self.target[1:] > 1)).sum(axis=-1)
        return lacking[..., 0] * weight**2 + alone * weight + lacking[..., 1:].sum(axis=-1)

    def lacking(self) -> np.ndarray:
        """Return the pairs of a fold and a column that it lacks although more units have it than folds do."""
        short = (self.units_with > 0).sum(axis=0) < self.target
        return np.argwhere((self.units_with == 0) & short)

    def exchanges(self, fold: int, column: int, random: np.random.Generator) -> list[Exchange]:
        """Return the exchanges that bring *column* to *fold* from a fold that keeps it too, the best first."""
        spare = self.units_with[self.fold_of_unit, column] > 1
        donors = _sample(np.flatnonzero(self.presence[:, column].astype(bool) & spare), MAX_DONORS, random)
        partners = _sample(np.flatnonzero(self.fold_of_unit == fold), MAX_PARTNERS, random)
        if self.may_move or not len(partners):
            partners = np.append(partners, NO_PARTNER)
        gives, takes = _rows(self.presence, donors)[:, None], _rows(self.presence, partners)[None]
        source = self.fold_of_unit[donors]
        held = self.units_with > 0
        other_folds = held.sum(axis=0) - held[source][:, None] - held[fold]
        source_after = self.units_with[source][:, None] - gives + takes
        fold_after = self.units_with[fold] + gives - takes
        cost = self.cost(other_folds + (source_after > 0) + (fold_after > 0))
        change = _rows(self.shares, donors)[:, None] - _rows(self.shares, partners)[None]
        difference = (self.fold_shares[fold] - self.fold_shares[source])[:, None]
        # the change of the sum of squares of the folds' shares of the labels
        unevenness = (2 * change * (difference + change)).sum(axis=-1)
        order = np.lexsort((random.random(cost.size), unevenness.ravel().round(12), cost.ravel()))
        pairs = zip(*np.unravel_index(order, cost.shape), strict=True)
        return [Exchange(int(donors[i]), int(partners[j]), fold, int(cost[i, j])) for i, j in pairs]

    def apply(self, exchange: Exchange) -> None:
        """Move the units of *exchange*."""
        source = self.fold_of_unit[exchange.donor]
        for unit, origin, goal in ((exchange.donor, source, exchange.fold), (exchange.partner, exchange.fold, source)):
            if unit != NO_PARTNER:
                self.fold_of_unit[unit] = goal
                for sums, values in ((self.units_with, self.presence), (self.fold_shares, self.shares)):
                    sums[origin] -= values[unit]
                    sums[goal] += values[unit]


def repair(
    fold_of: np.ndarray, groups: np.ndarray, presence: np.ndarray, labels: np.ndarray, *, folds: int, seed: int
) -> np.ndarray:
    """Return the fold of each image, changed only where a class is in fewer folds than its units allow.

    A class that is in one fold only comes first. Of the exchanges that help most, the one that leaves labels and sizes
    of the folds most even is made. Where none helps at once, the search continues from one that does little harm, for
    a while; what cannot be repaired stays as it is.

    Args:
        fold_of: fold of each image.
        groups: number of each image's unit; units are never divided. Single images keep the sizes of the folds,
            unless a fold is empty.
        presence: image × class bool.
        labels: image × label of 0 and 1, which the split has stratified.
        seed: of the choice among equals.
    """
    assignment, random = FoldAssignment(fold_of, groups, presence, labels, folds), generator(seed, "repair")
    best, least_cost, failures = fold_of, int(assignment.cost()), 0
    while least_cost and failures < MAX_FAILURES:
        exchange = _next_exchange(assignment, random)
        if exchange is None:
            break
        assignment.apply(exchange)
        failures += 1
        if exchange.cost < least_cost:
            best, least_cost, failures = assignment.fold_of, exchange.cost, 0
    return best


def _next_exchange(assignment: FoldAssignment, random: np.random.Generator) -> Exchange | None:
    """Return an exchange that lowers the cost; else one of those that raise it least; None if there is none."""
    cost, fallback = assignment.cost(), None
    for fold, column in random.permutation(assignment.lacking())[:MAX_CELLS]:
        exchanges = assignment.exchanges(int(fold), int(column), random)
        if exchanges and exchanges[0].cost < cost:
            return exchanges[0]
        if exchanges and fallback is None:
            mildest = [exchange for exchange in exchanges if exchange.cost == exchanges[0].cost]
            fallback = mildest[random.integers(len(mildest))]
    return fallback


def _rows(values: np.ndarray, units: np.ndarray) -> np.ndarray:
    return np.where((units == NO_PARTNER)[:, None], 0, values[units])


def _sample(units: np.ndarray, at_most: int, random: np.random.Generator) -> np.ndarray:
    return units if len(units) <= at_most else random.choice(units, at_most, replace=False)
