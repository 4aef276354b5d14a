import json

import numpy as np
import pandas as pd
import pytest

from analysis.plots.interactive import parallel_json
from analysis.plots.parallel_coordinates import NOT_SAMPLED, draw_parallel, parallel_axes, parameter_axis
from analysis.plots.style import MANY_LINES, styled


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


def many(tables, trials: int):
    """A study of *trials* complete trials, a category and a rate."""
    columns = {
        "trial": [f"t{i:04d}" for i in range(trials)], "status": "complete", "objective_name": "miou",
        "started": "2024-05-01T10:00:00+00:00", "objective": np.linspace(0.9, 0.1, trials),
        "kind": pd.Series(["uniform_by_the_cluster", "uniform_by_the_labels"] * trials).head(trials),
        "rate": np.linspace(0, 1, trials),
    }  # fmt: skip
    return tables._replace(trials=pd.DataFrame(columns), parameters=("kind", "rate"))


def test_lines_that_are_drawn_are_spread_around_their_ticks(tables):
    axes, objectives = parallel_axes(many(tables, 2 * MANY_LINES), MANY_LINES)
    assert len(objectives) == MANY_LINES
    kind = axes[0]
    for half, tick in enumerate(kind.ticks):
        np.testing.assert_allclose(kind.positions[half::2].mean(), tick)
    with styled():
        figure = draw_parallel(many(tables, 2 * MANY_LINES))
    assert figure.axes[0].get_title(loc="left") == "Complete trials (best 300 of 600 trials)"


def test_the_axis_of_a_parameter_is_that_of_all_trials(tables):
    study = many(tables, 6)
    study = study._replace(trials=study.trials.assign(kind=["a", "a", "a", "b", "b", "b"]))
    axes, _ = parallel_axes(study, 3)
    assert [axis.name for axis in axes] == ["kind", "rate", "mIoU"]
    assert list(axes[0].ticks.values()) == ["a", "b"]
    np.testing.assert_allclose(axes[1].positions, [0, 0.2, 0.4])


def test_the_first_live_axis_has_room_for_its_ticks(tables):
    ticks = json.loads(parallel_json(many(tables, 4)))
    longest = max(map(len, ticks["data"][0]["dimensions"][0]["ticktext"]))
    assert longest > 12
    assert ticks["layout"]["margin"]["l"] >= 7 * longest
