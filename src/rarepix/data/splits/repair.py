"""A split in which a class is missing from folds that could have it, repaired by exchanging images."""

import numpy as np

from rarepix.data.splits.exchanges import Dealt, Exchange
from rarepix.seeding import generator

PATIENCE = 60
"""Exchanges in a row that bring nothing, before the best split so far is taken."""
CELLS = 60
"""Pairs of a fold and a class that it lacks that are looked at for one exchange; of more some are drawn."""


def repair(
    fold_of: np.ndarray, groups: np.ndarray, holds: np.ndarray, labels: np.ndarray, *, folds: int, seed: int
) -> np.ndarray:
    """Return the fold of each image, changed only where a class is in fewer folds than the units that hold it allow.

    A class that is in one fold only comes first: it cannot be trained on when that fold validates. Of the exchanges
    that help most, the one that leaves labels and sizes of the folds most even is made. Where none helps at once, the
    search goes on from one that does little harm, for a while; what cannot be repaired stays as it is.

    Args:
        fold_of: fold of each image.
        groups: number of each image's unit; units are never divided. Single images keep the sizes of the folds,
            unless a fold is empty.
        holds: image × class, true where it is held.
        labels: image × label of 0 and 1, which the split has spread.
        folds: number of folds.
        seed: of the choice among equals.
    """
    dealt, random = Dealt(fold_of, groups, holds, labels, folds), generator(seed, "repair")
    best, least, in_vain = fold_of, int(dealt.cost()), 0
    while least and in_vain < PATIENCE:
        exchange = _next(dealt, random)
        if exchange is None:
            break
        dealt.make(exchange)
        in_vain += 1
        if exchange.cost < least:
            best, least, in_vain = dealt.fold_of, exchange.cost, 0
    return best


def _next(dealt: Dealt, random: np.random.Generator) -> Exchange | None:
    """Return an exchange that helps; else any of those that harm least for some class and fold; else None."""
    now, otherwise = dealt.cost(), None
    for fold, column in random.permutation(dealt.lacking())[:CELLS]:
        exchanges = dealt.exchanges(int(fold), int(column), random)
        if exchanges and exchanges[0].cost < now:
            return exchanges[0]
        if exchanges and otherwise is None:
            mildest = [exchange for exchange in exchanges if exchange.cost == exchanges[0].cost]
            otherwise = mildest[random.integers(len(mildest))]
    return otherwise
