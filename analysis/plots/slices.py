"""The objective against each sampled parameter, one panel per parameter."""

import textwrap
from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.labels import distinct_labels
from analysis.plots.parallel_coordinates import AXES, NOT_SAMPLED, Axis, parameter_axis
from analysis.plots.style import COLOURS, GRID, INK, MANY_LINES, headline, new_figure
from analysis.reading.tables import Tables
from analysis.study.leaderboard import leaderboard, objective_label

MAP = "cividis_r"
COLUMNS = 4


def slice_axes(tables: Tables) -> tuple[list[Axis], pd.DataFrame]:
    """Return the axes of the parameters that vary (at most twelve), and the complete trials in order of start.

    The positions of an axis are those of the rows; within a category an earlier trial stands further left.
    """
    rows = leaderboard(tables).sort_values(["started", "trial"], kind="stable").reset_index(drop=True)
    varying = [name for name in tables.parameters if rows[name].nunique() > 1][:AXES]
    axes = [parameter_axis(name, rows[name][::-1]) for name in varying]
    return [axis._replace(positions=axis.positions[::-1]) for axis in axes], rows


class SliceGrid(NamedTuple):
    """The panels of a figure of slices: lines × columns, one panel per parameter."""

    axes: list[Axis]
    names: list[str]
    """Of the parameters, short enough for the title of a panel."""
    trials: pd.DataFrame
    """The complete trials in order of start."""
    lines: int
    columns: int


def slice_grid(tables: Tables) -> SliceGrid | None:
    """Return the panels of the parameters that vary; None: no parameter varies."""
    axes, trials = slice_axes(tables)
    if not axes:
        return None
    columns = min(len(axes), COLUMNS)
    names = distinct_labels((axis.name for axis in axes), 26)
    return SliceGrid(axes, names, trials, -(-len(axes) // columns), columns)


def draw_slices(tables: Tables) -> Figure | None:
    """Draw a dot per trial, later ones darker, and the median of each category. None: no parameter varies."""
    grid = slice_grid(tables)
    if grid is None:
        return None
    axes, names, rows, lines, columns = grid
    figure, panels = new_figure(
        max(4.5, 2.9 * columns), 0.9 + 2.6 * lines, nrows=lines, ncols=columns, sharey=True, squeeze=False
    )
    objective, order = rows["objective"].to_numpy(float), np.arange(1, len(rows) + 1)
    for panel, axis, name in zip(panels.flat, axes, names, strict=False):
        dots = _draw_panel(panel, axis._replace(name=name), objective, order)
    for panel in panels.flat[len(axes) :]:
        panel.set_axis_off()
    for panel in panels[:, 0]:
        panel.set_ylabel(f"validation {objective_label(tables)}", fontsize=9)
    note = slice_note(axes) + "; bar: median" * any(_at_ticks(axis) for axis in axes)
    headline(figure, textwrap.fill(note, int(14 * figure.get_figwidth())), fontsize=9)
    if len(rows) > 2:
        figure.colorbar(dots, ax=panels, label="trial, in order of start", fraction=0.02, pad=0.01)
    return figure


def slice_note(axes: list[Axis]) -> str:
    """Return in words what the colour and the place of a dot within its category mean."""
    categories = any(axis.kind == "categorical" for axis in axes)
    sideways = "; within a category dots stand in the same order, the first left" * categories
    return f"A dot per trial, the later it started the darker{sideways}"


def _at_ticks(axis: Axis) -> bool:
    """Say whether all dots belong to a tick, so that these have medians."""
    return axis.kind == "categorical" or bool(np.isin(axis.positions, [*axis.ticks, NOT_SAMPLED]).all())


def _draw_panel(panel, axis: Axis, objective: np.ndarray, order: np.ndarray) -> matplotlib.collections.PathCollection:
    has = axis.positions != NOT_SAMPLED
    look = {"c": order[has], "cmap": MAP, "vmin": 1, "vmax": max(order), "rasterized": has.sum() > MANY_LINES}
    look |= {"s": 24, "lw": 0.4, "edgecolor": INK} if len(order) <= 100 else {"s": 7, "lw": 0}
    dots = panel.scatter(axis.positions[has], objective[has], zorder=3, **look)
    ticks = axis.sampled_ticks
    if _at_ticks(axis):
        at = np.array(list(ticks))
        nearest = np.abs(axis.positions[has, None] - at).argmin(axis=1)
        medians, half = [np.median(objective[has][nearest == i]) for i in range(len(at))], 0.32 / len(at)
        panel.hlines(medians, at - half, at + half, color=COLOURS[1], lw=2.2, zorder=4)
    crowded = sum(len(text) + 2 for text in ticks.values()) > 30
    turned = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    panel.set_xticks(list(ticks), list(ticks.values()), fontsize=8, **turned)
    panel.set_xlim(-0.08, 1.08)
    panel.grid(color=GRID)
    where = "" if has.all() else f", {has.sum()} of {len(has)} trials"
    panel.set_title(f"{axis.name}{axis.log_note}{where}", fontsize=9)
    return dots
