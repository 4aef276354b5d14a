"""The table of effects: each measure by hand, paired and not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.effects import COLUMNS, effects

ASKED = {"treatment": "kind", "score": "score"}


def tidy(a, b) -> pd.DataFrame:
    rows = [{"seed": i, "kind": "x", "score": value} for i, value in enumerate(a)]
    return pd.DataFrame([*rows, *({"seed": i, "kind": "y", "score": value} for i, value in enumerate(b))])


def test_paired_by_hand():
    """Differences 1, 2, 6, 0, -1: ranks of their sizes 2.5, 4, 5, 1, 2.5."""
    row = effects(tidy([0, 0, 0, 0, 0], [1, 2, 6, 0, -1]), **ASKED, block="seed").iloc[0]
    assert (row["paired"], row["n"], row["median"], row["mean"]) == (True, 5, 1, pytest.approx(1.6))
    assert row["superiority"] == pytest.approx((3 + 0.5) / 5)
    assert row["rank_biserial"] == pytest.approx((2.5 + 4 + 5 - 2.5) / 15)
    assert row["hodges_lehmann"] == pytest.approx(1.0)  # 15 Walsh averages; the eighth is 1
    assert np.isnan(row["cliffs_delta"])
    assert np.isnan(row["low"])  # five pairs have no exact interval
    assert np.isnan(row["mean_low"])  # nor a bootstrap one


def test_unpaired_by_hand():
    a, b = [1.0, 2, 3], [2.0, 4, 5, 6]
    row = effects(tidy(a, b), **ASKED).iloc[0]
    assert (row["paired"], row["n"], row["n_a"], row["n_b"]) == (False, 3, 3, 4)
    assert (row["median"], row["mean"]) == (2.5, 2.25)
    # higher: 1 of (2 over 1), 9 of the rest; tie: (2, 2); lower: (2 under 3)
    assert row["superiority"] == pytest.approx((10 + 0.5) / 12)
    assert row["cliffs_delta"] == pytest.approx((10 - 1) / 12)
    assert np.isnan(row["rank_biserial"])


def test_superiority_is_mann_whitneys_u():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 5, 9), rng.integers(1, 6, 7)
    row = effects(tidy(a, b), **ASKED).iloc[0]
    assert row["superiority"] == pytest.approx(stats.mannwhitneyu(b, a).statistic / 63)


def test_all_columns_a_row_a_pair_and_against_one():
    table = pd.concat([tidy(range(6), range(6)), tidy([], range(2, 8)).replace({"y": "z"})])
    rows = effects(table, **ASKED, block="seed")
    assert list(rows) == COLUMNS
    assert rows[["a", "b"]].to_numpy().tolist() == [["x", "y"], ["x", "z"], ["y", "z"]]
    against = effects(table, **ASKED, block="seed", against="z")
    assert against[["a", "b"]].to_numpy().tolist() == [["z", "x"], ["z", "y"]]
    assert against["median"].tolist() == [-2, -2]


def test_nothing_shared_is_a_row_of_nan():
    table = pd.DataFrame({"seed": [0, 1], "kind": ["x", "y"], "score": [0.1, 0.2]})
    row = effects(table, **ASKED, block="seed").iloc[0]
    assert row["n"] == 0
    assert row[["mean", "median", "hodges_lehmann", "superiority"]].isna().all()
    assert row["incomplete"] == "seed=0 (lacks y); seed=1 (lacks x)"
