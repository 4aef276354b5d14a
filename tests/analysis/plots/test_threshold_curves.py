"""Curves over thresholds as figures: which configurations are in colour, where values stand, what the legend says."""

import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from analysis.plots.interactive_thresholds import threshold_curves_json
from analysis.plots.style import PALE, styled
from analysis.plots.threshold_curves import (
    BANDS,
    BEST,
    draw_threshold_curves,
    found_at,
    labels,
    logarithm,
    percent,
    square_root,
)
from analysis.study.threshold_curves import COLUMNS

X = {"images": np.array([0, 0.01, 0.05, 1]), "pixels": np.array([0, 0.0001, 0.01, 1])}


def curves(configurations: int = 7, kinds=("images", "pixels")) -> pd.DataFrame:
    """Configurations of which each finds less than the one before."""
    parts = [
        pd.DataFrame({
            "curve": kind, "configuration": f"loss.name=l{number}", "threshold": [0.9, 0.8, 0.5, np.nan], "x": X[kind],
            "value": values, "low": values - 0.1, "high": values + 0.1, "trials": 3,
        })[COLUMNS]
        for number in range(configurations)
        for values in [np.array([0.3, 0.5, 0.6, 0.9]) - 0.02 * number]
        for kind in kinds
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_the_best_few_are_in_colour_the_first_of_them_with_bands():
    figure = draw_threshold_curves(curves())
    for axes in figure.axes:
        pale = [line for line in axes.lines if line.get_color() == PALE]
        assert len(pale) == 2
        assert len(axes.collections) == BANDS
    texts = [text.get_text() for text in figure.legends[0].texts]
    assert texts[0] == "1. l0 (3 trials, 60 % (50 to 70 %) found at 5 % false alarms)"
    assert texts[BEST:] == ["chance", "other configurations"]
    assert "best 5 of 7 configurations in colour" in figure.get_suptitle()


def test_rates_stand_at_their_square_root_and_areas_at_their_logarithm():
    left, right = draw_threshold_curves(curves(1)).axes
    line = next(line for line in left.lines if line.get_label().startswith("1."))
    np.testing.assert_allclose(line.get_xdata(), [0, 0.1, np.sqrt(0.05), 1])
    np.testing.assert_allclose(right.lines[0].get_xdata(), [-4.7, -4, -2, 0])
    assert [text.get_text() for text in right.get_xticklabels()] == ["0 %", "100 %", "10 %", "1 %", "0.1 %", "0.01 %"]
    assert square_root(np.array([0.25])).ticks[0.5] == "25 %"
    assert [*logarithm(np.array([1e-6])).ticks.values()] == ["0 %", "100 %", "1 %", "0.01 %"]
    assert logarithm(np.array([0.0])).positions.tolist() == [-0.7]  # nothing is found on any empty image


def test_a_classifier_has_one_panel():
    with styled():
        figure = draw_threshold_curves(curves(2, kinds=("images",)))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Is anything found in the image?"]


def test_without_intervals_there_is_a_line_and_no_interval_is_named():
    given = curves(1).assign(low=np.nan, high=np.nan)
    assert found_at(given[given["curve"] == "images"]) == "60 %"
    assert draw_threshold_curves(given) is not None
    assert len(json.loads(threshold_curves_json(given))["data"]) == 2


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1, "100 %"), (0.8412, "84 %"), (0.05, "5 %"), (0.0123, "1.2 %"), (1e-7, "0.00001 %")],
)
def test_shares_are_written_in_per_cent(share, text):
    assert percent(share) == text


def test_the_interactive_figure_has_both_panels_and_says_thresholds():
    figure = json.loads(threshold_curves_json(curves()))
    go.Figure(figure)  # raises where a property does not exist or a value does not fit
    lines = [trace for trace in figure["data"] if "text" in trace]
    assert {trace["xaxis"] for trace in lines} == {"x", "x2"}
    assert len(lines) == 14
    assert len(figure["data"]) - len(lines) == 2 * BANDS
    best = [trace for trace in lines if trace["name"].startswith("1. l0")]
    assert best[0]["text"][2] == "60 % at 5 %, interval 50 % to 70 %; threshold 0.5"
    assert best[0]["text"][3] == "90 % at 100 %, interval 80 % to 100 %"  # nothing is said of a threshold there is not
    assert [trace["showlegend"] for trace in best] == [True, False]
    assert best[0]["legendgroup"] == best[1]["legendgroup"]
    assert [note["text"] for note in figure["layout"]["annotations"]] == [
        "Is anything found in the image?", "How much of the foreground is found?",
    ]  # fmt: skip


def test_names_cannot_end_the_script():
    evil = curves(1).assign(configuration="</script><img src=x onerror=alert(1)>")
    text = threshold_curves_json(evil)
    assert "</script" not in text
    assert "<img" not in text


def test_without_curves_nothing_is_drawn():
    assert draw_threshold_curves(curves().head(0)) is None
    assert threshold_curves_json(curves().head(0)) is None


def test_a_configuration_is_named_once():
    assert [name for name, _ in labels(curves(3))] == ["loss.name=l0", "loss.name=l1", "loss.name=l2"]
