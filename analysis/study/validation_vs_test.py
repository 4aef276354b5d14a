"""Validation against test: does validation rank configurations alike, what does its choice lose, how optimistic is it?

The choice is always by validation; test scores choose nothing.
"""

import math

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.correlate import LEAST, correlate
from analysis.statistics.effect_sizes import mean_paired
from analysis.statistics.formatting import equals, number, plural, signed
from analysis.study.audit_checks import NAN, Check, quoted_name, unknown_check
from analysis.study.cell_means import (
    adjusted_means,
    rank_configurations,
    test_column,
    unequal_blocks,
    unequal_blocks_note,
)
from analysis.study.leaderboard import leaderboard

RANKS, RANKS_TRIALS = "rank correlation over configurations", "rank correlation over trials"
REGRET, RANK, GAP, OPTIMISM = "regret", "test rank of the pick", "gap of the winner", "optimism"
_NAMES = (RANKS, RANKS_TRIALS, REGRET, RANK, GAP, OPTIMISM)


def validation_checks(tables: Tables, cells: pd.DataFrame) -> list[Check]:
    """Return the checks of validation against test; each is a row, NaN with a reason where it cannot be computed.

    *cells* are the study's ``cell_means``.
    """
    if cells["test"].notna().sum() == 0:
        why = "No complete trial has a test score" if len(cells) else "No trial is complete"
        return [unknown_check(name, f"{why}: there is nothing to hold validation against.") for name in _NAMES]
    winner, scored = rank_configurations(cells).index[0], cells.dropna(subset=["test"])
    rows = _rows(scored, winner)
    ranks, trials = rank_correlation(RANKS, rows, "configuration"), _over_trials(tables, scored["block"].nunique() > 1)
    if winner not in rows.index:
        name = quoted_name(cells.loc[cells["key"] == winner, "configuration"].iloc[0])
        sentence = f"The winner by validation, {name}, has no test score: what it is worth on test is unknown."
        return [_cautioned(ranks, scored), trials, *(unknown_check(check, sentence, len(rows)) for check in _NAMES[2:])]
    regret, rank, optimism = (_cautioned(check, scored) for check in (*_regret(rows), _optimism(tables, rows)))
    return [_cautioned(ranks, scored), trials, regret, rank, _gap(scored, winner), optimism]


def _rows(scored: pd.DataFrame, winner: str) -> pd.DataFrame:
    """Return key → configuration, validation, test with block effects taken out; *winner* first, if it is there."""
    rows = pd.DataFrame(
        {
            "configuration": scored.groupby("key", sort=False)["configuration"].first(),
            "validation": adjusted_means(scored, "validation"),
            "test": adjusted_means(scored, "test"),
        }
    )
    return rows.loc[sorted(rows.index, key=lambda key: key != winner)]


def _cautioned(check: Check, scored: pd.DataFrame) -> Check:
    return check if math.isnan(check.value) else check._replace(sentence=check.sentence + unequal_blocks_note(scored))


def _trials(tables: Tables) -> pd.DataFrame:
    ranked = leaderboard(tables)
    scores = {"validation": ranked["objective"].astype(float), "test": ranked[test_column(tables)].astype(float)}
    return pd.DataFrame(scores).dropna()


def _over_trials(tables: Tables, several_blocks: bool) -> Check:
    check = rank_correlation(RANKS_TRIALS, _trials(tables), "trial")
    mixed = " Easy and hard blocks are part of it." if several_blocks and not math.isnan(check.value) else ""
    return check._replace(sentence=check.sentence + mixed)


