"""Is a difference large enough to matter? The Bayesian signed-rank test with a region of practical equivalence.

Benavoli, Mangili, Corani, Zaffalon & Ruggeri (ICML 2014), Benavoli, Corani, Demšar & Zaffalon (JMLR 2017). The n paired
differences and one pseudo-difference of 0 get weights from a Dirichlet distribution, 1 for each difference and
``PRIOR`` = 0.5 for the pseudo-difference (the strength and the place that the papers and baycomp use). For each draw of
weights w, P(better) = sum of w_i w_j over all i, j whose mean (d_i + d_j) / 2 lies above the region, and likewise
inside and below; a mean on the border counts one half. What is reported is how often each of the three is the largest;
where several are equally large, the draw is split among them.

Unlike a p-value this can say that two levels are *practically the same*. It still knows nothing beyond these blocks.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.formatting import equivalence_sentence, table_of_pairs
from analysis.statistics.rank_tests import differences
from analysis.statistics.samples import as_list, samples, sorted_levels, usable_rows

PRIOR = 0.5
DRAWS = 20_000
KEPT = 256
"""Up to this many pairs the draws are kept for the next comparison."""
AT_ONCE = 1_000
"""Draws that are evaluated together: their sums stay in the processor's cache."""
LEAST = 3
"""Pairs below which there is no verdict: of two, every fifth study of equal levels would claim a difference."""
SURE = 0.95
COLUMNS = [
    "treatment", "score", "a", "b", "n", "rope", "p_better", "p_equivalent", "p_worse", "incomplete", "verdict",
]  # fmt: skip


def practical(
    table: pd.DataFrame,
    *,
    treatment: str,
    block: str | Sequence[str],
    score: str,
    rope: float = 0.005,
    seed: int = 0,
    against: Any = None,
    minimize: bool = False,
) -> pd.DataFrame:
    """Return one row per pair of levels: the chance that b is better, practically the same, or worse than a.

    Args:
        block: column or columns that say which scores belong together.
        rope: half the width of the region of practical equivalence, in units of *score*: a difference of at most that
            much would change no decision. 0: no region, only better or worse.
        seed: of the draws; the chances are exact to about 0.004.
        against: one level that all others are compared with, as in ``compare``.
        minimize: less of *score* is better.

    Returns:
        ``p_better``, ``p_equivalent``, ``p_worse`` (they add up to 1) and a ``verdict``; NaN with fewer than
        three pairs. Without two levels that have scores: no row, and ``attrs["verdict"]`` says why.

    Raises:
        ValueError: a column or level is missing, no block is named, a score is infinite, or *rope* is negative.
    """
    blocks = as_list(block)
    if not blocks:
        raise ValueError("practical equivalence is judged within blocks, but no block was given: name the columns")
    if not rope >= 0:
        raise ValueError(f"rope must be 0 or more, in units of {score!r}, but got {rope}")
    used = usable_rows(table, treatment, blocks, score, against)
    rows = []
    for a, b, sample in samples(used, treatment, blocks, score, against):
        n = len(sample.a)
        row = {"treatment": treatment, "score": score, "a": a, "b": b, "rope": rope} | sample.described()
        row |= dict.fromkeys(["p_better", "p_equivalent", "p_worse"], float("nan"))
        if n >= LEAST:
            draws = _kept(n, seed) if n <= KEPT else _drawn(n, seed)
            chances = chances_of(differences(sample.a, sample.b), rope, draws)
            names = ["p_worse", "p_equivalent", "p_better"]
            row |= dict(zip(names[::-1] if minimize else names, chances, strict=True))
        rows.append(row | {"verdict": equivalence_sentence(row, SURE, LEAST, minimize=minimize)})
    return table_of_pairs(rows, COLUMNS, treatment, sorted_levels(used, treatment), against)


@lru_cache(maxsize=4)
def _kept(n: int, seed: int) -> list[np.ndarray]:
    return list(_drawn(n, seed))


def _drawn(n: int, seed: int) -> Iterator[np.ndarray]:
    """Yield all Dirichlet weights for *n* pairs, in pieces of (n + 1) × draws."""
    rng, at_once = np.random.default_rng([seed, n]), max(1, min(AT_ONCE, 2_000_000 // n))
    for begun in range(0, DRAWS, at_once):
        draws = rng.dirichlet([PRIOR] + [1.0] * n, size=min(at_once, DRAWS - begun))
        yield np.ascontiguousarray(draws.T)


def chances_of(gains: np.ndarray, rope: float, draws: Iterable[np.ndarray]) -> tuple[float, float, float]:
    """Return the chances that differences *gains* are below, inside and above ±*rope*; inside is 0 without a region.

    *draws*: pieces of weights, (n + 1) × draws; the first row weighs the pseudo-difference of 0.
    """
    gains = np.concatenate([[0.0], gains])
    order = np.argsort(gains)
    gains = gains[order]
    above, below = (_partners(gains, border) for border in (2 * rope, -2 * rope))
    won = np.zeros(3)
    for piece in draws:
        weights = piece[order]
        sums = np.zeros((len(weights) + 1, weights.shape[1]))
        for i, row in enumerate(weights):  # numpy's cumsum of columns takes three times as long
            np.add(sums[i], row, out=sums[i + 1])
        p_above = 1 - np.einsum("ij,ij->j", weights, sums[above[0]] + sums[above[1]]) / 2
        p_below = np.einsum("ij,ij->j", weights, sums[below[0]] + sums[below[1]]) / 2
        inside = 1 - p_above - p_below if rope else np.full(len(p_above), -1.0)
        chances = np.array([p_below, inside, p_above])
        largest = chances >= chances.max(axis=0) - 1e-12
        won += (largest / largest.sum(axis=0)).sum(axis=1)
    return tuple(map(float, won / won.sum()))


def _partners(ordered: np.ndarray, border: float) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each value, how many of *ordered* make a sum with it that is below, and at most, *border*."""
    reach = np.round(border - ordered, 12)
    return np.searchsorted(ordered, reach, side="left"), np.searchsorted(ordered, reach, side="right")
