"""Correlations against scipy and published intervals; what cannot be computed says so."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import correlate


def make_pair(n: int, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    names = [f"class{i}" for i in range(n)]
    return pd.DataFrame({"pixels": x}, index=names), pd.Series(x + rng.normal(size=n), index=names, name="IoU")


def test_coefficients_and_p_are_scipys():
    x, y = make_pair(20)
    rows = correlate(x, y).set_index("method")
    for method, function in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        expected = function(x["pixels"], y)
        assert rows.loc[method, ["r", "p"]].tolist() == pytest.approx([expected.statistic, expected.pvalue])


def test_pearson_interval_is_scipys():
    x, y = make_pair(20)
    expected = stats.pearsonr(x["pixels"], y).confidence_interval()
    row = correlate(x, y, methods=["pearson"]).iloc[0]
    assert (row["low"], row["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_rank_intervals_by_hand():
    """n = 20, z interval: Spearman with (1 + r²/2) / 17, Kendall with .437 / 16."""
    x, y = make_pair(20)
    rows = correlate(x, y).set_index("method")
    for method, variance in (("spearman", (1 + rows.loc["spearman", "r"] ** 2 / 2) / 17), ("kendall", 0.437 / 16)):
        z, half = np.arctanh(rows.loc[method, "r"]), 1.959964 * np.sqrt(variance)
        assert rows.loc[method, ["low", "high"]].tolist() == pytest.approx([np.tanh(z - half), np.tanh(z + half)])


@pytest.mark.parametrize("n", [4, 6])
def test_small_spearman_p_counts_every_order(n):
    x, y = make_pair(n, seed=n)
    r = stats.spearmanr(x["pixels"], y).statistic
    every = [stats.spearmanr(range(n), order).statistic for order in permutations(range(n))]
    expected = np.mean(np.abs(every) >= abs(r) - 1e-9)
    assert correlate(x, y, methods=["spearman"])["p"].iloc[0] == pytest.approx(expected)


def test_four_ordered_classes_are_no_proof():
    """The usual approximation would give p = 0; there are 24 orders."""
    x = pd.DataFrame({"pixels": [1, 2, 3, 4]})
    row = correlate(x, pd.Series([0.1, 0.2, 0.3, 0.4], name="IoU"), methods=["spearman"]).iloc[0]
    assert row["p"] == pytest.approx(2 / 24)
    assert "cannot be decided with n = 4 classes" in row["verdict"]
    assert np.isnan(row["low"])


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1, 2, 3], [1, 2, 4], "needs 4 classes"),
        ([1, 2, 3, np.nan, 5], [1, np.nan, 2, 3, 4], "needs 4 classes with both values, has 3"),
        ([2, 2, 2, 2, 2], [1, 2, 3, 4, 5], "the property is the same for all 5"),
        ([1, 2, 3, 4], [0, 0, 0, 0], "the score is the same for all 4"),
    ],
)
def test_what_cannot_be_computed_is_nan_and_says_why(x, y, message):
    rows = correlate(pd.DataFrame({"pixels": x}), pd.Series(y, name="IoU"))
    assert rows[["r", "low", "high", "p", "p_adjusted"]].isna().all(axis=None)
    assert rows["verdict"].str.contains(message).all()


def test_absent_classes_are_counted():
    x, y = make_pair(10)
    y.iloc[3] = np.nan
    row = correlate(x, y).iloc[0]
    assert (row["n"], row["left_out"]) == (9, 1)


def test_rows_belong_together_by_name():
    x, y = make_pair(10)
    pd.testing.assert_frame_equal(correlate(x, y), correlate(x, y.iloc[::-1]))


def test_p_is_adjusted_over_all_rows():
    x, y = make_pair(20)
    rows = correlate(x.assign(noise=np.random.default_rng(9).normal(size=20)), y)
    assert (rows["p_adjusted"] >= rows["p"]).all()
    assert rows["p_adjusted"].max() <= 1


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(ValueError, match=r"pearson.*spearman.*kendall.*'tau'"):
        correlate(*make_pair(5), methods=["tau"])


def test_what_has_no_name_is_called_the_score():
    x, y = make_pair(20)
    assert correlate(x, y.rename(None), methods="pearson")["verdict"][0] == "higher the score where pixels is higher"


def test_values_without_index_belong_to_the_rows_in_order():
    x, y = make_pair(10)
    for values in (y.to_numpy(), y.tolist()):
        assert correlate(x, values)["r"].tolist() == correlate(x, y)["r"].tolist()
    assert correlate(x["pixels"], y)["r"].tolist() == correlate(x, y)["r"].tolist()


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1, 2, 3, np.inf], [1, 2, 3, 4], "the column 'pixels' must be finite or NaN, but is infinite in 1 rows"),
        ([1, 2, 3, 4], [1, 2, -np.inf, 4], "y must be finite or NaN"),
        (["a", "b", "c", "d"], [1, 2, 3, 4], "the column 'pixels' must be numbers or NaN"),
        ([1, 2, 3, 4], [1, 2, 3], r"must have a value for each row of x \(4\), but has 3"),
        ([1, 2, 3, 4], pd.Series([1, 2, 3, 4], index=[0, 0, 1, 2]), r"each row of y must have a name .*: \[0\]"),
    ],
)
def test_what_cannot_be_correlated_is_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        correlate(pd.DataFrame({"pixels": x}), y)


def test_a_class_or_column_that_stands_twice_is_refused():
    x, y = make_pair(6)
    with pytest.raises(ValueError, match=r"each row of x must have a name of its own.*class0"):
        correlate(pd.concat([x, x.head(1)]), y)
    with pytest.raises(ValueError, match=r"each column of x must have a name of its own.*pixels"):
        correlate(pd.concat([x, x], axis=1), y)
