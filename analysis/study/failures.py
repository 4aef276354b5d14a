"""How many trials failed, were stopped or have no end, and under which parameter values trials fail more often."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from analysis.reading.tables import Tables
from analysis.statistics.corrections import holm
from analysis.statistics.formatting import and_more, as_text, equals, plural
from analysis.study.audit_checks import NAN, Check, unknown_check

BY_LEVEL = "failures by level"
MOST_LEVELS = 8
"""A number with more distinct values than this is split at its median into two levels."""
FEWEST = 2
"""Trials that a level must have to be tested."""


class Level(NamedTuple):
    """How often trials with one level of one parameter fail."""

    name: str
    failed: int
    trials: int
    p: float
    """Two-sided, Fisher's exact test against all other trials."""
    floor: float
    """The smallest p that these margins allow."""


def counts(tables: Tables) -> list[Check]:
    """Return how many trials failed, were stopped and have no end, of how many, and what is known of each."""
    return [_count(tables.trials, status, verbs) for status, verbs in _VERBS.items()]


def _count(trials: pd.DataFrame, status: str, verbs: tuple[str, str]) -> Check:
    name, own = f"{status} trials", trials[trials["status"] == status]
    if trials.empty:
        return unknown_check(name, "No trial could be read.")
    detail = and_more(own["trial"], 3)
    if status == "failed":
        kinds = own["error_type"].astype(object).fillna("no reason recorded").value_counts()
        detail = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    detail = f": {detail}" if detail else ""
    sentence = f"{len(own)} of {plural(len(trials), 'trial')} {verbs[len(own) != 1]}{detail}."
    return Check(name, len(own), NAN, NAN, len(trials), sentence)


_VERBS = {
    "failed": ("failed", "failed"),
    "stopped": ("was stopped early by the search", "were stopped early by the search"),
    "running": ("has no end on record (it runs, or was killed)", "have no end on record (they run, or were killed)"),
}
"""Status → verb for one trial, and for several."""


def failures_by_level(tables: Tables, alpha: float = 0.05) -> Check:
    """Return the share of failures under the level that stands out most, with Wilson's interval.

    Looked at is every level of every sampled parameter (numbers with many values: below and above the median) among
    trials that ended; it stands out most whose excess of failures has the smallest p. p is Fisher's exact, after Holm
    over all levels, and given only where one so small could have come out at all.
    """
    ended = tables.trials[tables.trials["status"].isin(["complete", "failed", "stopped"])]
    failed = (ended["status"] == "failed").to_numpy()
    if not failed.any() or failed.all():
        which = "No trial has ended" if ended.empty else "Every trial failed" if failed.all() else "No trial failed"
        return unknown_check(BY_LEVEL, f"{which}: no level can stand out.", len(ended))
    levels = [level for name in tables.parameters for level in _levels(ended[name], failed)]
    above = [level for level in levels if level.failed / level.trials > failed.mean()]
    if not above:
        return unknown_check(BY_LEVEL, f"No level with {FEWEST} trials fails more often than the others.", len(ended))
    adjusted = dict(zip(levels, holm([level.p for level in levels]), strict=True))
    worst = min(above, key=lambda level: (level.p, -level.failed / level.trials))
    interval = stats.binomtest(worst.failed, worst.trials).proportion_ci(method="wilson")
    sure = f"Fisher's exact p {equals(adjusted[worst])} after Holm over {plural(len(levels), 'level')}"
    if worst.floor * len(levels) > alpha:
        sure = f"too few trials to tell from chance among {plural(len(levels), 'level')}"
    elif adjusted[worst] > alpha:
        sure += ": may be chance"
    share = worst.failed / worst.trials
    sentence = (
        f"Failures stand out most under {worst.name}: {worst.failed} of {worst.trials} ({100 * share:.0f} %; of all "
        f"{100 * failed.mean():.0f} %; {sure})."
    )
    return Check(BY_LEVEL, share, float(interval.low), float(interval.high), worst.trials, sentence)


def _levels(values: pd.Series, failed: np.ndarray) -> list[Level]:
    """Return the levels of a parameter, except those that nearly no or nearly every trial has."""
    known, total = values.notna().to_numpy(), len(values)
    groups = {f"{values.name}={as_text(level)}": (values == level).to_numpy() for level in values.dropna().unique()}
    if len(groups) > MOST_LEVELS:
        if not pd.api.types.is_numeric_dtype(values.infer_objects()):
            return []
        middle = values[known].astype(float).median()
        upper = known & (values.astype(float) > middle).to_numpy()
        groups = {f"{values.name} > {as_text(middle)}": upper, f"{values.name} <= {as_text(middle)}": known & ~upper}
    if not known.all():
        groups[f"{values.name} not sampled"] = ~known
    return [_level(name, group, failed) for name, group in groups.items() if FEWEST <= group.sum() <= total - FEWEST]


def _level(name: str, group: np.ndarray, failed: np.ndarray) -> Level:
    inside, total, bad, own = int(group.sum()), len(group), int(failed.sum()), int((group & failed).sum())
    table = [[own, inside - own], [bad - own, total - inside - (bad - own)]]
    extremes = stats.hypergeom(total, bad, inside).pmf([max(0, inside + bad - total), min(inside, bad)])
    return Level(name, own, inside, float(stats.fisher_exact(table).pvalue), float(extremes.min()))
