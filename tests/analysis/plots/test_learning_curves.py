import json

import numpy as np
import pandas as pd

from analysis.plots.interactive import curves_json
from analysis.plots.learning_curves import (
    curve_bands,
    curve_lines,
    draw_configuration_curves,
    draw_curves,
    stage_starts,
)
from analysis.study.leaderboard import leaderboard


def test_best_curves_come_last_and_attempts_are_lines_of_their_own(tables):
    lines = curve_lines(tables)
    assert lines[-1][0] == leaderboard(tables)["trial"].iloc[0]
    assert [rank for *_, rank, _ in lines][-5:] == [4, 3, 2, 1, 0]
    assert [attempt for trial, attempt, *_ in lines if trial == "t000"] == [1, 2]
    assert {"failed1", "stopped1", "running1"} <= {trial for trial, *_ in lines}
    assert all(rows["epoch"].is_monotonic_increasing for *_, rows in lines)


def test_a_study_without_curves_draws_none(tables):
    without = tables._replace(curves=tables.curves.iloc[:0])
    assert draw_curves(without) is None
    assert curves_json(without) is None
    assert draw_configuration_curves(without) is None


def two_configurations(tables):
    """The trials a and b of one configuration, c of a better one, d stopped; a went through epoch 2 twice."""
    first = tables.trials.iloc[0].to_dict()
    rows = [
        first | {"trial": name, "objective": value, "status": status, "loss.name": loss, "config_hash": loss}
        for name, value, status, loss in [
            ("a", 0.3, "complete", "ce"), ("b", 0.5, "complete", "ce"),
            ("c", 0.6, "complete", "dice"), ("d", np.nan, "stopped", "dice"),
        ]
    ]  # fmt: skip
    curves = [
        ("a", 1, 1, 0.1), ("a", 1, 2, 0.9), ("a", 2, 2, 0.2), ("a", 2, 3, 0.3),
        ("b", 1, 1, 0.3), ("b", 1, 2, 0.5), ("c", 1, 1, 0.6), ("d", 1, 1, 0.0),
    ]  # fmt: skip
    return tables._replace(
        trials=pd.DataFrame(rows),
        curves=pd.DataFrame(curves, columns=["trial", "attempt", "epoch", "objective"]),
        parameters=("loss.name",),
    )


def test_bands_are_mean_and_range_as_far_as_all_trials_went(tables):
    bands = curve_bands(two_configurations(tables))
    assert bands["configuration"].tolist() == ["loss.name=dice", "loss.name=ce", "loss.name=ce"]
    assert bands["rank"].tolist() == [0, 1, 1]
    assert bands["epoch"].tolist() == [1, 1, 2]  # b ended with epoch 2
    assert bands["trials"].tolist() == [1, 2, 2]
    np.testing.assert_allclose(bands[["low", "mean", "high"]], [[0.6, 0.6, 0.6], [0.1, 0.2, 0.3], [0.2, 0.35, 0.5]])


def test_a_line_says_where_a_stage_begins(tables):
    """Trial a was started again in its second stage; c, the best, has a longer first one."""
    study = two_configurations(tables)
    rows = [
        ("a", 1, 1, 0.1, "coarse"), ("a", 1, 2, 0.2, "coarse"), ("a", 1, 3, 0.2, "fine"), ("a", 2, 3, 0.3, "fine"),
        ("b", 1, 1, 0.3, None), ("b", 1, 2, 0.5, None),
        ("c", 1, 1, 0.1, "coarse"), ("c", 1, 2, 0.2, "coarse"), ("c", 1, 3, 0.2, "coarse"), ("c", 1, 4, 0.6, "fine"),
        ("d", 1, 1, 0.0, "coarse"), ("d", 1, 2, 0.0, "fine"),
    ]  # fmt: skip
    staged = study._replace(curves=pd.DataFrame(rows, columns=["trial", "attempt", "epoch", "objective", "stage"]))
    assert stage_starts(staged) == {"fine": 2.5}  # d was stopped: it is none of the best
    lines = [line for line in draw_curves(staged).axes[0].lines if list(line.get_xdata()) == [2.5, 2.5]]
    assert len(lines) == 1
    assert [text.get_text().strip() for text in draw_curves(staged).axes[0].texts] == ["fine"]
    assert json.loads(curves_json(staged))["layout"]["shapes"][0]["label"] == {"text": "fine"}
    assert stage_starts(study) == {}
    assert json.loads(curves_json(study))["layout"]["shapes"] == []


def test_configurations_that_ran_once_have_no_bands(tables):
    once = two_configurations(tables)
    assert draw_configuration_curves(once) is not None
    assert draw_configuration_curves(once._replace(trials=once.trials[once.trials["trial"] != "a"])) is None
