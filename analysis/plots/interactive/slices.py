"""Slices to point at: the objective against each parameter, a panel per parameter."""

import numpy as np
import pandas as pd
from plotly.colors import get_colorscale

from analysis.plots.interactive.plotly_json import as_json, colour_bar, plain, titled
from analysis.plots.parallel_coordinates import NOT_SAMPLED, Axis
from analysis.plots.slices import MAP, slice_grid, slice_note
from analysis.reading.tables import Tables
from analysis.study.leaderboard import objective_label


def slice_json(tables: Tables) -> str | None:
    """Return a panel per parameter; None where no parameter varies."""
    grid = slice_grid(tables)
    if grid is None:
        return None
    axes, names, rows, lines, columns = grid
    suffixes = ["", *map(str, range(2, len(axes) + 1))]  # plotly's names: x, x2, x3, …
    traces = [_dots(axis, rows, suffix) for axis, suffix in zip(axes, suffixes, strict=True)]
    layout = {f"xaxis{suffix}": _x(axis, name) for axis, name, suffix in zip(axes, names, suffixes, strict=True)}
    objective = f"validation {objective_label(tables)}"
    layout |= {f"yaxis{suffix}": _y(panel % columns == 0, objective, suffix) for panel, suffix in enumerate(suffixes)}
    layout["grid"] = {"rows": lines, "columns": columns, "pattern": "independent", "xgap": 0.08, "ygap": 0.36}
    layout["coloraxis"] = {"colorscale": get_colorscale(MAP), "colorbar": colour_bar("order of start")}
    layout["title"] = {
        "text": slice_note(axes).replace("; ", ";<br>"),
        "font": {"size": 13},
        "y": 1,
        "yref": "container",
        "yanchor": "top",
        "pad": {"t": 12},
    }
    look = {"height": 160 + 260 * lines, "margin": {"l": 60, "r": 30, "t": 76, "b": 50}}
    return as_json(traces, showlegend=False, **layout, **look)


def _dots(axis: Axis, rows: pd.DataFrame, suffix: str) -> dict:
    has = axis.positions != NOT_SAMPLED
    values = zip(rows["trial"][has], rows[axis.name][has], strict=True)
    return {
        "type": "scatter",
        "x": axis.positions[has],
        "y": rows["objective"][has],
        "xaxis": f"x{suffix}",
        "yaxis": f"y{suffix}",
        "mode": "markers",
        "marker": {"color": np.arange(1, len(rows) + 1)[has], "coloraxis": "coloraxis", "size": 5},
        "text": [plain(f"{trial}: {value}") for trial, value in values],
        "hovertemplate": "%{text}<br>%{y:.4f}<extra></extra>",
    }


def _x(axis: Axis, name: str) -> dict:
    ticks = {place: plain(text) for place, text in axis.ticks.items() if place != NOT_SAMPLED}
    title = {"text": plain(name) + " (log)" * (axis.kind == "log"), "font": {"size": 12}, "standoff": 6}
    shown = {"tickvals": list(ticks), "ticktext": list(ticks.values()), "tickfont": {"size": 11}}
    return {"title": title, "range": [-0.08, 1.08]} | shown


def _y(leftmost: bool, objective: str, suffix: str) -> dict:
    """All panels have one scale of the objective; the leftmost of each line say what it is."""
    shared = {"matches": "y"} if suffix else {}
    return shared | (titled(objective) if leftmost else {"showticklabels": False})
