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
    if n < 2 or s < 2:
        return np.ones(outer)
    scores = np.round(scores.reshape(-1, n, s), 12)
    weights = stats.rankdata(np.round(np.ptp(scores, axis=2), 12), axis=1)
    # Multiples of one quarter, so that the quadruple is a whole number and equal values are equal.
    weighed = np.rint(4 * weights[:, :, None] * (stats.rankdata(scores, axis=2) - (s + 1) / 2)).astype(int)
    statistics = (weighed.sum(axis=1) ** 2).sum(axis=1).astype(float)
    if n > MAX_PAIRS:
        expected = (weighed**2).sum(axis=(1, 2)) / (s - 1)
        ratio = np.divide(statistics, expected, out=np.zeros(len(scores)), where=expected > 0)
        return stats.chi2.sf(ratio, s - 1).reshape(outer)
    kept = np.sort(weighed, axis=2)[np.arange(len(scores))[:, None], np.argsort(weights, axis=1, kind="stable")]
    kept, which, p = kept.reshape(len(kept), -1), np.zeros(len(kept), dtype=int), np.empty(len(scores))
    alike = kept[:1]
    if (kept != alike).any():  # ties: sorting the patterns takes most of the time where thousands are alike
        alike, which = np.unique(kept, axis=0, return_inverse=True)
        which = which.ravel()
    for i, pattern in enumerate(alike):
        here = which == i
        p[here] = _within_blocks(tuple(pattern.tolist()), s).p(statistics[here])
    return p.reshape(outer)


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
