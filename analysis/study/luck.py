"""How far ahead the best of k configurations would look if all were equally good.

Scores of equal configurations still differ, and the highest of them is ahead of the mean by luck. How much is simulated
from the spread of one configuration over its blocks: score = configuration + block + noise, blocks common to all.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics.wording import number
from analysis.study.checks import NAN, Check, plural, unknown

LEAD, LUCK = "lead of the best", "lead by luck alone"
SIMULATIONS = 4000
PART = 61
"""The part of the seed that this simulation draws from."""


class Spread(NamedTuple):
    """What is left of scores when configurations and blocks are taken out."""

    sd: float
    """Pooled standard deviation within configurations; NaN without a degree of freedom."""
    freedom: int
    means: pd.Series
    """Mean score of each configuration, block effects taken out where the data tell them."""
    counts: pd.Series
    """Cells of each configuration."""


def spread(held: pd.DataFrame) -> Spread:
    """Return the pooled spread of *held* (columns ``key``, ``block``, ``validation``; a row a cell).

    Least squares of configuration and block effects (the two-way layout without interaction; unbalanced is fine). The
    SD divides the residual sum of squares by its degrees of freedom.
    """
    keys, configuration = np.unique(held["key"].astype(str), return_inverse=True)
    _, block = np.unique(held["block"].astype(str), return_inverse=True)
    scores = held["validation"].to_numpy(float)
    counts = np.bincount(configuration)
    # Frisch, Waugh and Lovell: take the configuration means out of scores and block columns, then regress the one on
    # the other. It fits as many columns as there are blocks, however many configurations there are.
    columns = np.eye(block.max() + 1)[block] if len(held) else np.zeros((0, 0))
    within, within_columns = _centred(scores, configuration, counts), _centred(columns, configuration, counts)
    effects, _, rank, _ = np.linalg.lstsq(within_columns, within, rcond=1e-10)
    residual = within - within_columns @ effects
    freedom = len(scores) - len(counts) - int(rank)
    sd = float(np.sqrt((residual**2).sum() / freedom)) if freedom > 0 else NAN
    adjusted = scores - (columns - columns.mean(axis=0)) @ effects
    means = np.bincount(configuration, adjusted) / counts
    return Spread(sd, max(freedom, 0), pd.Series(means, index=keys), pd.Series(counts, index=keys))


def _centred(values: np.ndarray, group: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return *values* (a row a cell) minus the mean of their group."""
    sums = np.zeros((len(counts), *values.shape[1:]))
    np.add.at(sums, group, values)
    return values - (sums.T / counts).T[group]


def lead_by_luck(counts: Sequence[int], sd: float, *, seed: int = 0, simulations: int = SIMULATIONS) -> np.ndarray:
    """Return simulated leads (highest mean minus mean of all means) of equally good configurations.

    Args:
        counts: blocks of each configuration; a mean over n of them has the spread sd / √n.
        sd: standard deviation of one score within a configuration, normal noise.
    """
    rng = np.random.default_rng([seed, PART])
    means = rng.standard_normal((simulations, len(counts))) * (sd / np.sqrt(np.asarray(counts, dtype=float)))
    return means.max(axis=1) - means.mean(axis=1)


def luck(held: pd.DataFrame, *, seed: int = 0) -> list[Check]:
    """Return how far the best configuration is ahead of the mean on validation, and how far luck alone would put it.

    The second row's value is the mean lead at the estimated spread; its range holds 95 % of the simulated leads, the
    uncertainty of that spread included.

    Args:
        held: see ``cells``.
    """
    k = held["key"].nunique()
    if k < 2:
        sentence = f"There {'is one configuration' if k else 'is no complete trial'}: it is ahead of nothing."
        return [unknown(LEAD, sentence, k), unknown(LUCK, sentence, k)]
    found = spread(held)
    lead = float(found.means.max() - found.means.mean())
    ahead = f"The best of {k} configurations is {number(lead)} ahead of their mean on validation"
    seen = Check(LEAD, lead, NAN, NAN, k, f"{ahead}.")
    if found.freedom:
        return [seen, _against_luck(found, lead, seed)]
    why = "no configuration was run on two blocks, so the spread of one alone is not known"
    if (found.counts > 1).any():
        why = "too few blocks are shared to tell the spread within a configuration from that between blocks"
    return [seen, unknown(LUCK, f"How much of that is luck is unknown: {why}.", k)]


def _against_luck(found: Spread, lead: float, seed: int) -> Check:
    k = len(found.counts)
    if found.sd < 1e-12:
        sentence = "Repeats of a configuration score exactly alike once blocks are taken out: luck adds nothing."
        return Check(LUCK, 0.0, 0.0, 0.0, k, sentence)
    simulated = lead_by_luck(found.counts.to_numpy(), found.sd, seed=seed)
    value = float(simulated.mean())
    # The spread is itself estimated. Taken for exact, luck would pass for more than luck too often: in 14 % of cases
    # instead of 5 % for four configurations on three blocks.
    chi_square = np.random.default_rng([seed, PART, 1]).chisquare(found.freedom, len(simulated))
    simulated = simulated * np.sqrt(found.freedom / chi_square)
    low, high = np.quantile(simulated, [0.025, 0.975])
    p = float((1 + (simulated >= lead).sum()) / (1 + len(simulated)))
    verdict = "the lead is more than luck explains" if p <= 0.05 else "the lead is no more than luck may give"
    sentence = (
        f"If all {k} configurations were equally good, the best would still look {number(value)} better than the mean "
        f"(95 % range {number(low)} to {number(high)}), by the spread of {number(found.sd, 4)} within a configuration "
        f"({plural(found.freedom, 'degree')} of freedom). Seen: {number(lead)}, and luck alone gives that in "
        f"{_share(p)}: {verdict}."
    )
    return Check(LUCK, value, float(low), float(high), k, sentence)


def _share(p: float) -> str:
    return "less than 0.1 % of cases" if p < 0.001 else f"{100 * p:.2g} % of cases"
