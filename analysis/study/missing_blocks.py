"""How many blocks are missing before every comparison of a question could be decided, and what they cost in time."""

import math
import shlex
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.formatting import plural
from analysis.study.leaderboard import block_texts, leaderboard

LEAST = 3
"""Blocks from which a study's own times are used to say what further ones cost."""
UNITS = (("days", 86400.0, 2 * 86400.0), ("h", 3600.0, 90 * 60.0), ("min", 60.0, 90.0), ("s", 1.0, 0.0))
"""Name of the unit, its seconds, and the seconds from which it is used."""


class TrialTimes(NamedTuple):
    """How long trials of a study took, from start to end."""

    seconds: float
    """Of a complete trial that was not interrupted, in the mean; NaN if none has both times."""
    side_by_side: float
    """How many trials ran at the same time, in the mean over the time in which any ran."""


def trial_times(trials: pd.DataFrame) -> TrialTimes:
    """Return the times of *trials* (of a trials table), from their starts and ends."""
    began, ended = (pd.to_datetime(trials[name], utc=True, format="ISO8601") for name in ("started", "finished"))
    seconds = (ended - began).dt.total_seconds()
    known = seconds > 0
    whole = known & (trials["status"] == "complete") & ~(trials["attempt"].astype(float) > 1)
    if not whole.any():
        return TrialTimes(float("nan"), float("nan"))
    first = began[known].min()
    starts, ends = ((each[known] - first).dt.total_seconds().to_numpy() for each in (began, ended))
    return TrialTimes(float(seconds[whole].mean()), float(seconds[known].sum() / _covered(starts, ends)))


def _covered(starts: np.ndarray, ends: np.ndarray) -> float:
    """Return the length of the union of the intervals: pauses between trials do not count."""
    order = np.argsort(starts)
    starts, reached = starts[order], np.maximum.accumulate(ends[order])
    gaps = np.maximum(starts[1:] - reached[:-1], 0).sum()
    return float(reached[-1] - starts[0] - gaps)


def extensible(undecidable: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the comparisons that more blocks can help: those with more than half of the *most* pairs.

    Of the others a race has dropped a level, or its trials failed, and an extension of the study gives it nothing.
    """
    return undecidable[undecidable["n"] > most / 2]


def missing_pairs(undecidable: pd.DataFrame) -> int:
    """Return how many more pairs (trials per level) the largest of these comparisons needs; 0: a few do not help.

    Where looks before an extension have used the level of a comparison, its ``needed_n`` is NaN.
    """
    needed = undecidable["needed_n"].max(skipna=False)
    return 0 if math.isnan(needed) else max(0, int(needed - undecidable["n"].min()))


def cost_sentence(tables: Tables, pairs: int, n: int) -> str:
    """Return what it costs to run as many further blocks as give *pairs* more pairs, and the command that does it.

    Empty where that is not known: fewer than ``LEAST`` blocks, no times, or no configuration that ran on most blocks.

    Args:
        pairs: how many pairs are missing.
        n: pairs that there are.
    """
    ranked = leaderboard(tables)
    texts = block_texts(tables, ranked)
    blocks = texts.nunique()
    runs = texts.groupby(ranked["config_hash"]).nunique()
    configurations, times = int((runs > blocks / 2).sum()), trial_times(tables.trials)
    if not pairs or blocks < LEAST or not configurations or math.isnan(times.seconds):
        return ""
    more = _whole_seeds(ranked, tables, math.ceil(pairs / max(1, n // blocks)))
    trials = more * configurations
    total = trials * times.seconds
    alone = f" (at {times.side_by_side:.0f} side by side, {duration(total / round(times.side_by_side))})"
    alone = alone if round(times.side_by_side) > 1 else ""
    command = (
        f": `rarepix study extend {shlex.quote(tables.study)} --blocks {more}`" if _can_be_extended(tables) else ""
    )
    return (
        f"{plural(more, 'more block')} of {plural(configurations, 'configuration')}: {plural(trials, 'trial')}, "
        f"about {duration(total)} of training{alone}{command}"
    )


def _whole_seeds(ranked: pd.DataFrame, tables: Tables, blocks: int) -> int:
    """Return the smallest number of new blocks, at least *blocks*, that runs every fold of the study with each seed."""
    folds = ranked["fold"].nunique() if "fold" in tables.block else 1
    return math.ceil(blocks / max(1, folds)) * max(1, folds)


def _can_be_extended(tables: Tables) -> bool:
    """Return whether this is one study of rarepix that does not run: neither a table of runs nor several studies."""
    trials = tables.trials
    recorded = trials["inventory_hash"].notna().any() and trials["study"].nunique() == 1
    return bool(recorded and not (trials["status"] == "running").any())


def duration(seconds: float) -> str:
    """Return *seconds* as a person says them: ``40 s``, ``12 min``, ``3.5 h``, ``2.3 days``."""
    name, unit = next((name, unit) for name, unit, least in UNITS if seconds >= least)
    return f"{seconds / unit:.{1 if name in ('h', 'days') else 0}f} {name}"
