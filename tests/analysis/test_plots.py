"""What the figures are drawn from, and that they are drawn for studies of every size."""

import numpy as np
import pandas as pd
import pytest

from analysis import load_study
from analysis.plots import FIGURES, draw_all
from analysis.plots.classes import class_correlations
from analysis.plots.curves import curve_lines, draw_curves
from analysis.plots.interactive import curves_json, parallel_json
from analysis.plots.leaderboard import leaderboard_table
from analysis.plots.parallel import NOT_SAMPLED, parallel_axes, parameter_axis
from analysis.plots.style import short
from analysis.study.standings import standings


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.geomspace(1e-4, 1e-1, 9), "log"),
        (np.linspace(0.001, 1, 9), "linear"),
        ([0, 0.1, 10], "linear"),
        ([64, 64, 64], "single"),
        (["x", "y", "x"], "categorical"),
        ([True, False, True], "categorical"),
        (["x", 1, 2.0], "categorical"),
    ],
)
def test_an_axis_finds_its_scale(values, kind):
    axis = parameter_axis("p", pd.Series(list(values), dtype=object))
    assert axis.kind == kind
    assert ((axis.positions >= 0) & (axis.positions <= 1)).all()
    assert NOT_SAMPLED not in axis.ticks


def test_a_missing_parameter_stands_below_the_axis():
    axis = parameter_axis("loss.gamma", pd.Series([1.0, np.nan, 3.0]))
    np.testing.assert_allclose(axis.positions, [0, NOT_SAMPLED, 1])
    assert axis.ticks[NOT_SAMPLED] == "n/a"


def test_equal_steps_in_logs_are_equal_distances():
    axis = parameter_axis("lr", pd.Series([1e-4, 1e-3, 1e-2, 1e-1]))
    np.testing.assert_allclose(axis.positions, [0, 1 / 3, 2 / 3, 1])
    assert list(axis.ticks.values()) == ["0.0001", "0.001", "0.01", "0.1"]


def test_axes_follow_the_standings_and_end_with_the_objective(tables):
    axes, objectives = parallel_axes(tables)
    assert axes[-1].name == "mIoU"
    assert {axis.name for axis in axes[:-1]} == set(tables.parameters)
    assert (np.diff(objectives) <= 0).all()


def test_best_curves_come_last_and_attempts_are_lines_of_their_own(tables):
    lines = curve_lines(tables)
    assert lines[-1][0] == standings(tables)["trial"].iloc[0]
    assert [rank for *_, rank, _ in lines][-5:] == [4, 3, 2, 1, 0]
    assert [attempt for trial, attempt, *_ in lines if trial == "t000"] == [1, 2]
    assert {"failed1", "stopped1", "running1"} <= {trial for trial, *_ in lines}


def test_leaderboard_table_has_both_scores(tables):
    table = leaderboard_table(tables, top=3)
    assert list(table) == ["trial", "validation", "test"]
    assert len(table) == 3


def test_every_figure_is_written_as_png_and_svg(tables, tmp_path):
    assert set(draw_all(tables, tmp_path)) == set(FIGURES)
    for name in FIGURES:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()


@pytest.mark.parametrize("trials", [0, 1, 2])
def test_tiny_studies_draw_what_they_can(make, tmp_path, trials):
    make.study(tmp_path / "s", trials)
    drawn = draw_all(load_study(tmp_path / "s"), tmp_path / "figures")
    assert ("leaderboard" in drawn) == ("heatmap" in drawn) == (trials > 0)
    assert ("parallel" in drawn) == (trials > 1)
    assert "curves" in drawn


def test_a_study_without_curves_draws_none(tables):
    assert draw_curves(tables._replace(curves=tables.curves.iloc[:0])) is None
    assert curves_json(tables._replace(curves=tables.curves.iloc[:0])) is None


def test_interactive_figures_cannot_end_their_script(tables):
    evil = tables.trials.assign(**{"loss.name": "</script><script>alert(1)</script>"})
    for text in (curves_json(tables._replace(trials=evil)), parallel_json(tables)):
        assert "</script" not in text


def test_correlations_cover_both_scores(tables):
    rows = class_correlations(tables)
    assert len(rows) == 2 * 3 * 3
    assert set(rows["y"]) == {"mean IoU", "IoU in the best trial"}


def test_long_names_are_cut_in_the_middle():
    assert short("abcdefghijklmnopqrstuvwxyz", 9) == "abcd…wxyz"
    assert short("abc", 9) == "abc"
