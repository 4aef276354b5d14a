"""Tests that a group of levels is equal, by permuting labels: within blocks (Quade) or over all runs (Kruskal-Wallis).

Quade's test (1979) ranks the blocks by their range, weighs the ranks within each block by that, and sums them per
level; with two levels it is the signed-rank test, ties by Pratt included. Kruskal and Wallis (1952) rank all runs
together; with two levels it is the test of Mann and Whitney. The statistic is the sum over levels of their squares.

Its distribution is that of all permutations of the labels where there are at most ``ENUMERATED``, else of ``DRAWS``
random ones with p = (b + 1) / (draws + 1), which is valid for any number of them (Phipson and Smyth 2010). It depends
on the ranks alone, so that data without ties share one distribution.
"""

from functools import lru_cache
from itertools import permutations
from math import factorial
from typing import NamedTuple

import numpy as np
from scipy import stats

from analysis.statistics.rank_tests import MAX_PAIRS

ENUMERATED = 50_000
DRAWS = 19_999
MAX_RUNS = 200
"""Up to so many runs (in blocks: up to ``MAX_PAIRS`` blocks) labels are permuted; beyond, the statistic is chi²."""
SEED = 20_240


class Null(NamedTuple):
    """The distribution of a statistic under its hypothesis, by values that it can have."""

    values: np.ndarray
    """In order."""
    tails: np.ndarray
    """P(statistic >= value) of each, and of what lies above all of them."""

    def p(self, statistic: np.ndarray) -> np.ndarray:
        """Return the p of *statistic*, elementwise."""
        return self.tails[np.searchsorted(self.values, np.asarray(statistic) * (1 - 1e-12) - 1e-9)]


def quade_p(scores: np.ndarray) -> np.ndarray:
    """Return the p that levels are equal, for *scores* … × n blocks × s levels without NaN.

    Differences that rounding makes are ties. Fewer than two blocks or levels say nothing: p is 1.
    """
    *outer, n, s = scores.shape
    return quade_p_of_groups(scores.reshape(-1, n, s), np.ones((1, s), dtype=bool))[0].reshape(outer)


