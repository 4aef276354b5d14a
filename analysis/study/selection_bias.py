"""How far ahead the best of k configurations would look if all were equally good.

Scores of equal configurations still differ, and the highest of them is ahead of the mean by luck. How much is simulated
from the spread of one configuration over its blocks: score = configuration + block + noise, blocks common to all.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.statistics.formatting import number
from analysis.study.cells import caution
from analysis.study.checks import NAN, Check, plural, unknown
from analysis.study.layout import Layout, lay_out

LEAD, LUCK = "lead of the best", "lead by luck alone"
SIMULATIONS = 4000
PART = 61
"""The part of the seed that this simulation draws from."""


def lead_by_luck(
    counts: Sequence[int],
    sd: float,
    *,
    leverage: np.ndarray | None = None,
    seed: int = 0,
    simulations: int = SIMULATIONS,
) -> np.ndarray:
    """Return simulated leads (highest mean minus mean of all means) of equally good configurations.

    Args:
        counts: blocks of each configuration; a mean over n of them has the spread sd / √n.
        sd: standard deviation of one score within a configuration, normal noise.
        leverage: what the errors of block effects do to each mean, see ``Layout``. None: all ran on the same blocks.
    """
    rng = np.random.default_rng([seed, PART])
    means = rng.standard_normal((simulations, len(counts))) * (sd / np.sqrt(np.asarray(counts, dtype=float)))
    if leverage is not None:
        # Block effects are estimated within configurations, so their errors are independent of the plain means'.
        means += rng.standard_normal((simulations, leverage.shape[1])) @ (sd * leverage.T)
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
    found = lay_out(held)
    lead = float(found.means.max() - found.means.mean())
    ahead = f"The best of {k} configurations is {number(lead)} ahead of their mean on validation"
    uneven = caution(held)
    seen = Check(LEAD, lead, NAN, NAN, k, f"{ahead}.{uneven}")
    if found.freedom:
        by_luck = _against_luck(found, lead, seed)
        return [seen, by_luck._replace(sentence=by_luck.sentence + uneven)]
    why = "no configuration was run on two blocks, so the spread of one alone is not known"
    if (found.counts > 1).any():
        why = "too few blocks are shared to tell the spread within a configuration from that between blocks"
    return [seen, unknown(LUCK, f"How much of that is luck is unknown: {why}.", k)]


def _against_luck(found: Layout, lead: float, seed: int) -> Check:
    k = len(found.counts)
    if found.sd < 1e-12:
        sentence = "Repeats of a configuration score exactly alike once blocks are taken out: luck adds nothing."
        return Check(LUCK, 0.0, 0.0, 0.0, k, sentence)
    simulated = lead_by_luck(found.counts.to_numpy(), found.sd, leverage=found.leverage, seed=seed)
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
