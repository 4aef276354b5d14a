import numpy as np
import pandas as pd
import pytest

from analysis.plots.parallel import NOT_SAMPLED, parallel_axes, parameter_axis


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
