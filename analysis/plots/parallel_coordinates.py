"""Parallel coordinates: each trial a line through its sampled parameters to its objective."""

import math
from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from analysis.plots.labels import distinct_labels
from analysis.plots.style import INK, MANY_LINES, cut_note, new_figure
from analysis.reading.tables import Tables
from analysis.statistics.formatting import as_text
from analysis.study.leaderboard import leaderboard, objective_label
from analysis.study.parameter_scales import better_in_logs, is_numeric

MAP = "cividis_r"
NOT_SAMPLED = -0.14
"""Where a parameter stands that its trial did not have: below the axis, labelled n/a."""
AXES = 12


class Axis(NamedTuple):
    """One vertical axis, positions between 0 and 1."""

    name: str
    kind: str
    """``linear``, ``log``, ``categorical`` or ``single`` (one value)."""
    positions: np.ndarray
    """Of each trial; ``NOT_SAMPLED`` where it has no value."""
    ticks: dict[float, str]

    @property
    def log_note(self) -> str:
        """What a title says of the scale."""
        return " (log)" * (self.kind == "log")

    @property
    def sampled_ticks(self) -> dict[float, str]:
        """The ticks without that of trials which did not have the parameter."""
        return {place: text for place, text in self.ticks.items() if place != NOT_SAMPLED}


def parameter_axis(name: str, values: pd.Series, most: int | None = None) -> Axis:
    """Return the axis of one parameter, its scale chosen from its values; positions are those of the first *most*."""
    present = values.dropna()
    if not is_numeric(present):
        return _categorical(name, values, most)
    numbers = present.astype(float)
    low, high = numbers.min(), numbers.max()
    kind = "single" if low == high else "log" if better_in_logs(numbers) else "linear"
    scale = np.log10 if kind == "log" else np.asarray
    start, span = float(scale(low)), float(scale(high) - scale(low)) or 1.0
    place = (lambda value: 0.5) if kind == "single" else (lambda value: float((scale(value) - start) / span))
    positions = np.array([NOT_SAMPLED if pd.isna(value) else place(float(value)) for value in values.iloc[:most]])
    ticks = {place(tick): as_text(tick, digits=3) for tick in _ticks(low, high, kind, numbers)}
    return Axis(name, kind, positions, _with_missing(ticks, values))


def _ticks(low: float, high: float, kind: str, numbers: pd.Series) -> list[float]:
    distinct = sorted(set(numbers))
    if len(distinct) <= 5 and kind != "single":
        scaled = np.log(distinct) if kind == "log" else np.array(distinct)
        if np.diff(scaled).min() > 0.08 * (scaled[-1] - scaled[0]):  # else their labels would overlap
            return distinct
    if kind == "single":
        return distinct
    if kind == "log":
        decades = [10.0**power for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
        inner = [tick for tick in decades if 0.1 < math.log(tick / low) / math.log(high / low) < 0.9]
        return [low, *inner, high]
    return [low, (low + high) / 2, high]


def _categorical(name: str, values: pd.Series, most: int | None) -> Axis:
    levels = sorted(values.dropna().unique(), key=str)
    places = {level: (i + 0.5) / len(levels) for i, level in enumerate(levels)}
    positions = np.array([NOT_SAMPLED if pd.isna(value) else places[value] for value in values.iloc[:most]])
    # Trials of one level would hide each other: spread them a little, in the order of the table (best first), and only
    # those that are drawn: the best of many would all lie beside their tick.
    width = min(0.3 / len(levels), 0.12)
    for place in places.values():
        trials_at_level = np.flatnonzero(positions == place)
        if len(trials_at_level) > 1:
            positions[trials_at_level] += np.linspace(width, -width, len(trials_at_level))
    ticks = dict(zip(places.values(), distinct_labels(levels, 14), strict=True))
    return Axis(name, "categorical", positions, _with_missing(ticks, values))


def _with_missing(ticks: dict[float, str], values: pd.Series) -> dict[float, str]:
    return ticks | ({NOT_SAMPLED: "n/a"} if values.isna().any() else {})


def parallel_axes(tables: Tables, most: int | None = None) -> tuple[list[Axis], np.ndarray]:
    """Return the axes of the parameters that vary (at most twelve) with the objective last, and the objectives.

    Trials are in the order of ``leaderboard``, the best *most* of them; the scales of parameters are those of all.
    """
    ranked = leaderboard(tables)
    varying = [name for name in tables.parameters if ranked[name].nunique(dropna=False) > 1][:AXES]
    axes = [parameter_axis(name, ranked[name], most) for name in varying]
    label, objective = objective_label(tables), ranked["objective"].head(most or len(ranked))
    last = [parameter_axis(label, objective.rename(label))] if axes else []
    return [*axes, *last], objective.to_numpy(float)


def draw_parallel(tables: Tables) -> Figure | None:
    """Draw a line for each of the best 300 trials, the best on top; None when no parameter differs between trials."""
    axes, objectives = parallel_axes(tables, MANY_LINES)
    if not axes:
        return None
    figure, plot = new_figure(max(6.5, min(1.45 * len(axes), 4 + 0.8 * len(axes))), 4.8)
    norm = Normalize(objectives.min(), max(objectives.max(), objectives.min() + 1e-9))
    columns, alpha = np.arange(len(axes)), float(np.clip(12 / len(objectives), 0.35, 0.9))
    positions = np.array([axis.positions for axis in axes])
    lines = [np.column_stack([columns, trial]) for trial in positions.T][::-1]
    *others, best = matplotlib.colormaps[MAP](norm(objectives))[::-1]
    plot.add_collection(LineCollection(lines[:-1], colors=others, linewidths=1.3, alpha=alpha))
    plot.plot(*lines[-1].T, color=best, lw=2.6)
    for column, axis in enumerate(axes):
        _draw_axis(plot, column, axis)
    plot.set_title(f"Complete trials{cut_note(len(leaderboard(tables)), len(objectives))}", pad=18)
    plot.set_xticks(columns, [axis.name.replace(".", ".\n") for axis in axes])
    plot.set_xlim(-0.15, len(axes) - 0.35)
    plot.set_ylim(NOT_SAMPLED - 0.06, 1.06)
    plot.yaxis.set_visible(False)
    plot.spines[:].set_visible(False)
    plot.tick_params(axis="x", length=0)
    figure.colorbar(matplotlib.cm.ScalarMappable(norm, MAP), ax=plot, label=axes[-1].name, pad=0.01, fraction=0.04)
    return figure


def _draw_axis(plot, column: int, axis: Axis) -> None:
    plot.plot([column, column], [0, 1], color="#6b7075", lw=1, zorder=3)
    box = {"facecolor": "white", "alpha": 0.82, "edgecolor": "none", "pad": 0.6}
    for position, text in axis.ticks.items():
        plot.plot([column - 0.02, column + 0.02], [position] * 2, color=INK, lw=1, zorder=4)
        plot.text(column + 0.05, position, text, va="center", fontsize=8.5, bbox=box, zorder=5)
    if axis.kind == "log":
        plot.text(column, 1.03, "log", ha="center", va="bottom", fontsize=8, color="#555")
