"""Table of effect sizes with their intervals, a row per pair of levels.

Always b minus a. There is no p here and no correction: each interval is for its own comparison. The measures
and their sources are in ``effect_sizes`` and ``bootstrap``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.bootstrap import mean_difference_interval, mean_interval
from analysis.statistics.corrections import check_alpha
from analysis.statistics.effect_sizes import cliffs_delta, rank_biserial, shift_paired, shift_unpaired, superiority
from analysis.statistics.formatting import no_pairs_sentence
from analysis.statistics.rank_tests import differences
from analysis.statistics.samples import Sample, as_list, samples, sorted_levels, usable_rows

MEASURED = [
    "mean", "mean_low", "mean_high", "median", "hodges_lehmann", "low", "high", "rank_biserial", "cliffs_delta",
    "superiority",
]  # fmt: skip
COLUMNS = ["treatment", "score", "a", "b", "paired", "n", "n_a", "n_b", *MEASURED, "repeats", "incomplete"]


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
    rows = []
    for a, b, sample in samples(used, treatment, blocks, score, against):
        sizes = {"n": min(len(sample.a), len(sample.b)), "n_a": len(sample.a), "n_b": len(sample.b)}
        row = {"treatment": treatment, "score": score, "a": a, "b": b, "paired": bool(blocks)} | sizes
        row |= {"repeats": sample.repeats, "incomplete": "; ".join(sample.incomplete)}
        measure = _paired if blocks else _unpaired
        rows.append(row | (measure(sample, 1 - alpha, seed) if sizes["n"] else {}))
    measured = pd.DataFrame(rows, columns=COLUMNS)
    if measured.empty:
        measured.attrs["verdict"] = no_pairs_sentence(treatment, sorted_levels(used, treatment), against)
    return measured


def _paired(sample: Sample, confidence: float, seed: int) -> dict:
    gains = differences(sample.a, sample.b)
    mean, shift = mean_interval(gains, confidence, seed=seed), shift_paired(sample.a, sample.b, confidence)
    return {
        "mean": mean.value, "mean_low": mean.low, "mean_high": mean.high, "median": float(np.median(gains)),
        "hodges_lehmann": shift.value, "low": shift.low, "high": shift.high,
        "rank_biserial": rank_biserial(sample.a, sample.b), "cliffs_delta": float("nan"),
        "superiority": superiority(sample.a, sample.b, paired=True),
    }  # fmt: skip


def _unpaired(sample: Sample, confidence: float, seed: int) -> dict:
    mean = mean_difference_interval(sample.a, sample.b, confidence, seed=seed)
    shift = shift_unpaired(sample.a, sample.b, confidence)
    return {
        "mean": mean.value, "mean_low": mean.low, "mean_high": mean.high,
        "median": float(np.median(sample.b) - np.median(sample.a)),
        "hodges_lehmann": shift.value, "low": shift.low, "high": shift.high,
        "rank_biserial": float("nan"), "cliffs_delta": cliffs_delta(sample.a, sample.b),
        "superiority": superiority(sample.a, sample.b, paired=False),
    }  # fmt: skip