def quade_p_of_groups(scores: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the p that the levels of each group are equal, groups × studies, as ``quade_p`` does.

    Args:
        scores: studies × n blocks × levels (up to about ten), without NaN.
        groups: groups × levels, whether a group holds a level.
    """
    studies, n, levels = scores.shape
    sizes, p = groups.sum(axis=1), np.ones((len(groups), studies))
    if n < 2:
        return p
    scores = np.round(scores, 12)
    # Ranks are 2 (rank - mean rank), the levels below less those above; weights are 2 (rank of the block's range).
    signs, weights = np.sign(scores[:, :, :, None] - scores[:, :, None]), 2 * _ranks(_ranges(scores, groups))
    weighed = (weights @ signs.reshape(studies, n, -1)).reshape(studies, -1, levels, levels)
    statistics = ((np.einsum("sgij,gj->sgi", weighed, groups.astype(float)) * groups) ** 2).sum(axis=2).T
    squares = _squares(signs, groups)
    if n > MAX_PAIRS:
        expected = (weights**2 * squares).sum(axis=2).T / np.maximum(sizes - 1, 1)[:, None]
        ratio = np.divide(statistics, expected, out=np.zeros(p.shape), where=expected > 0)
        return np.where(sizes[:, None] > 1, stats.chi2.sf(ratio, np.maximum(sizes - 1, 1)[:, None]), 1.0)
    # Without ties squares have the largest sum that they can have, and all groups of one size the same distribution.
    untied = (squares == (sizes * (sizes**2 - 1) / 3)[:, None]).all(axis=2).T
    untied &= ((weights**2).sum(axis=2) == 2 * n * (n + 1) * (2 * n + 1) / 3).T
    for s in np.unique(sizes[sizes > 1]).tolist():
        rows = np.flatnonzero(sizes == s)
        p[rows] = _within_blocks(_untied_pattern(n, s), s).p(statistics[rows])
    for group, study in np.argwhere(~untied & (sizes > 1)[:, None]).tolist():
        held, order = groups[group], np.argsort(weights[study, group], kind="stable")
        ranks = signs[study][:, held][:, :, held].sum(axis=2)
        pattern = np.sort(weights[study, group, :, None] * ranks, axis=1)[order].astype(int)
        p[group, study] = _within_blocks(tuple(pattern.ravel().tolist()), len(ranks[0])).p(statistics[group, study])
    return p


def _squares(signs: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the sums of the squares of the ranks of each block within each group, studies × groups × n."""
    sizes, held = groups.sum(axis=1), groups.T.astype(float)
    if np.count_nonzero(signs) == signs.size / signs.shape[2] * (signs.shape[2] - 1):  # no two levels are equal
        return np.broadcast_to((sizes * (sizes**2 - 1) / 3)[:, None], (len(signs), len(groups), signs.shape[1]))
    return (((signs @ held) * held) ** 2).sum(axis=2).swapaxes(1, 2)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks of *values* along the last axis from 1, ties sharing the mean of theirs."""
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    if (ordered[..., 1:] == ordered[..., :-1]).any():
        return stats.rankdata(values, axis=-1)
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, np.arange(1.0, values.shape[-1] + 1), axis=-1)
    return ranks


def _ranges(scores: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the range of each block within each group, studies × groups × n, without what rounding makes different."""
    if groups.all():
        return np.round(np.repeat(np.ptp(scores, axis=2)[:, None], len(groups), axis=1), 12)
    # Of every set of levels, by its number, from the set without its last level.
    shape = (1 << groups.shape[1], *scores.shape[:2])
    highest, lowest = np.full(shape, -np.inf), np.full(shape, np.inf)
    for level in range(groups.shape[1]):
        known, grown = slice(1 << level), slice(1 << level, 2 << level)
        np.maximum(highest[known], scores[:, :, level], out=highest[grown])
        np.minimum(lowest[known], scores[:, :, level], out=lowest[grown])
    numbers = groups @ (1 << np.arange(groups.shape[1]))
    return np.round((highest[numbers] - lowest[numbers]).swapaxes(0, 1), 12)


@lru_cache(maxsize=256)
def _untied_pattern(n: int, s: int) -> tuple[int, ...]:
    """Return the weighed ranks of *n* blocks without ties, in the order of their weights."""
    return tuple((2 * np.arange(1, n + 1)[:, None] * (2 * np.arange(1, s + 1) - s - 1)).ravel().tolist())


@lru_cache(maxsize=256)
def _within_blocks(pattern: tuple[int, ...], s: int) -> Null:
    """Return the distribution of the sum of squares when each block's part of *pattern* (n × s) is permuted."""
    rows = np.array(pattern).reshape(-1, s)
    if factorial(s) ** (len(rows) - 1) > ENUMERATED:
        order = _orders(len(rows), s)
        sums = sum(row[order[:, i]] for i, row in enumerate(rows))
        return _drawn((sums**2).sum(axis=1))
    orders, sums = np.array(list(permutations(range(s)))), rows[:1]
    for row in rows[1:]:
        sums = (sums[:, None] + row[orders]).reshape(-1, s)
    return _enumerated((sums**2).sum(axis=1))


@lru_cache(maxsize=16)
def _orders(n: int, s: int) -> np.ndarray:
    """Return random orders, draws × n × s."""
    rng = np.random.default_rng([SEED, n, s])
    return np.argsort(rng.random((DRAWS, n, s), dtype=np.float32), axis=2).astype(np.int8)


def kruskal_p(groups: list[np.ndarray]) -> float:
    """Return the p that the runs of *groups* (one or more scores each) come from one distribution."""
    groups = sorted((np.round(group, 12) for group in groups), key=len)
    sizes = np.array([len(group) for group in groups])
    halves = np.rint(2 * stats.rankdata(np.concatenate(groups))).astype(int)
    if halves.min() == halves.max():
        return 1.0
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    centred = halves - halves.mean()
    statistic = float((np.add.reduceat(centred, starts) ** 2 / sizes).sum())
    if len(halves) > MAX_RUNS:
        return float(stats.chi2.sf(statistic / centred.var(ddof=1), len(groups) - 1))
    return float(_over_runs(tuple(np.sort(halves).tolist()), tuple(sizes.tolist())).p(statistic))


@lru_cache(maxsize=256)
def _over_runs(halves: tuple[int, ...], sizes: tuple[int, ...]) -> Null:
    shuffled = _shuffled(halves)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return _drawn((np.add.reduceat(shuffled, starts, axis=1) ** 2 / np.array(sizes)).sum(axis=1))


@lru_cache(maxsize=4)
def _shuffled(halves: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng([SEED, len(halves)])
    order = np.argsort(rng.random((DRAWS, len(halves)), dtype=np.float32), axis=1)
    return (np.array(halves) - np.mean(halves))[order]


def _enumerated(statistics: np.ndarray) -> Null:
    values, counts = np.unique(statistics, return_counts=True)
    tails = np.cumsum(counts[::-1])[::-1] / len(statistics)
    return Null(values, np.append(tails, tails[-1]))


def _drawn(statistics: np.ndarray) -> Null:
    ordered = np.sort(statistics)
    return Null(ordered, (len(ordered) - np.arange(len(ordered) + 1) + 1) / (len(ordered) + 1))


def is_exact(blocks: int, levels: int) -> bool:
    """Return whether all permutations of the labels of *levels* within *blocks* are counted, none drawn."""
    return factorial(levels) ** (blocks - 1) <= ENUMERATED


def quade_floor(blocks: int, levels: int) -> float:
    """Return the smallest p of ``quade_p``: that of blocks that all rank alike."""
    smallest = float(factorial(levels)) ** -max(blocks - 1, 0)
    return smallest if is_exact(max(blocks, 1), levels) else max(smallest, 1 / (DRAWS + 1))


def kruskal_floor(sizes: np.ndarray) -> float:
    """Return the smallest p of ``kruskal_p``: that of groups of these *sizes* that do not overlap."""
    arrangements = stats.multinomial.logpmf(sizes, int(sizes.sum()), np.full(len(sizes), 1 / len(sizes)))
    arrangements += sizes.sum() * np.log(len(sizes))
    # Equal groups in any order are as far apart.
    orders = factorial(len(sizes)) if len(set(sizes.tolist())) == 1 else 2
    return float(np.clip(orders * np.exp(-arrangements), 1 / (DRAWS + 1), 1.0))
