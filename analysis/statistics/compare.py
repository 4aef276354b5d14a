"""Pairwise comparisons of the levels of a treatment: test, effect, interval, correction, and a verdict in words.

Always b minus a. Several scores of a level within a block are averaged first; a block that lacks one of the two levels
is named in ``incomplete`` and left out. Blocks that share images (folds of one data set, seeds on one split) are not
independent, so a small p speaks about these blocks and the training noise, not about new data.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.closed import MOST_LEVELS
from analysis.statistics.closed_families import ClosedFamilies
from analysis.statistics.closed_family import CLOSED_TESTS, ClosedFamily, closed_family
from analysis.statistics.corrections import CLOSED, NAMES, check_alpha, check_correction, correct, needed_n
from analysis.statistics.effect_sizes import (
    cliffs_delta,
    mean_paired,
    rank_biserial,
    shift_paired,
    shift_unpaired,
    superiority,
)
from analysis.statistics.formatting import table_of_pairs, verdict_sentence
from analysis.statistics.looks import Look, LookedFamily, direction, looked_family
from analysis.statistics.permutation_null import DRAWS
from analysis.statistics.rank_tests import TESTS
from analysis.statistics.samples import Sample, Scores, arranged, as_list, usable_rows

MEASURES = {
    "signed_rank": ("matched-pairs rank-biserial", rank_biserial, "Hodges-Lehmann, b - a", shift_paired),
    "paired_t": ("matched-pairs rank-biserial", rank_biserial, "mean, b - a", mean_paired),
    "mann_whitney": ("Cliff's delta", cliffs_delta, "Hodges-Lehmann, b - a", shift_unpaired),
    "rank_sum": ("Cliff's delta", cliffs_delta, "Hodges-Lehmann, b - a", shift_unpaired),
}
"""Test → effect name, effect, difference name, difference with its interval."""

TOO_MANY_LEVELS = f"Holm: closed testing is done for at most {MOST_LEVELS} levels"
COLUMNS = [
    "treatment", "score", "a", "b", "n", "n_a", "n_b", "test", "statistic", "p", "p_adjusted", "correction",
    "family", "family_size", "floor", "floor_adjusted", "needed_n", "effect", "effect_name", "superiority",
    "difference", "difference_name", "low", "high", "repeats", "incomplete", "verdict",
    "procedure", "direction", "n_shown",
]  # fmt: skip


def compare(
    table: pd.DataFrame,
    *,
    treatment: str,
    block: str | Sequence[str] | None = None,
    score: str,
    test: str | None = None,
    correction: str | None = CLOSED,
    family: str | None = None,
    alpha: float = 0.05,
    against: Any = None,
    looks: Sequence[Look] = (),
) -> pd.DataFrame:
    """Return one row per pair of levels of *treatment*; a and b are in sorted order and every sign is b minus a.

    Args:
        table: a row per trial. A row without a score or a level is not used.
        block: column or columns that say which scores belong together (paired); None: unpaired. A row without a value
            in one of them is left out, and counted in ``incomplete``.
        test: default ``signed_rank`` with blocks, ``mann_whitney`` without. ``mann_whitney`` and ``rank_sum`` compare
            independent groups: the verdict says that they ignore *block*, if one is given.
        correction: ``"closed"`` (see ``closed``; more than ``MOST_LEVELS`` levels: Holm, and ``procedure`` says so),
            ``"holm"``, ``"bh"`` or None, within the pairs of this call: one question, one family. Several comparisons
            by ``paired_t`` or ``rank_sum`` need one of the last three.
        family: the name of that family.
        alpha: level of the verdicts; intervals have confidence 1 - *alpha*, each for its own comparison.
        against: one level (the default, the baseline) that all others are compared with: it is a in every row, and
            the family is one smaller than the number of levels. Name it before looking at the scores.
        looks: the looks that were followed by an extension, and the present one (see ``looks``). None: *table* is of
            one look at a plan that was carried out.

    Without two levels that have scores there is no row, and ``attrs["verdict"]`` says why.

    Raises:
        ValueError: an unknown test, correction, column or level, a paired test without *block*, closed testing of
            several comparisons by a test that has none for more than two levels, a score that is no number or
            infinite, an *alpha* that is no chance, times of *looks* that do not grow up to 1, or a *table* that is no
            DataFrame.
    """
    blocks = as_list(block)
    test = test or ("signed_rank" if blocks else "mann_whitney")
    _check(test, correction, alpha, paired=bool(blocks))
    _check_looks(looks)
    used = usable_rows(table, treatment, blocks, score, against)
    ignored = f"; blocks ignored: {', '.join(blocks)}" if blocks and not TESTS[test].paired else ""
    blocks = [] if ignored else blocks
    scores = arranged(used, treatment, blocks, score)
    rows = measured(scores, test=test, alpha=alpha, against=against)
    family, closed, pairs = family or f"{treatment} -> {score}", None, _tested_pairs(rows)
    if correction == CLOSED and len(pairs) > 1:
        _check_closed(test, len(pairs))
        closed = closed_family(scores, test, pairs)
    looked = None
    if pairs and any(look != Look() for look in looks):
        of_looks = [used if look.rows is None else used[used.index.isin(look.rows)] for look in looks[:-1]]
        before = [arranged(each, treatment, blocks, score) for each in of_looks]
        earlier = [measured(each, test=test, alpha=alpha, against=against) for each in before]
        by = "holm" if correction == CLOSED and len(pairs) > 1 and closed is None else correction
        looked = looked_family(
            [*earlier, rows], looks, [*before, scores], test=test, correction=by, alpha=alpha, closed=closed
        )
    how = {"test": test, "correction": correction, "family": family, "alpha": alpha}
    corrected = correct_family(rows, **how, closed=closed, looked=looked)
    rows = [row | {"verdict": row["verdict"] + ignored} for row in corrected]
    return table_of_pairs(rows, COLUMNS, treatment, scores.levels, against)


def measured(scores: Scores, *, test: str, alpha: float, against: Any = None) -> list[dict]:
    """Return the row of each pair of levels before correction."""
    return [
        {"treatment": scores.treatment, "score": scores.score, "a": a, "b": b} | _measure(sample, test, alpha)
        for a, b, sample in scores.pairs(against)
    ]


def _check(test: str, correction: str | None, alpha: float, *, paired: bool) -> None:
    if test not in TESTS:
        raise ValueError(f"test must be one of {list(TESTS)}, but got {test!r}")
    check_correction(correction)
    if TESTS[test].paired and not paired:
        raise ValueError(f"{test} compares within blocks, but no block was given: give one, or use mann_whitney")
    check_alpha(alpha)


def _check_looks(looks: Sequence[Look]) -> None:
    times = [look.time for look in looks]
    if not all(0 < time <= 1 for time in times) or times != sorted(times):
        raise ValueError(f"the times of looks must be above 0, at most 1 and never fall, but got {times}")


def _check_closed(test: str, comparisons: int) -> None:
    if test not in CLOSED_TESTS:
        raise ValueError(
            f"closed testing of {comparisons} comparisons needs a test that extends to more than two levels, one of "
            f"{list(CLOSED_TESTS)}, but got {test!r}: give correction='holm'"
        )


def _check_draws(closed: ClosedFamily | ClosedFamilies, alpha: float) -> None:
    if alpha < closed.smallest:
        raise ValueError(
            f"closed testing of these comparisons by {DRAWS:,} draws of labels needs an alpha of {closed.smallest:.2g} "
            f"or more, but got {alpha:g}: give correction='holm'"
        )


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


def _tested_pairs(rows: list[dict]) -> list[tuple]:
    return [(row["a"], row["b"]) for row in rows if not np.isnan(row["p"])]


def correct_family(
    rows: list[dict],
    *,
    test: str,
    correction: str | None,
    family: str,
    alpha: float,
    closed: ClosedFamily | ClosedFamilies | None = None,
    looked: LookedFamily | None = None,
) -> list[dict]:
    """Return *rows* of ``measured``, all of one *test*, corrected within one family, with the verdict in words.

    Added are p_adjusted, correction, family, family_size, floor_adjusted, needed_n, procedure, direction (1: b is
    higher by the test, -1: lower), n_shown (the n of the look whose test shows it) and verdict. A comparison that was
    not tested (p NaN) does not count in the family, and has no needed n. *closed*: the comparisons that were
    tested, in their order, for closed testing of two or more; None: of too many levels, so that Holm takes its place.
    *looked*: the same comparisons over several looks, where there were any.

    Raises:
        ValueError: an unknown correction, or an *alpha* that closed testing cannot resolve.
    """
    p, own_floors = (np.array([row[name] for row in rows], dtype=float) for name in ("p", "floor"))
    tested = ~np.isnan(p)
    p_adjusted, floors, needed = np.full((3, len(rows)), np.nan)
    size = int(tested.sum())
    procedure = NAMES[correction] if size > 1 else "nothing to correct"
    if correction == CLOSED and size > 1 and closed is None:
        correction, procedure = "holm", TOO_MANY_LEVELS
    if correction == CLOSED and size > 1:
        _check_draws(closed, alpha)
        procedure = closed.described()
        p_adjusted[tested], floors[tested] = closed.adjusted_p(p[tested]), closed.floors(0, alpha)
        needed[tested] = closed.needed_n(alpha)
    elif tested.any():
        by_p = None if size == 1 else correction
        p_adjusted, floors = correct(p, by_p), correct(own_floors, by_p)
        sizes = np.array([(row["n_a"], row["n_b"]) for row in rows])[tested]
        needed[tested] = needed_n(TESTS[test].floor, sizes, by_p, alpha)
    if looked:
        p_adjusted[tested], floors[tested] = looked.adjusted_p(), looked.floors()
        needed[tested] = looked.needed(needed[tested])
        procedure = "; ".join(filter(None, [procedure, looked.described()]))
    shared = {"correction": correction, "family": family, "family_size": size, "procedure": procedure}
    shared["looks"] = len(looked.times) if looked else 1
    needed_of = [n if np.isnan(n) else int(n) for n in needed]
    ways, n_shown = [direction(row) for row in rows], [row["n"] for row in rows]
    if looked:
        for i, pair in enumerate(np.flatnonzero(tested)):
            ways[pair], n_shown[pair] = looked.shown(i)
    corrected = [
        row | shared | {"direction": way, "n_shown": shown, "p_adjusted": p, "floor_adjusted": floor, "needed_n": n}
        for row, way, shown, p, floor, n in zip(rows, ways, n_shown, p_adjusted, floors, needed_of, strict=True)
    ]
    return [row | {"verdict": verdict_sentence(row, TESTS[test].least, alpha)} for row in corrected]
