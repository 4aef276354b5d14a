"""The interquartile mean: by hand, and resampled within strata."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.iqm import iqm


def test_middle_half_by_hand():
    table = pd.DataFrame({"kind": "x", "score": [0.0, 1, 2, 3, 4, 5, 6, 100]})
    row = iqm(table, treatment="kind", score="score").iloc[0]
    assert (row["level"], row["iqm"], row["median"], row["n"]) == ("x", 3.5, 3.5, 8)
    assert row["low"] < 3.5 < row["high"]


def test_interval_is_scipys_percentile_bootstrap():
    scores = np.random.default_rng(0).normal(size=40)
    row = iqm(pd.DataFrame({"kind": "x", "score": scores}), treatment="kind", score="score").iloc[0]
    middle = lambda values, axis=-1: stats.trim_mean(values, 0.25, axis=axis)  # noqa: E731
    expected = stats.bootstrap((scores,), middle, method="percentile", rng=np.random.default_rng(1))
    interval = expected.confidence_interval
    assert (row["low"], row["high"]) == pytest.approx(tuple(interval), abs=0.1 * expected.standard_error)


def test_strata_are_resampled_within_themselves():
    """Two data sets far apart, no spread within: whatever is drawn, the middle stays where it is."""
    table = pd.DataFrame({"kind": "x", "data": ["a"] * 4 + ["b"] * 4, "score": [0.2] * 4 + [0.8] * 4})
    stratified = iqm(table, treatment="kind", score="score", stratum="data").iloc[0]
    assert (stratified["low"], stratified["iqm"], stratified["high"]) == pytest.approx((0.5, 0.5, 0.5))
    assert stratified["strata"] == 2
    pooled = iqm(table, treatment="kind", score="score").iloc[0]
    assert pooled["low"] < 0.5 < pooled["high"]


def test_levels_have_draws_of_their_own():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"kind": ["x"] * 9 + ["y"] * 9, "score": rng.normal(size=18)})
    rows = iqm(table, treatment="kind", score="score")
    assert rows["level"].tolist() == ["x", "y"]
    pd.testing.assert_frame_equal(rows, iqm(table, treatment="kind", score="score"))


@pytest.mark.parametrize("table", [{"data": ["a"] * 3}, {"data": ["a", "a", "a", "b"]}])
def test_too_little_has_no_interval(table):
    table = pd.DataFrame(table).assign(kind="x", score=0.5)
    row = iqm(table, treatment="kind", score="score", stratum="data").iloc[0]
    assert row["iqm"] == 0.5
    assert np.isnan([row["low"], row["high"]]).all()
