"""Cell means of the two-way table configurations × blocks: validation and test score. The audit works on these."""

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.samples import block_names
from analysis.study.block_effects import adjusted_means, fit_block_effects
from analysis.study.leaderboard import TEST, configuration_names, leaderboard, objective_name

COLUMNS = ["key", "configuration", "block", "validation", "test", "trials"]
LINKED = " Configurations ran on different blocks; the effects of blocks are taken out."
UNLINKED = (
    " Configurations ran on different blocks, too few of them shared to take the effects of blocks out: means differ "
    "by that, too."
)


def test_column(tables: Tables) -> str:
    """Return the column of ``trials`` with the test score under the objective's name (a study may lack it)."""
    return f"{TEST}_{objective_name(tables)}"


def cell_means(tables: Tables) -> pd.DataFrame:
    """Return a row per configuration and block of complete trials: key, configuration, block, validation, test, trials.

    Repeats within a block are averaged and counted in ``trials``. ``key`` tells configurations apart, ``configuration``
    is what they are called. Where the study names no block columns, every
    trial is a cell of its own, and ``block`` is empty. ``test`` is NaN where there is none. Configurations come
    in the order of their best trial by validation.
    """
    ranked = leaderboard(tables)
    test = test_column(tables)
    rows = pd.DataFrame(
        {
            "key": ranked["config_hash"],
            "configuration": configuration_names(tables, ranked),
            "block": block_names(ranked, tables.block) if tables.block and len(ranked) else "",
            "validation": ranked["objective"].astype(float),
            "test": ranked[test].astype(float) if test in ranked else float("nan"),
            "trials": 1,
        },
        columns=COLUMNS,
    )
    if not tables.block or rows.empty:
        return rows
    how = {"configuration": "first", "validation": "mean", "test": "mean", "trials": "sum"}
    return rows.groupby(["key", "block"], sort=False, dropna=False).agg(how).reset_index()[COLUMNS]


def rank_configurations(cells: pd.DataFrame) -> pd.Series:
    """Return key → mean validation score with the effects of blocks taken out, the winner first.

    This order alone decides which configuration is the winner. All cells are used, with or without a test score,
    because test scores choose nothing. Of equal means, the one with the higher best trial comes first.
    """
    return adjusted_means(cells).sort_values(ascending=False, kind="stable")


def configuration_means(cells: pd.DataFrame) -> pd.DataFrame:
    """Return a row per configuration from its cells: key, configuration, validation, test, blocks, trials, adjusted.

    The winner is first: the order is that of ``adjusted`` (``rank_configurations``). ``validation`` and
    ``test`` are plain means over the cells that have a test score, so that both are about the same runs; where none
    has, ``test`` is NaN and ``validation`` the mean of all. Means over different blocks cannot be compared.
    """
    has_test = cells.groupby("key", sort=False)["test"].transform("count") > 0
    used = cells[cells["test"].notna() | ~has_test]
    rows = used.groupby("key", sort=False).agg(
        configuration=("configuration", "first"),
        validation=("validation", "mean"),
        test=("test", "mean"),
        blocks=("block", "size"),
        trials=("trials", "sum"),
    )
    ranked = rank_configurations(cells)
    return rows.reindex(ranked.index).assign(adjusted=ranked).rename_axis("key").reset_index()


def unequal_blocks(cells: pd.DataFrame) -> bool:
    """Say whether configurations ran on different blocks, so that their plain means differ by blocks, too."""
    # All ran on the same blocks where every pair of configuration and block occurs.
    return len(cells[["key", "block"]].drop_duplicates()) != cells["key"].nunique() * cells["block"].nunique()


def unequal_blocks_note(cells: pd.DataFrame) -> str:
    """Return the sentence, after a blank, that means of different blocks need; nothing where blocks are the same."""
    if not unequal_blocks(cells):
        return ""
    return LINKED if fit_block_effects(cells).linked else UNLINKED
