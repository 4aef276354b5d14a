import numpy as np
import pandas as pd
import pytest

from analysis.plots.contour import CELLS, objective_surface

NONE = pd.DataFrame()


def study(tables, trials: int, line: bool = False):
    """Trials whose objective is x + 2y, whatever z is."""
    rng = np.random.default_rng(0)
    x, y, z = rng.random((3, trials))
    x[:2], y[:2] = (0, 1), (0, 1)
    y = x if line else y
    rows = pd.DataFrame({"x": x, "y": y, "z": z, "objective": x + 2 * y, "status": "complete"})
    rows = rows.assign(trial=[f"t{i}" for i in range(trials)], started="2024-05-01T10:00:00+00:00")
    return tables._replace(trials=rows, parameters=("x", "y", "z"))


def test_a_plane_is_a_plane_between_the_trials_and_nothing_beyond(tables):
    result = objective_surface(study(tables, 60), NONE)
    assert [result.x.name, result.y.name] == ["y", "x"]  # y weighs more
    assert not result.averaged
    steps = np.linspace(0, 1, CELLS)
    inside = ~np.isnan(result.grid)
    np.testing.assert_allclose(result.grid[inside], (steps[:, None] + 2 * steps)[inside], atol=1e-9)
    assert 0.5 < inside.mean() < 1


def test_many_trials_are_averaged_in_cells(tables):
    result = objective_surface(study(tables, 500), NONE)
    assert result.averaged
    assert len(result.points) == 500
    steps = np.linspace(0, 1, CELLS)
    assert np.nanmax(np.abs(result.grid - (steps[:, None] + 2 * steps))) < 1e-9  # means of a plane lie on it


def test_importance_decides_where_it_is_known(tables):
    rows = [("objective", name, "", value) for name, value in (("x", 0.1), ("y", 0.2), ("z", 0.7))]
    importance = pd.DataFrame(rows, columns=["target", "parameter", "branch", "importance"])
    result = objective_surface(study(tables, 30), importance)
    assert [result.x.name, result.y.name] == ["z", "y"]


@pytest.mark.parametrize(("trials", "line"), [(9, False), (30, True)])
def test_too_few_trials_or_a_line_is_no_surface(tables, trials, line):
    given = study(tables, trials, line)._replace(parameters=("x", "y"))
    assert objective_surface(given, NONE) is None


def test_one_numeric_parameter_is_no_surface(tables):
    assert objective_surface(study(tables, 30)._replace(parameters=("x",)), NONE) is None
