"""Whether the search beat the configuration that it began with.

On validation its winner is the highest of many, so that being ahead there proves little; test is what counts.
"""

from typing import NamedTuple

import pandas as pd

from analysis.reading.collect import Tables
from analysis.statistics.formatting import number, signed
from analysis.statistics.measures import mean_paired
from analysis.study.cells import caution, ranking, unequal_blocks
from analysis.study.checks import NAN, Check, named, unknown
from analysis.study.layout import adjusted_means
from analysis.study.leaderboard import default_rows, parameter_texts, standings, varying

ON_VALIDATION, ON_TEST = "winner against default, validation", "winner against default, test"
UNEVEN = (
    " Configurations ran on different blocks: the winner is the highest with the effects of blocks taken out, and is "
    "held against the default on the blocks that they share."
)


class Default(NamedTuple):
    """The configuration that a study began with."""

    key: str
    how: str
    """What it is and how that is known, as it stands in a sentence."""


def default_configuration(tables: Tables) -> Default | None:
    """Return the default configuration among complete trials; None where nothing tells which one it is.

    The study may name it; else it is the one without sampled parameters; else that of the trial that
    started first, because a search begins with its default.
    """
    ranked = standings(tables)
    if tables.default is not None:
        own = ranked[default_rows(tables, ranked)]
        return (
            Default(own["config_hash"].iloc[0], _called(tables, own, "the default configuration")) if len(own) else None
        )
    bare = ranked[ranked[list(tables.parameters)].isna().all(axis=1)]
    if len(bare) and tables.parameters:
        return Default(bare["config_hash"].iloc[0], "the configuration without sampled parameters")
    started = tables.trials["started"].dropna()
    if started.empty:
        return None
    first = tables.trials.loc[started.sort_values(kind="stable").index[0]]
    own = ranked[ranked["config_hash"] == first["config_hash"]]
    if own.empty:
        return None
    how = _called(tables, own, f"the configuration of the first trial, {first['trial']},")
    return Default(own["config_hash"].iloc[0], how)


def _called(tables: Tables, own: pd.DataFrame, how: str) -> str:
    """Return *how* with the parameters in which *own*, the trials of one configuration, differ from others."""
    text = parameter_texts(own.head(1), varying(tables))[0]
    return f"{how} {named(text)}" if text else how


def default_beaten(tables: Tables, held: pd.DataFrame) -> list[Check]:
    """Return by how much the winner by validation is ahead of the default, on validation and on test.

    Paired over the blocks that both ran on, with Student's interval of the mean; else a difference of means, the
    effects of blocks taken out as far as blocks are shared. *held* are the study's ``cells``.
    """
    default = default_configuration(tables)
    if held.empty or default is None:
        why = "No trial is complete" if held.empty else "Nothing tells which configuration is the default"
        why += "" if held.empty else ", or no trial of it is complete"
        return [unknown(name, f"{why}: whether it was beaten is unknown.") for name in (ON_VALIDATION, ON_TEST)]
    winner = ranking(held).index[0]
    if winner == default.key:
        alone = held["key"].nunique() == 1
        what = "is the only one" if alone else "is the highest by validation: nothing beat it"
        sentence = f"{default.how} {what}.{caution(held)}"
        return [Check(name, NAN, NAN, NAN, 0, sentence[0].upper() + sentence[1:]) for name in (ON_VALIDATION, ON_TEST)]
    return [_against(held, winner, default, name, split) for name, split in _SPLITS]


_SPLITS = [(ON_VALIDATION, "validation"), (ON_TEST, "test")]


def _against(held: pd.DataFrame, winner: str, default: Default, name: str, split: str) -> Check:
    known = held.dropna(subset=[split])
    own, other = known[known["key"] == winner], known[known["key"] == default.key]
    if own.empty or other.empty:
        return unknown(name, f"The winner or {default.how} has no {split} score: nothing to compare on {split}.")
    both = own.merge(other, on="block", suffixes=("", "_default")) if (known["block"] != "").all() else own.head(0)
    n = len(both)
    if n:
        value, low, high = mean_paired(both[f"{split}_default"].to_numpy(), both[split].to_numpy())
        held_against = both[f"{split}_default"].mean()
        blocks = f"{n} shared block{'s' if n > 1 else ''}"
        sure = f"95 % interval {signed(low)} to {signed(high)}, {blocks}" if n > 1 else f"{blocks}: no interval"
        uneven = UNEVEN if unequal_blocks(known) else ""
    else:
        adjusted = adjusted_means(known, split)
        value, low, high = float(adjusted[winner] - adjusted[default.key]), NAN, NAN
        held_against = adjusted[default.key]
        sure = "no shared block: a difference of means, without an interval"
        uneven = caution(known)
    luck = "; the winner was chosen by these scores, which flatters it" if split == "validation" else ""
    sentence = (
        f"On {split} the winner {named(own['configuration'].iloc[0])} has {signed(value)} against {default.how} "
        f"({number(held_against)}; {sure}): {_verdict(value, low, high)}{luck}.{uneven}"
    )
    return Check(name, value, low, high, n, sentence)


def _verdict(value: float, low: float, high: float) -> str:
    if low > 0:
        return "the default was beaten, if differences are normal"
    if high < 0:
        return "the default is better, if differences are normal"
    return "ahead, but not surely" if value > 0 else "not ahead"
