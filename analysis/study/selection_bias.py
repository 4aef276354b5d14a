"""Selection bias: how far ahead the best of k configurations would look if all were equally good.

Scores of equal configurations still differ, and the highest of them is ahead of the mean by chance. How far is
simulated from the spread of one configuration over its blocks: score = configuration + block + noise, with blocks
common to all.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.statistics.formatting import number, plural
from analysis.study.audit_checks import NAN, Check, unknown_check
from analysis.study.cell_means import BlockEffects, fit_block_effects, unequal_blocks_note

LEAD, EXPECTED_LEAD = "lead of the best", "lead by luck alone"
SIMULATIONS = 4000
PART = 61
"""The part of the seed that this simulation draws from."""


def simulate_leads(
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
        leverage: how errors of block effects move each mean, see ``BlockEffects``. None: all ran on the same blocks.
    """
    rng = np.random.default_rng([seed, PART])
    means = rng.standard_normal((simulations, len(counts))) * (sd / np.sqrt(np.asarray(counts, dtype=float)))
    if leverage is not None:
        # Block effects are estimated within configurations, so their errors are independent of the plain means'.
        means += rng.standard_normal((simulations, leverage.shape[1])) @ (sd * leverage.T)
    return means.max(axis=1) - means.mean(axis=1)


def selection_bias(cells: pd.DataFrame, *, seed: int = 0) -> list[Check]:
    """Return how far the best configuration is ahead of the mean on validation, and the same by chance alone.

    The second row's value is the mean lead at the estimated spread; its range holds 95 % of the simulated leads, the
    uncertainty of that spread included. *cells*: see ``cell_means``.
    """
    k = cells["key"].nunique()
    if k < 2:
        sentence = f"There {'is one configuration' if k else 'is no complete trial'}: it is ahead of nothing."
        return [unknown_check(LEAD, sentence, k), unknown_check(EXPECTED_LEAD, sentence, k)]
    effects = fit_block_effects(cells)
    lead = float(effects.means.max() - effects.means.mean())
    ahead = f"The best of {k} configurations is {number(lead)} ahead of their mean on validation"
    uneven = unequal_blocks_note(cells)
    seen = Check(LEAD, lead, NAN, NAN, k, f"{ahead}.{uneven}")
    if effects.freedom:
        bias = _selection_bias_check(effects, lead, seed)
        return [seen, bias._replace(sentence=bias.sentence + uneven)]
    why = "no configuration was run on two blocks, so the spread of one alone is not known"
    if (effects.counts > 1).any():
        why = "too few blocks are shared to tell the spread within a configuration from that between blocks"
    return [seen, unknown_check(EXPECTED_LEAD, f"How much of that is luck is unknown: {why}.", k)]


def _selection_bias_check(effects: BlockEffects, lead: float, seed: int) -> Check:
    k = len(effects.counts)
    if effects.sd < 1e-12:
        sentence = "Repeats of a configuration score exactly alike once blocks are taken out: luck adds nothing."
        return Check(EXPECTED_LEAD, 0.0, 0.0, 0.0, k, sentence)
    simulated = simulate_leads(effects.counts.to_numpy(), effects.sd, leverage=effects.leverage, seed=seed)
    value = float(simulated.mean())
    # The spread is itself estimated. Taken for exact, it would call a lead by chance more than chance too often: in
    # 14 % of cases instead of 5 % for four configurations on three blocks.
    chi_square = np.random.default_rng([seed, PART, 1]).chisquare(effects.freedom, len(simulated))
    simulated = simulated * np.sqrt(effects.freedom / chi_square)
    low, high = np.quantile(simulated, [0.025, 0.975])
    p = float((1 + (simulated >= lead).sum()) / (1 + len(simulated)))
    cases = "less than 0.1 %" if p < 0.001 else f"{100 * p:.2g} %"
    verdict = "the lead is more than luck explains" if p <= 0.05 else "the lead is no more than luck may give"
    sentence = (
        f"If all {k} configurations were equally good, the best would still look {number(value)} better than the mean "
        f"(95 % range {number(low)} to {number(high)}), by the spread of {number(effects.sd, 4)} within a "
        f"configuration ({plural(effects.freedom, 'degree')} of freedom). Seen: {number(lead)}, and luck alone "
        f"gives that in {cases} of cases: {verdict}."
    )
    return Check(EXPECTED_LEAD, value, float(low), float(high), k, sentence)
