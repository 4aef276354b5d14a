"""The objective over two numeric parameters at a time: interpolated between trials, never beyond them."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.interpolate import griddata
from scipy.stats import spearmanr

from analysis.plots.labels import shorten
from analysis.plots.parallel_coordinates import Axis, parameter_axis
from analysis.plots.style import INK, MANY_LINES, new_figure
from analysis.reading.tables import Tables
from analysis.study.leaderboard import leaderboard, objective_label

MAP = "cividis"
LEAST_TRIALS, LEAST_VALUES = 10, 5
BINS = 8
"""Of more than BINS × BINS places, those in one of as many equal cells are averaged: else noise would be all to see."""
CELLS = 80
FLAT = 1e-3
"""Places whose second singular value is below this share of the first one lie on a line: no area to interpolate in."""


class Surface(NamedTuple):
    """The objective over two parameters."""

    x: Axis
    y: Axis
    points: pd.DataFrame
    """A row per place that was tried: ``x`` and ``y`` (positions on the axes), mean ``objective``, ``trials``."""
    grid: np.ndarray
    """CELLS × CELLS (y, x) of the objective, linear between places, or means of places; NaN outside of them."""
    averaged: bool
    """Whether the grid is between means of places."""


def objective_surface(tables: Tables, importance: pd.DataFrame) -> Surface | None:
    """Return the surface over the two most important numeric parameters that every complete trial has.

    None: fewer than ten complete trials, fewer than two such parameters, or all trials on one line.

    Args:
        importance: rows of ``target`` "objective" decide; without them the rank correlation with the objective does.
    """
    rows = leaderboard(tables)
    if len(rows) < LEAST_TRIALS:
        return None
    axes = (parameter_axis(name, rows[name]) for name in tables.parameters if rows[name].notna().all())
    numbers = (axis for axis in axes if axis.kind in ("linear", "log"))
    numeric = {axis.name: axis for axis in numbers if len(np.unique(axis.positions)) >= LEAST_VALUES}
    weights = _weights(importance, numeric, rows["objective"])
    first_two = sorted(numeric, key=lambda name: -weights[name])[:2]
    if len(first_two) < 2:
        return None
    x, y = (numeric[name] for name in first_two)
    places = pd.DataFrame({"x": x.positions, "y": y.positions, "objective": rows["objective"].to_numpy(float)})
    points = places.groupby(["x", "y"])["objective"].agg(objective="mean", trials="size").reset_index()
    averaged = len(points) > BINS**2
    between = _averaged(points) if averaged else points
    spread = np.linalg.svd(between[["x", "y"]] - between[["x", "y"]].mean(), compute_uv=False)
    if len(between) < 3 or spread[1] < FLAT * spread[0]:
        return None
    steps = np.linspace(0, 1, CELLS)
    grid = griddata(between[["x", "y"]].to_numpy(), between["objective"], tuple(np.meshgrid(steps, steps)))
    return Surface(x, y, points, grid, averaged)


def _averaged(points: pd.DataFrame) -> pd.DataFrame:
    cells = [(points[side] * BINS).clip(upper=BINS - 1).astype(int) for side in ("x", "y")]
    return points[["x", "y", "objective"]].groupby(cells).mean()


def _weights(importance: pd.DataFrame, numeric: dict[str, Axis], objective: pd.Series) -> dict[str, float]:
    given = {}
    if not importance.empty:
        overall = importance[(importance["target"] == "objective") & (importance["branch"] == "")]
        given = overall.dropna(subset=["importance"]).set_index("parameter")["importance"].to_dict()
    if len(given.keys() & numeric.keys()) >= 2:
        return {name: given.get(name, 0.0) for name in numeric}
    return {name: abs(np.nan_to_num(spearmanr(axis.positions, objective)[0])) for name, axis in numeric.items()}


def surface_note(surface: Surface) -> str:
    """Return how the surface came about."""
    return f"Between means of {BINS} × {BINS} cells of trials (dots)" if surface.averaged else "Between trials (dots)"


def draw_contour(tables: Tables, importance: pd.DataFrame) -> Figure | None:
    """Draw the surface with a dot per place. None where there is no surface, see ``objective_surface``."""
    surface = objective_surface(tables, importance)
    if surface is None:
        return None
    figure, axes = new_figure(6.6, 5)
    steps = np.linspace(0, 1, CELLS)
    shades = axes.contourf(steps, steps, np.ma.masked_invalid(surface.grid), levels=12, cmap=MAP)
    dots = {"s": 14, "color": "white", "edgecolor": INK, "lw": 0.6, "rasterized": len(surface.points) > MANY_LINES}
    axes.scatter(surface.points["x"], surface.points["y"], zorder=3, **dots)
    for side, axis in (("x", surface.x), ("y", surface.y)):
        ticks, label = axis.sampled_ticks, shorten(axis.name, 40) + axis.log_note
        look = {"lim": (-0.03, 1.03), "ticks": list(ticks), "ticklabels": list(ticks.values()), "label": label}
        axes.set(**{f"{side}{name}": value for name, value in look.items()})
    axes.set_title(f"{surface_note(surface)}; all other parameters vary as well", fontsize=9.5)
    figure.colorbar(shades, ax=axes, label=f"validation {objective_label(tables)}", fraction=0.05, pad=0.02)
    return figure
