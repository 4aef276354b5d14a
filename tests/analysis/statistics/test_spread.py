"""The spread of finished trials, and the power of a study like them."""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.power import power
from analysis.statistics.spread import power_from, spread

ASKED = {"treatment": "kind", "block": "seed", "score": "score"}


def tidy(scores: np.ndarray) -> pd.DataFrame:
    """Scores, blocks × levels, as a row per trial."""
    return pd.DataFrame(
        [{"seed": i, "kind": f"k{j}", "score": value} for i, row in enumerate(scores) for j, value in enumerate(row)]
    )


def drawn(blocks: int, levels: int, seed: int, of_blocks: float = 0.01, own: float = 0.0054) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0.5, of_blocks, (blocks, 1)) + 0.01 * np.arange(levels) + rng.normal(0, own, (blocks, levels))


def test_two_levels_by_hand():
    scores = np.array([[1.0, 2.0], [2.0, 2.5], [4.0, 6.0]])
    row = spread(tidy(scores), **ASKED).iloc[0]
    assert row["sd_difference"] == pytest.approx(np.std([1, 0.5, 2], ddof=1))
    assert row["sd"] == pytest.approx(np.sqrt(np.var(scores, axis=0, ddof=1).mean()))
    assert row["sd_difference"] == pytest.approx(row["sd"] * np.sqrt(2 * (1 - row["correlation"])))
    assert (row["levels"], row["blocks"], row["pairs"]) == (2, 3, 1)


def test_a_complete_table_gives_the_residual_of_its_two_way_layout():
    scores = drawn(8, 5, 1)
    residual = scores - scores.mean(axis=0) - scores.mean(axis=1, keepdims=True) + scores.mean()
    row = spread(tidy(scores), **ASKED).iloc[0]
    assert row["sd_difference"] == pytest.approx(np.sqrt(2 * (residual**2).sum() / (7 * 4)))


def test_interval_covers_the_truth():
    truth, held = np.sqrt(2) * 0.0054, 0
    for seed in range(150):
        row = spread(tidy(drawn(6, 4, seed)), **ASKED).iloc[0]
        held += row["low"] <= truth <= row["high"]
    assert 0.9 <= held / 150 <= 0.99


def test_incomplete_pairs_count_by_what_they_share():
    scores = tidy(drawn(6, 3, 2))
    row = spread(scores[~((scores["kind"] == "k2") & (scores["seed"] > 0))], **ASKED).iloc[0]
    assert (row["levels"], row["pairs"]) == (2, 1)


def test_nothing_shared_is_nan():
    row = spread(pd.DataFrame({"seed": [0, 1], "kind": ["x", "y"], "score": [0.1, 0.2]}), **ASKED).iloc[0]
    assert row["pairs"] == 0
    assert np.isnan([row["sd"], row["sd_difference"], row["low"]]).all()


def test_power_of_a_study_like_this_one():
    table = tidy(drawn(30, 4, 3))
    rows = power_from(table, **ASKED, gain=0.013, blocks=[8, 12])
    measured = spread(table, **ASKED).iloc[0]
    assert (rows["comparisons"] == 6).all()
    assert rows["sd_difference"].iloc[0] == pytest.approx(measured["sd_difference"])
    alike = power(sd=measured["sd_difference"], correlation=0.5, gain=0.013, blocks=[8, 12], configurations=4)
    assert rows["power"].tolist() == alike["power"].tolist()
    assert (power_from(table, **ASKED, gain=0.013, blocks=[8, 12], configurations=2)["power"] >= rows["power"]).all()


def test_each_row_says_what_it_means():
    rows = power_from(tidy(drawn(30, 4, 3)), **ASKED, gain=0.013, blocks=[5, 20])
    assert rows["verdict"].iloc[0] == "5 blocks cannot show a gain of any size after closed testing over 6 comparisons"
    assert rows["verdict"].iloc[1].startswith("20 blocks show a gain of 0.013 with ")


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (tidy(np.ones((4, 2))), "differences do not vary"),
        (tidy(np.ones((1, 2))), "no two levels share two blocks"),
        (tidy(np.ones((1, 2)))[:0], "no two levels share two blocks"),
    ],
)
def test_no_spread_no_power(table, why):
    rows = power_from(table, **ASKED)
    assert rows.columns.tolist() == [*power(sd=1.0, blocks=5, simulations=10).columns, "verdict"]
    assert rows["verdict"].tolist() == [f"The spread of score between levels of kind cannot be measured: {why}."]
    assert np.isnan(rows[["gain", "blocks", "power", "sd"]].to_numpy(float)).all()
    assert not rows["decidable"].any()
