import numpy as np
import pandas as pd

from analysis.plots.history import draw_history, history_table


def test_the_best_so_far_in_order_of_start(tables):
    rows = [
        ("late", "10:30", "complete", 0.5),
        ("first", "10:00", "stopped", np.nan),
        ("second", "10:10", "complete", 0.4),
        ("third", "10:20", "complete", 0.2),
        ("never", None, "failed", np.nan),
    ]
    trials = pd.DataFrame(rows, columns=["trial", "started", "status", "objective"])
    trials["started"] = "2024-05-01T" + trials["started"] + ":00+00:00"
    curves = pd.DataFrame({"trial": ["first", "first", "second"], "objective": [0.3, 0.1, 0.4]})
    table = history_table(tables._replace(trials=trials, curves=curves))
    assert table["trial"].tolist() == ["first", "second", "third", "late"]
    assert table["order"].tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(table["objective"], [np.nan, 0.4, 0.2, 0.5])
    np.testing.assert_array_equal(table["best"], [np.nan, 0.4, 0.4, 0.5])
    np.testing.assert_array_equal(table["reached"], [0.3, np.nan, np.nan, np.nan])


def test_a_study_without_values_has_no_history(tables):
    empty = tables._replace(trials=tables.trials.assign(objective=np.nan), curves=tables.curves.iloc[:0])
    assert draw_history(empty) is None
    assert draw_history(tables._replace(trials=tables.trials.iloc[:0])) is None
