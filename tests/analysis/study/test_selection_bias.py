"""The luck of the best of k: against known expectations and a plain regression."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols

from analysis.study.cell_means import fit_block_effects
from analysis.study.selection_bias import selection_bias, simulate_leads

EXPECTED_HIGHEST = {2: 0.5642, 5: 1.1630, 10: 1.5388}
"""Mean of the highest of k standard normal values (Harter 1961)."""


def made(k: int, blocks: int, sd: float, seed: int, gain: float = 0.0, block_sd: float = 0.05) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    effects = rng.normal(0, block_sd, blocks)
    rows = [
        {"key": f"c{i}", "block": str(j), "validation": 0.5 + effects[j] + rng.normal(0, sd) + gain * (i == 0)}
        for i in range(k)
        for j in range(blocks)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("k", EXPECTED_HIGHEST)
def test_the_lead_by_luck_is_the_mean_of_the_highest(k):
    leads = simulate_leads([4] * k, 0.02, simulations=40_000)
    assert leads.mean() == pytest.approx(EXPECTED_HIGHEST[k] * 0.02 / 2, rel=0.02)


@pytest.mark.parametrize("drop", [0, 5])
def test_the_spread_is_that_of_a_two_way_regression(drop):
    held = made(6, 5, 0.02, seed=1).iloc[drop:].sample(frac=1, random_state=1)
    held = held.drop(held.index[:drop])
    fitted = ols("validation ~ C(key) + C(block)", held).fit()
    result = fit_block_effects(held)
    assert result.freedom == fitted.df_resid
    assert result.sd == pytest.approx(np.sqrt(fitted.mse_resid))
    differences = [fitted.params.get(f"C(key)[T.{key}]", 0.0) for key in result.means.index]
    assert np.allclose(result.means - result.means.iloc[0], np.array(differences) - differences[0])


def test_blocks_do_not_count_as_luck():
    assert fit_block_effects(made(10, 8, 0.005, seed=2, block_sd=1.0)).sd == pytest.approx(0.005, rel=0.25)


def test_equal_configurations_rarely_look_like_more_than_luck():
    more = [" more than luck explains" in selection_bias(made(8, 5, 0.01, seed))[1].sentence for seed in range(100)]
    assert sum(more) <= 11  # 5 expected of 100; more than 11 happen once in 200


def test_a_real_lead_is_more_than_luck():
    lead, by_luck = selection_bias(made(8, 5, 0.01, seed=0, gain=0.05))
    assert lead.value == pytest.approx(0.05 * 7 / 8, abs=0.02)
    assert by_luck.low < by_luck.value < by_luck.high < lead.value
    assert "more than luck explains" in by_luck.sentence


def test_configurations_on_blocks_of_their_own_leave_the_spread_unknown():
    held = pd.DataFrame({"key": ["a", "a", "b", "b"], "block": list("0123"), "validation": [0.1, 0.2, 0.3, 0.5]})
    check = selection_bias(held)[1]
    assert np.isnan(check.value)
    assert "too few blocks are shared" in check.sentence


def test_repeats_that_never_differ_leave_no_luck():
    held = pd.DataFrame({"key": list("aabb"), "block": list("0101"), "validation": [0.1, 0.2, 0.3, 0.4]})
    assert selection_bias(held)[1].value == 0


def test_equal_configurations_on_different_blocks_rarely_look_like_more_than_luck():
    def few_shared(seed: int) -> pd.DataFrame:
        held = made(6, 6, 0.01, seed, block_sd=0.2)
        first, block = held["key"].str[1:].astype(int), held["block"].astype(int)
        return held[(block - first) % 6 < 2]  # a ring: each shares one block with the next

    more = [" more than luck explains" in selection_bias(few_shared(seed))[1].sentence for seed in range(150)]
    assert sum(more) <= 14  # 7.5 expected of 150; more than 14 happen once in a hundred


def test_errors_of_block_effects_are_those_of_a_regression():
    held = made(5, 4, 0.02, seed=3).drop([0, 1, 6, 13])
    fitted = ols("validation ~ C(key) + C(block)", held).fit()
    result = fit_block_effects(held)
    errors = np.diag(1 / result.counts) + result.leverage @ result.leverage.T
    a, b = result.means.index[:2]
    contrast = np.array([1, -1, 0, 0, 0])
    expected = fitted.bse[f"C(key)[T.{b}]"] / np.sqrt(fitted.mse_resid)
    assert (a, np.sqrt(contrast @ errors @ contrast)) == ("c0", pytest.approx(expected))
    assert np.allclose(fit_block_effects(made(5, 4, 0.02, seed=3)).leverage, 0)
