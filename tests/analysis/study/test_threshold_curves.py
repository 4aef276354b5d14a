"""Curves of configurations, by hand."""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.rates import exact_interval
from analysis.study.threshold_curves import COLUMNS, configuration_curves


@pytest.fixture
def compared(tables):
    """Two trials of the configuration ce, with the same false alarms at other thresholds; one of dice, the better."""
    first = tables.trials.iloc[0].to_dict()
    rows = [
        first | {"trial": name, "objective": value, "status": "complete", "loss.name": loss}
        for name, value, loss in [("a", 0.3, "ce"), ("b", 0.5, "ce"), ("c", 0.6, "dice"), ("d", 0.9, "gone")]
    ]
    nan = np.nan
    curves = [  # trial, split, threshold, positive, empty, found, alarms, recall, low, high, area
        ("a", "val", 0.1, 10, 20, 10, 20, 0.9, 0.8, 1.0, 0.5),
        ("a", "val", 0.5, 10, 20, 8, 1, 0.6, 0.5, 0.7, 0.001),
        ("a", "val", 0.9, 10, 20, 2, 0, 0.2, nan, nan, 0.0),
        ("b", "val", 0.1, 10, 20, 6, 1, 0.4, 0.2, 0.5, 0.001),
        ("b", "val", 0.5, 10, 20, 5, 1, 0.3, 0.1, 0.4, 0.0),
        ("b", "val", 0.9, 10, 20, 4, 0, 0.1, 0.0, 0.2, 0.0),
        ("b", "test", 0.1, 10, 20, 0, 0, 0.0, 0.0, 0.0, 0.0),
        ("c", "val", 0.1, 10, 20, 9, 2, nan, nan, nan, nan),
        ("c", "val", 0.9, 10, 20, 7, 1, nan, nan, nan, nan),
    ]
    return tables._replace(
        trials=pd.DataFrame(rows),
        threshold_curves=pd.DataFrame(curves, columns=tables.threshold_curves.columns),
        parameters=("loss.name",),
    )


def at(table: pd.DataFrame, curve: str, configuration: str, x: float) -> pd.Series:
    rows = table[(table["curve"] == curve) & (table["configuration"] == configuration)]
    return rows.loc[(rows["x"] - x).abs().idxmin()]


def test_each_trial_counts_at_its_own_threshold(compared):
    """At 5 % false alarms a has the threshold 0.5 and finds 8 of 10, b 0.1 and 6."""
    table = configuration_curves(compared)
    assert table.columns.tolist() == COLUMNS
    row = at(table, "images", "loss.name=ce", 0.05)
    assert (row["value"], row["threshold"], row["trials"], row["x"]) == (pytest.approx(0.7), 0.3, 2, 0.05)
    assert (row["low"], row["high"]) == pytest.approx(tuple(float(end) for end in exact_interval(0.7, 10)))
    none = at(table, "images", "loss.name=ce", 0)
    assert (none["value"], none["threshold"]) == (pytest.approx(0.3), 0.9)


def test_the_curve_of_pixels_is_the_mean_at_equal_areas(compared):
    table = configuration_curves(compared)
    row = at(table, "pixels", "loss.name=ce", 0.001)
    assert row[["value", "low", "high"]].tolist() == pytest.approx([0.5, 0.35, 0.6])
    zero = at(table, "pixels", "loss.name=ce", 0)
    assert zero["value"] == pytest.approx((0.2 + 0.3) / 2)
    assert np.isnan(zero["low"])  # one of the trials has no interval there
    areas = table.loc[table["curve"] == "pixels", "x"]
    assert (areas.iloc[0], areas[areas > 0].min(), areas.max()) == (0, pytest.approx(0.001), 1)


def test_the_best_configuration_comes_first_and_one_without_curves_is_left_out(compared):
    table = configuration_curves(compared)
    assert table["configuration"].unique().tolist() == ["loss.name=dice", "loss.name=ce"]
    of_classifier = table[table["configuration"] == "loss.name=dice"]
    assert of_classifier["curve"].unique().tolist() == ["images"]
    assert configuration_curves(compared, top=1)["configuration"].unique().tolist() == ["loss.name=dice"]


def test_where_every_threshold_has_more_false_alarms_nothing_is_found(compared):
    row = at(configuration_curves(compared), "images", "loss.name=dice", 0)
    assert row["value"] == 0
    assert np.isnan(row["threshold"])


def test_another_split(compared):
    table = configuration_curves(compared, "test")
    assert table["trials"].unique().tolist() == [1]
    assert (table["value"] == 0).all()


def test_a_study_without_curves_has_no_rows(tables):
    table = configuration_curves(tables)
    assert table.empty
    assert table.columns.tolist() == COLUMNS
