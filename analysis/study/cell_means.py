"""Cell means of the two-way table configurations × blocks: validation and test score. The audit works on these.

Means over different blocks differ by the blocks as much as by the configurations. A least-squares fit of the two-way
model without interaction, score = configuration + block + noise, separates the two as far as blocks are shared.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.samples import block_names
from analysis.study.leaderboard import TEST, configuration_names, leaderboard, objective_name

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
    is what they are called, in the order of their best trial by validation. Where the study names no block columns,
    every trial is a cell of its own, and ``block`` is empty. ``test`` is NaN where there is none.
    """
    ranked, test = leaderboard(tables), test_column(tables)
    rows = pd.DataFrame(
        {
            "key": ranked["config_hash"],
            "configuration": configuration_names(tables, ranked),
            "block": block_names(ranked, tables.block) if tables.block and len(ranked) else "",
            "validation": ranked["objective"].astype(float),
            "test": ranked[test].astype(float) if test in ranked else float("nan"),
            "trials": 1,
        }
    )
    if not tables.block or rows.empty:
        return rows
    how = {"configuration": "first", "validation": "mean", "test": "mean", "trials": "sum"}
    return rows.groupby(["key", "block"], sort=False, dropna=False).agg(how).reset_index()[list(rows)]


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


class BlockEffects(NamedTuple):
    """The fit of configuration and block effects."""

    sd: float
    """Pooled standard deviation within configurations; NaN without a degree of freedom."""
    freedom: int
    means: pd.Series
    """Mean score of each configuration, block effects taken out where they can be estimated; in the order of cells."""
    counts: pd.Series
    """Cells of each configuration."""
    leverage: np.ndarray
    """Configurations × independent errors of the block effects: by how much each moves a mean, in units of ``sd``.

    Zero where all configurations ran on the same blocks.
    """
    linked: bool
    """Whether shared blocks suffice to estimate all differences between blocks."""


def fit_block_effects(cells: pd.DataFrame, score: str = "validation") -> BlockEffects:
    """Return the fit of column *score* of *cells* (columns ``key``, ``block``; a row per cell); unbalanced is fine.

    The SD divides the residual sum of squares by its degrees of freedom.
    """
    configuration, keys = pd.factorize(cells["key"].astype(str))
    block, blocks = pd.factorize(cells["block"].astype(str))
    scores = cells[score].to_numpy(float)
    counts = np.bincount(configuration)
    # Frisch, Waugh and Lovell: take the configuration means out of scores and block columns, then regress the one on
    # the other. It fits as many columns as there are blocks, however many configurations there are.
    columns = np.eye(len(blocks))[block]
    within, within_columns = _centred(scores, configuration, counts), _centred(columns, configuration, counts)
    left, sizes, right = np.linalg.svd(within_columns, full_matrices=False)
    rank = int((sizes > 1e-10 * sizes.max(initial=0)).sum())
    solve = right[:rank].T / sizes[:rank]
    effects = solve @ (left[:, :rank].T @ within)
    residual = within - within_columns @ effects
    freedom = len(scores) - len(counts) - rank
    shares = _means(columns, configuration, counts) - columns.mean(axis=0)
    return BlockEffects(
        sd=float(np.sqrt((residual**2).sum() / freedom)) if freedom > 0 else float("nan"),
        freedom=max(freedom, 0),
        means=pd.Series(_means(scores, configuration, counts) - shares @ effects, index=keys),
        counts=pd.Series(counts, index=keys),
        leverage=-shares @ solve,
        linked=rank >= len(blocks) - 1,
    )


def _means(values: np.ndarray, group: np.ndarray, counts: np.ndarray) -> np.ndarray:
    sums = np.zeros((len(counts), *values.shape[1:]))
    np.add.at(sums, group, values)
    return (sums.T / counts).T


def _centred(values: np.ndarray, group: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return *values* (a row per cell) minus the mean of their group."""
    return values - _means(values, group, counts)[group]


def adjusted_means(cells: pd.DataFrame, score: str = "validation") -> pd.Series:
    """Return the mean *score* of each configuration (key → mean) with the effects of blocks taken out.

    Where all ran on the same blocks, these are the plain means. Means that differ by rounding
    errors only are made equal, so that ties stay ties.
    """
    if cells.empty:
        return pd.Series(dtype=float)
    means = fit_block_effects(cells, score).means
    largest = means.abs().max()
    return means.round(12 - int(np.ceil(np.log10(largest)))) if largest > 0 else means