def rank_correlation(name: str, rows: pd.DataFrame, what: str) -> Check:
    """Return Spearman's r of the columns *validation* and *test* with the interval of Bonett and Wright (2000)."""
    n, over = len(rows), f"Over {plural(len(rows), what)}"
    if n < LEAST:
        return unknown_check(name, f"{over} no rank correlation can be computed: it needs {LEAST}.", n)
    constant = " and ".join(split for split in ("validation", "test") if rows[split].nunique() == 1)
    if constant:
        return unknown_check(name, f"{over} all {constant} scores are equal: there is no ranking.", n)
    correlation = correlate(rows[["validation"]], rows["test"], ("spearman",), correction=None).iloc[0]
    r, low, high, p = (float(correlation[name]) for name in ("r", "low", "high", "p"))
    if math.isnan(low):
        meaning = "they rank exactly alike" if r > 0 else "they rank exactly the other way round"
        sentence = f"{over} the rank correlation is {signed(r, 2)} (p {equals(p)}): {meaning}."
        return Check(name, r, low, high, n, sentence)
    goes = "higher validation goes with {} test".format("higher" if low > 0 else "lower")
    meaning = goes if low > 0 or high < 0 else "validation is not shown to rank test"
    interval = f"95 % interval {signed(low, 2)} to {signed(high, 2)}"
    sentence = f"{over} the rank correlation of validation and test is {signed(r, 2)} ({interval}): {meaning}."
    return Check(name, r, low, high, n, sentence)


def _regret(rows: pd.DataFrame) -> list[Check]:
    """Return what the pick of validation loses on test against the best by test, and its rank there."""
    k, pick, best = len(rows), rows.iloc[0], rows.loc[rows["test"].idxmax()]
    if k < 2:
        sentence = "There is one configuration with a test score: nothing was picked."
        return [unknown_check(REGRET, sentence, k), unknown_check(RANK, sentence, k)]
    value, rank = float(best["test"] - pick["test"]), int((rows["test"] > pick["test"]).sum()) + 1
    outcome = f"and none of the {k} configurations is better on test"
    if value:
        highest = f"{quoted_name(best['configuration'])}; partly luck, since it is the best of {k}"
        outcome = f"which is {number(value)} below the best by test ({highest})"
    sentence = f"Validation picks {quoted_name(pick['configuration'])}, {outcome}."
    place = "best" if rank == 1 else "worst" if rank == k else f"number {rank}"
    ranked = f"By test, the pick of validation is the {place} of {k} configurations."
    return [Check(REGRET, value, NAN, NAN, k, sentence), Check(RANK, rank, NAN, NAN, k, ranked)]


def _gap(scored: pd.DataFrame, winner: str) -> Check:
    """Return validation minus test of the winner by validation, with Student's interval over its blocks."""
    own = scored[scored["key"] == winner]
    n = len(own)
    estimate = mean_paired(own["test"].to_numpy(), own["validation"].to_numpy())
    sure = f"95 % interval {signed(estimate.low)} to {signed(estimate.high)}" if n > 1 else "one block: no interval"
    sentence = (
        f"The winner {quoted_name(own['configuration'].iloc[0])} has {number(own['validation'].mean())} on validation "
        f"and {number(own['test'].mean())} on test, a gap of {signed(estimate.value)} ({sure}, n = {n})."
    )
    if unequal_blocks(scored):
        sentence += " Configurations ran on different blocks; these are plain means over the winner's own."
    return Check(GAP, estimate.value, estimate.low, estimate.high, n, sentence)


def _optimism(tables: Tables, rows: pd.DataFrame) -> Check:
    """Return the winner's gap less the mean gap of all trials: how much choosing the highest score adds."""
    trials = _trials(tables)
    if len(rows) < 2:
        sentence = "There is one configuration with a test score: choosing it added nothing."
        return unknown_check(OPTIMISM, sentence, len(trials))
    of_all = float((trials["validation"] - trials["test"]).mean())
    of_winner = float(rows["validation"].iloc[0] - rows["test"].iloc[0])
    value = of_winner - of_all
    more = f"{'more' if value > 0 else 'less'} than usual ({signed(value)})" if abs(value) >= 5e-4 else "as usual"
    sentence = (
        f"Validation exceeds test by {signed(of_winner)} for the winner and by {signed(of_all)} in the mean of "
        f"{plural(len(trials), 'trial')}: the winner's gap is {more}."
    )
    return Check(OPTIMISM, value, NAN, NAN, len(trials), sentence)
