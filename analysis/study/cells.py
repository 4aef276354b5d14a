"""Configurations × blocks: the mean validation and test score of each cell, the ground of the audit."""

import pandas as pd

from analysis.reading.collect import Tables
from analysis.statistics.samples import block_names
from analysis.study.layout import adjusted_means, lay_out
from analysis.study.leaderboard import TEST, configuration_names, objective_name, standings

COLUMNS = ["key", "configuration", "block", "validation", "test", "trials"]
LINKED = " Configurations ran on different blocks; the effects of blocks are taken out."
UNLINKED = (
    " Configurations ran on different blocks, too few of them shared to take the effects of blocks out: means differ "
    "by that, too."
)


def test_column(tables: Tables) -> str:
    """Return the column of ``trials`` with the test score under the objective's name (a study may lack it)."""
    return f"{TEST}_{objective_name(tables)}"


def cells(tables: Tables) -> pd.DataFrame:
    """Return a row a configuration and block of complete trials: key, configuration, block, validation, test, trials.

    Repeats within a block are averaged and counted in ``trials``. ``key`` tells configurations apart, ``configuration``
    is what they are called. Where the study names no block columns, nothing says that two trials share their luck:
    every trial is a cell of its own, and ``block`` is empty. ``test`` is NaN where there is none. Configurations come
    in the order of their best trial by validation.
    """
    ranked = standings(tables)
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


def ranking(held: pd.DataFrame) -> pd.Series:
    """Return key → mean validation score with the effects of blocks taken out, the winner first.

    It alone says who the winner is. Every cell counts, with a test score or without, for the test chooses nothing.
    Among equals the one whose best trial is higher comes first.
    """
    return adjusted_means(held).sort_values(ascending=False, kind="stable")


def means(held: pd.DataFrame) -> pd.DataFrame:
    """Return a row a configuration from its cells: key, configuration, validation, test, blocks, trials, adjusted.

    The winner is first: the order is that of ``adjusted``, see ``ranking``. ``validation`` and ``test`` are plain means
    over the cells that have a test score, so that both speak of the same runs; where none has, ``test`` is NaN and
    ``validation`` the mean of all. Of different blocks they cannot be compared.
    """
    has_test = held.groupby("key", sort=False)["test"].transform("count") > 0
    used = held[held["test"].notna() | ~has_test]
    rows = used.groupby("key", sort=False).agg(
        configuration=("configuration", "first"),
        validation=("validation", "mean"),
        test=("test", "mean"),
        blocks=("block", "size"),
        trials=("trials", "sum"),
    )
    ranked = ranking(held)
    return rows.reindex(ranked.index).assign(adjusted=ranked).rename_axis("key").reset_index()


def unequal_blocks(held: pd.DataFrame) -> bool:
    """Say whether configurations ran on different blocks, so that their plain means differ by blocks, too."""
    # All ran on the same ones where every configuration meets every block.
    return len(held[["key", "block"]].drop_duplicates()) != held["key"].nunique() * held["block"].nunique()


def caution(held: pd.DataFrame) -> str:
    """Return the sentence, after a blank, that means of different blocks need; nothing where blocks are the same."""
    if not unequal_blocks(held):
        return ""
    return LINKED if lay_out(held).linked else UNLINKED
