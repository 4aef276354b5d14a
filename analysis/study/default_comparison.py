"""Whether the search beat the configuration that it began with.

On validation the winner is the highest of many scores, so being ahead there proves little; the test score counts.
"""

from typing import NamedTuple

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.effect_sizes import mean_paired
from analysis.statistics.formatting import number, signed
from analysis.study.audit_checks import NAN, Check, quoted_name, unknown_check
from analysis.study.block_effects import adjusted_means
from analysis.study.cell_means import rank_configurations, unequal_blocks, unequal_blocks_note
from analysis.study.leaderboard import default_rows, leaderboard, parameter_texts, varying

ON_VALIDATION, ON_TEST = "winner against default, validation", "winner against default, test"
UNEVEN = (
    " Configurations ran on different blocks: the winner is the highest with the effects of blocks taken out, and is "
    "held against the default on the blocks that they share."
)


class Default(NamedTuple):
    """The configuration that a study began with."""

    key: str
    how: str
    """What it is and how that is known, as part of a sentence."""


def default_configuration(tables: Tables) -> Default | None:
    """Return the default configuration among complete trials; None where nothing tells which one it is.

    The study may name it; else it is the one without sampled parameters; else that of the trial that
    started first, because a search begins with its default.
    """
    ranked = leaderboard(tables)
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
    return f"{how} {quoted_name(text)}" if text else how


def default_beaten(tables: Tables, cells: pd.DataFrame) -> list[Check]:
    """Return by how much the winner by validation is ahead of the default, on validation and on test.

    Paired over the blocks that both ran on, with Student's interval of the mean; else a difference of means, the
    effects of blocks taken out as far as blocks are shared. *cells* are the study's ``cell_means``.
    """
    default = default_configuration(tables)
    if cells.empty or default is None:
        why = "No trial is complete" if cells.empty else "Nothing tells which configuration is the default"
        why += "" if cells.empty else ", or no trial of it is complete"
        return [unknown_check(name, f"{why}: whether it was beaten is unknown.") for name in (ON_VALIDATION, ON_TEST)]
    winner = rank_configurations(cells).index[0]
    if winner == default.key:
        alone = cells["key"].nunique() == 1
        what = "is the only one" if alone else "is the highest by validation: nothing beat it"
        sentence = f"{default.how} {what}.{unequal_blocks_note(cells)}"
        return [Check(name, NAN, NAN, NAN, 0, sentence[0].upper() + sentence[1:]) for name in (ON_VALIDATION, ON_TEST)]
    return [_against(cells, winner, default, name, split) for name, split in _SPLITS]


_SPLITS = [(ON_VALIDATION, "validation"), (ON_TEST, "test")]


def _against(cells: pd.DataFrame, winner: str, default: Default, name: str, split: str) -> Check:
    known = cells.dropna(subset=[split])
    own, other = known[known["key"] == winner], known[known["key"] == default.key]
    if own.empty or other.empty:
        return unknown_check(name, f"The winner or {default.how} has no {split} score: nothing to compare on {split}.")
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
        uneven = unequal_blocks_note(known)
    flattered = "; the winner was chosen by these scores, which flatters it" if split == "validation" else ""
    sentence = (
        f"On {split} the winner {quoted_name(own['configuration'].iloc[0])} has {signed(value)} against {default.how} "
        f"({number(held_against)}; {sure}): {_verdict(value, low, high)}{flattered}.{uneven}"
    )
    return Check(name, value, low, high, n, sentence)


def _verdict(value: float, low: float, high: float) -> str:
    if low > 0:
        return "the default was beaten, if differences are normal"
    if high < 0:
        return "the default is better, if differences are normal"
    return "ahead, but not surely" if value > 0 else "not ahead"
