import numpy as np
import pandas as pd

from analysis.plots.importance import draw_importance, draw_importance_classes, importance_bars, importance_matrix

ROWS = pd.DataFrame(
    [
        ("objective", "gamma", "loss.name=focal", 1.0),
        ("objective", "lr", "", 0.3),
        ("objective", "loss.name", "", 0.7),
        ("objective", "flip", "", np.nan),
        ("car", "lr", "", 0.9),
        ("car", "loss.name", "", 0.1),
        ("bottle", "lr", "", 0.2),
        ("bottle", "gamma", "loss.name=focal", 1.0),
    ],
    columns=["target", "parameter", "branch", "importance"],
).assign(method="ped_anova", n=12, note="")


def test_bars_are_sorted_and_branches_come_last():
    bars = importance_bars(ROWS)
    assert bars["parameter"].tolist() == ["loss.name", "lr", "gamma"]


def test_classes_stand_rarest_first_and_what_is_unknown_is_missing():
    matrix = importance_matrix(ROWS, ["bottle", "car", "sky"])
    assert list(matrix) == ["bottle", "car"]
    assert list(matrix.index) == [("", "lr"), ("", "loss.name"), ("loss.name=focal", "gamma")]
    np.testing.assert_array_equal(matrix, [[0.2, 0.9], [np.nan, 0.1], [1.0, np.nan]])


def test_nothing_known_is_not_drawn(tables):
    for rows in (pd.DataFrame(), ROWS.assign(importance=np.nan)):
        assert draw_importance(rows) is None
        assert draw_importance_classes(rows, tables) is None
