"""Pairwise comparisons of the levels of a treatment: test, effect, interval, correction, and a verdict in words.

Always b minus a. Several scores of a level within a block are averaged first; a block that lacks one of the two levels
is named in ``incomplete`` and left out. Blocks that share images (folds of one data set, seeds on one split) are not
independent, so a small p speaks about these blocks and the training noise, not about new data.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.corrections import check_alpha, check_correction, correct, needed_n
from analysis.statistics.effect_sizes import (
    cliffs_delta,
    mean_paired,
    rank_biserial,
    shift_paired,
    shift_unpaired,
    superiority,
)
from analysis.statistics.formatting import table_of_pairs, verdict_sentence
from analysis.statistics.rank_tests import TESTS
from analysis.statistics.samples import Sample, as_list, samples, sorted_levels, usable_rows

MEASURES = {
    "signed_rank": ("matched-pairs rank-biserial", rank_biserial, "Hodges-Lehmann, b - a", shift_paired),
    "paired_t": ("matched-pairs rank-biserial", rank_biserial, "mean, b - a", mean_paired),
    "mann_whitney": ("Cliff's delta", cliffs_delta, "Hodges-Lehmann, b - a", shift_unpaired),
    "rank_sum": ("Cliff's delta", cliffs_delta, "Hodges-Lehmann, b - a", shift_unpaired),
}
"""Test → effect name, effect, difference name, difference with its interval."""

COLUMNS = [
    "treatment", "score", "a", "b", "n", "n_a", "n_b", "test", "statistic", "p", "p_adjusted", "correction",
    "family", "family_size", "floor", "floor_adjusted", "needed_n", "effect", "effect_name", "superiority",
    "difference", "difference_name", "low", "high", "repeats", "incomplete", "verdict",
]  # fmt: skip


def compare(
    table: pd.DataFrame,
    *,
    treatment: str,
    block: str | Sequence[str] | None = None,
    score: str,
    test: str | None = None,
    correction: str | None = "holm",
    family: str | None = None,
    alpha: float = 0.05,
    against: Any = None,
) -> pd.DataFrame:
    """Return one row per pair of levels of *treatment*; a and b are in sorted order and every sign is b minus a.

    Args:
        table: a row per trial. A row without a score or a level is not used.
        block: column or columns that say which scores belong together (paired); None: unpaired. A row without a value
            in one of them is left out, and counted in ``incomplete``.
        test: default ``signed_rank`` with blocks, ``mann_whitney`` without. ``mann_whitney`` and ``rank_sum`` compare
            independent groups: the verdict says that they ignore *block*, if one is given.
        correction: ``"holm"``, ``"bh"`` or None, within the pairs of this call: one question, one family.
        family: the name of that family.
        alpha: level of the verdicts; intervals have confidence 1 - *alpha*, each for its own comparison.
        against: one level (the default, the baseline) that all others are compared with: it is a in every row, and
            the family is one smaller than the number of levels. Name it before looking at the scores.

    Without two levels that have scores there is no row, and ``attrs["verdict"]`` says why.

    Raises:
        ValueError: an unknown test, correction, column or level, a paired test without *block*, a score that is no
            number or infinite, an *alpha* that is no chance, or a *table* that is no DataFrame.
    """
    blocks = as_list(block)
    test = test or ("signed_rank" if blocks else "mann_whitney")
    _check(test, correction, alpha, paired=bool(blocks))
    used = usable_rows(table, treatment, blocks, score, against)
    ignored = f"; blocks ignored: {', '.join(blocks)}" if blocks and not TESTS[test].paired else ""
    rows = measured(used, treatment, [] if ignored else blocks, score, test=test, alpha=alpha, against=against)
    family = family or f"{treatment} -> {score}"
    corrected = correct_family(rows, test=test, correction=correction, family=family, alpha=alpha)
    rows = [row | {"verdict": row["verdict"] + ignored} for row in corrected]
    return table_of_pairs(rows, COLUMNS, treatment, sorted_levels(used, treatment), against)


def measured(
    used: pd.DataFrame,
    treatment: str,
    blocks: Sequence[str],
    score: str,
    *,
    test: str,
    alpha: float,
    against: Any = None,
) -> list[dict]:
    """Return the row of each pair of levels of *used* (see ``usable_rows``) before correction."""
    return [
        {"treatment": treatment, "score": score, "a": a, "b": b} | _measure(sample, test, alpha)
        for a, b, sample in samples(used, treatment, blocks, score, against)
    ]


def _check(test: str, correction: str | None, alpha: float, *, paired: bool) -> None:
    if test not in TESTS:
        raise ValueError(f"test must be one of {list(TESTS)}, but got {test!r}")
    check_correction(correction)
    if TESTS[test].paired and not paired:
        raise ValueError(f"{test} compares within blocks, but no block was given: give one, or use mann_whitney")
    check_alpha(alpha)


def _measure(sample: Sample, test: str, alpha: float) -> dict:
    chosen, (effect_name, effect, difference_name, difference) = TESTS[test], MEASURES[test]
    row = sample.described() | {"test": test, "paired": chosen.paired}
    row |= {"effect_name": effect_name, "difference_name": difference_name}
    row |= dict.fromkeys(_MEASURED, float("nan"))
    if row["n"]:
        row["difference"], row["low"], row["high"] = difference(sample.a, sample.b, 1 - alpha)
        row["effect"] = effect(sample.a, sample.b)
        row["superiority"] = superiority(sample.a, sample.b, paired=chosen.paired)
    if row["n"] >= chosen.least:
        row["statistic"], row["p"] = chosen.run(sample.a, sample.b)
        row["floor"] = chosen.floor(row["n_a"], row["n_b"])
    return row


_MEASURED = ("statistic", "p", "floor", "effect", "superiority", "difference", "low", "high")


def correct_family(rows: list[dict], *, test: str, correction: str | None, family: str, alpha: float) -> list[dict]:
    """Return *rows* of ``measured``, all of one *test*, corrected within one family, with the verdict in words.

    Added are p_adjusted, correction, family, family_size, floor_adjusted, needed_n and verdict. A comparison that was
    not tested (p NaN) does not count in the family, and has no needed n.
    """
    adjusted = correct([row["p"] for row in rows], correction)
    floors = correct([row["floor"] for row in rows], correction)
    tested = ~np.isnan(adjusted)
    needed = np.full(len(rows), np.nan)
    if tested.any():
        sizes = np.array([(row["n_a"], row["n_b"]) for row in rows])[tested]
        needed[tested] = needed_n(TESTS[test].floor, sizes, correction, alpha)
    shared = {"correction": correction, "family": family, "family_size": int(tested.sum())}
    corrected = [
        row | shared | {"p_adjusted": p, "floor_adjusted": floor, "needed_n": n if np.isnan(n) else int(n)}
        for row, p, floor, n in zip(rows, adjusted, floors, needed, strict=True)
    ]
    return [row | {"verdict": verdict_sentence(row, TESTS[test].least, alpha)} for row in corrected]
