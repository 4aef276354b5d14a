"""Means of configurations with the effects of blocks taken out.

Means over different blocks differ by the blocks as much as by the configurations. A least-squares fit of the two-way
model without interaction, score = configuration + block + noise, separates the two as far as blocks are shared.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

NAN = float("nan")


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
        sd=float(np.sqrt((residual**2).sum() / freedom)) if freedom > 0 else NAN,
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
