"""Table of effect sizes, a row per pair of levels, always b minus a; each interval is for its own comparison."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.bootstrap import mean_difference_interval, mean_interval
from analysis.statistics.corrections import check_alpha
from analysis.statistics.effect_sizes import cliffs_delta, rank_biserial, shift_paired, shift_unpaired, superiority
from analysis.statistics.formatting import table_of_pairs
from analysis.statistics.rank_tests import differences
from analysis.statistics.samples import as_list, samples, sorted_levels, usable_rows

COLUMNS = [
    "treatment", "score", "a", "b", "paired", "n", "n_a", "n_b", "mean", "mean_low", "mean_high", "median",
    "hodges_lehmann", "low", "high", "rank_biserial", "cliffs_delta", "superiority", "repeats", "incomplete",
]  # fmt: skip


def effects(
    table: pd.DataFrame,
    *,
    treatment: str,
    block: str | Sequence[str] | None = None,
    score: str,
    seed: int = 0,
    alpha: float = 0.05,
    against: Any = None,
) -> pd.DataFrame:
    """Return one row per pair of levels of *treatment* with everything that says how far b lies above a.

    Args:
        block: column or columns that say which scores belong together (paired); None: independent groups.
        seed: of the bootstrap.
        alpha: intervals have confidence 1 - *alpha*.
        against: one level that all others are compared with, as in ``compare``.

    Returns:
        ``mean`` with its BCa interval over blocks (``mean_low``, ``mean_high``); ``median`` of the paired differences
        (unpaired: difference of the medians); ``hodges_lehmann`` with the exact interval of its rank test (``low``,
        ``high``); ``rank_biserial`` (paired) or ``cliffs_delta`` (unpaired), the other one NaN; ``superiority``, the
        share of blocks in which b is higher, ties half (unpaired: A12). What n is too small for is NaN. Without two
        levels that have scores: no row, and ``attrs["verdict"]`` says why.

    Raises:
        ValueError: a column or level is missing, a score is no number or infinite, or *alpha* is no chance.
    """
    check_alpha(alpha)
    blocks = as_list(block)
    used = usable_rows(table, treatment, blocks, score, against)
    rows = [
        {"treatment": treatment, "score": score, "a": a, "b": b, "paired": bool(blocks)}
        | sample.described()
        | (_measure(sample.a, sample.b, bool(blocks), 1 - alpha, seed) if len(sample.a) and len(sample.b) else {})
        for a, b, sample in samples(used, treatment, blocks, score, against)
    ]
    return table_of_pairs(rows, COLUMNS, treatment, sorted_levels(used, treatment), against)


def _measure(a: np.ndarray, b: np.ndarray, paired: bool, confidence: float, seed: int) -> dict:
    if paired:
        gains = differences(a, b)
        mean, median = mean_interval(gains, confidence, seed=seed), np.median(gains)
        shift, effect = shift_paired(a, b, confidence), {"rank_biserial": rank_biserial(a, b)}
    else:
        mean, median = mean_difference_interval(a, b, confidence, seed=seed), np.median(b) - np.median(a)
        shift, effect = shift_unpaired(a, b, confidence), {"cliffs_delta": cliffs_delta(a, b)}
    return effect | {
        "mean": mean.value, "mean_low": mean.low, "mean_high": mean.high, "median": float(median),
        "hodges_lehmann": shift.value, "low": shift.low, "high": shift.high,
        "superiority": superiority(a, b, paired=paired),
    }  # fmt: skip
