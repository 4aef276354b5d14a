import pandas as pd

from analysis.plots.critical_difference import MOST, clique_bars, diagram_rows, draw_ranks


def ranks(levels: int) -> pd.DataFrame:
    """Levels a, b, … with the mean ranks 1, 2, …, worst first."""
    rows = [(f"level {i:03d}", float(i + 1), 5, levels, 2.5) for i in range(levels)]
    return pd.DataFrame(rows[::-1], columns=["level", "mean_rank", "n", "k", "critical_difference"])


def test_names_stand_from_the_outside_in():
    rows = diagram_rows(ranks(5))
    assert rows["mean_rank"].tolist() == [1, 2, 3, 4, 5]
    assert rows["side"].tolist() == ["left", "left", "left", "right", "right"]
    assert rows["row"].tolist() == [0, 1, 2, 1, 0]


def test_of_many_levels_the_best_are_shown():
    rows = diagram_rows(ranks(200))
    assert len(rows) == MOST
    assert rows["mean_rank"].max() == MOST


def test_bars_that_touch_lie_in_different_rows():
    rows = diagram_rows(ranks(6))
    names = [f"level {i:03d}" for i in range(6)]
    bars = clique_bars(rows, [names[:3], names[2:4], names[4:6], names[:1]])
    assert bars.values.tolist() == [[1, 3, 0], [3, 4, 1], [5, 6, 0]]


def test_bars_are_cut_to_the_levels_that_are_shown_and_none_lies_in_another():
    rows = diagram_rows(ranks(6)).head(4)
    names = [f"level {i:03d}" for i in range(6)]
    bars = clique_bars(rows, [names[:3], names[1:5], names[2:6]])
    assert bars[["low", "high"]].values.tolist() == [[1, 3], [2, 4]]


def test_one_level_has_no_diagram():
    assert draw_ranks(pd.DataFrame()) is None
    assert draw_ranks(ranks(1)) is None
    assert draw_ranks(ranks(2)) is not None
