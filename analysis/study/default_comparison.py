"""Whether the search beat the configuration that it began with.

On validation the winner is the highest of many scores, so being ahead there proves little; the test score counts.
"""

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.effect_sizes import mean_paired
from analysis.statistics.formatting import number, plural, signed
from analysis.study.audit_checks import NAN, Check, quoted_name, unknown_check
from analysis.study.cell_means import adjusted_means, rank_configurations, unequal_blocks, unequal_blocks_note
from analysis.study.leaderboard import default_rows, leaderboard, parameter_texts, varying

ON_VALIDATION, ON_TEST = "winner against default, validation", "winner against default, test"
UNEVEN = (
    " Configurations ran on different blocks: the winner is the highest with the effects of blocks taken out, and is "
    "held against the default on the blocks that they share."
)


def default_configuration(tables: Tables) -> tuple[str, str] | None:
    """Return key and description, as part of a sentence, of the default configuration among complete trials.

    The study may name it; else it is the one without sampled parameters; else that of the trial that
    started first, because a search begins with its default. None where nothing tells which one it is.
    """
    ranked = leaderboard(tables)
    bare = ranked[ranked[list(tables.parameters)].isna().all(axis=1)]
    started = tables.trials["started"].dropna().sort_values(kind="stable")
    if tables.default is not None:
        own, description = ranked[default_rows(tables, ranked)], "the default configuration"
    elif len(bare) and tables.parameters:
        return bare["config_hash"].iloc[0], "the configuration without sampled parameters"
    elif started.empty:
        return None
    else:
        first = tables.trials.loc[started.index[0]]
        own = ranked[ranked["config_hash"] == first["config_hash"]]
        description = f"the configuration of the first trial, {first['trial']},"
    if own.empty:
        return None
    differing = parameter_texts(own.head(1), varying(tables))[0]
    return own["config_hash"].iloc[0], f"{description} {quoted_name(differing)}" if differing else description


def default_beaten(tables: Tables, cells: pd.DataFrame) -> list[Check]:
    """Return by how much the winner by validation is ahead of the default, on validation and on test.

    Paired over the blocks that both ran on, with Student's interval of the mean; else a difference of means, the
    effects of blocks taken out as far as blocks are shared. *cells* are the study's ``cell_means``.
    """
    default = default_configuration(tables)
    if cells.empty or default is None:
        why = "Nothing tells which configuration is the default, or no trial of it is complete"
        why = "No trial is complete" if cells.empty else why
        return [unknown_check(name, f"{why}: whether it was beaten is unknown.") for name in (ON_VALIDATION, ON_TEST)]
    winner, (key, description) = rank_configurations(cells).index[0], default
    if winner == key:
        alone = cells["key"].nunique() == 1
        what = "is the only one" if alone else "is the highest by validation: nothing beat it"
        sentence = f"{description} {what}.{unequal_blocks_note(cells)}"
        return [Check(name, NAN, NAN, NAN, 0, sentence[0].upper() + sentence[1:]) for name in (ON_VALIDATION, ON_TEST)]
    splits = {ON_VALIDATION: "validation", ON_TEST: "test"}
    return [_against(cells, winner, key, description, name, split) for name, split in splits.items()]


def _against(cells: pd.DataFrame, winner: str, key: str, description: str, name: str, split: str) -> Check:
    known = cells.dropna(subset=[split])
    own, other = known[known["key"] == winner], known[known["key"] == key]
    if own.empty or other.empty:
        return unknown_check(name, f"The winner or {description} has no {split} score: nothing to compare on {split}.")
    both = own.merge(other, on="block", suffixes=("", "_default")) if (known["block"] != "").all() else own.head(0)
    n = len(both)
    if n:
        value, low, high = mean_paired(both[f"{split}_default"].to_numpy(), both[split].to_numpy())
        held_against = both[f"{split}_default"].mean()
        blocks = plural(n, "shared block")
        sure = f"95 % interval {signed(low)} to {signed(high)}, {blocks}" if n > 1 else f"{blocks}: no interval"
        uneven = UNEVEN if unequal_blocks(known) else ""
    else:
        adjusted = adjusted_means(known, split)
        value, low, high = float(adjusted[winner] - adjusted[key]), NAN, NAN
        held_against = adjusted[key]
        sure = "no shared block: a difference of means, without an interval"
        uneven = unequal_blocks_note(known)
    flattered = "; the winner was chosen by these scores, which flatters it" if split == "validation" else ""
    sentence = (
        f"On {split} the winner {quoted_name(own['configuration'].iloc[0])} has {signed(value)} against {description} "
        f"({number(held_against)}; {sure}): {_verdict(value, low, high)}{flattered}.{uneven}"
    )
    return Check(name, value, low, high, n, sentence)


def _verdict(value: float, low: float, high: float) -> str:
    if low > 0:
        return "the default was beaten, if differences are normal"
    if high < 0:
        return "the default is better, if differences are normal"
    return "ahead, but not surely" if value > 0 else "not ahead"
