"""Interactive figures as JSON for plotly's script, which the page embeds once at its end."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from plotly.colors import get_colorscale

from analysis.plots import contour, parallel_coordinates, slices
from analysis.plots.history import history_table
from analysis.plots.interactive_thresholds import threshold_curves_json
from analysis.plots.learning_curves import FEW_EPOCHS, curve_lines, line_names, stage_starts
from analysis.plots.parallel_coordinates import NOT_SAMPLED, Axis, parallel_axes
from analysis.plots.plotly_json import LAYOUT, LEGEND, as_json, colour_bar, plain, scatter, titled
from analysis.plots.style import COLOURS, INK, MANY_LINES, PALE, SOFT, STATUS
from analysis.plots.timeline import LANES, lane_names, timeline_table, unit_of
from analysis.plots.validation_vs_test import chosen_points
from analysis.reading.tables import Tables
from analysis.study.leaderboard import objective_label, parameter_texts
from analysis.study.results import Results
from analysis.study.threshold_curves import configuration_curves

SYMBOLS = {"complete": "circle", "stopped": "triangle-down", "failed": "x", "running": "square"}


def _objective_axis(tables: Tables) -> dict[str, Any]:
    return titled(f"validation {objective_label(tables)}")


def _described(tables: Tables) -> pd.Series:
    """Return trial → its name and its parameters, a line each, for the box beside the pointer."""
    trials = tables.trials["trial"]
    about = [plain(text).replace(" ", "<br>") for text in parameter_texts(tables.trials, tables.parameters)]
    texts = [f"<b>{plain(trial)}</b><br>{text}" for trial, text in zip(trials, about, strict=True)]
    return pd.Series(texts, index=trials, dtype=object)


def contour_json(tables: Tables, importance: pd.DataFrame) -> str | None:
    """Return the objective over the two most important numeric parameters; None where there is no surface."""
    surface = contour.objective_surface(tables, importance)
    if surface is None:
        return None
    steps = np.linspace(0, 1, contour.CELLS).round(4)
    grid = np.where(np.isnan(surface.grid), None, surface.grid.round(4))
    shades = {"type": "contour", "x": steps, "y": steps, "z": grid, "hoverinfo": "skip", "line": {"width": 0}}
    shades |= {"colorscale": get_colorscale(contour.MAP), "colorbar": colour_bar(objective_label(tables))}
    points = surface.points
    look = {"marker": {"color": "white", "size": 6, "line": {"color": INK, "width": 1}}}
    look["text"] = [f"{p.objective:.4f}, {p.trials} trial{'s' * (p.trials > 1)}" for p in points.itertuples()]
    dots = scatter(points["x"], points["y"], "markers", "%{text}", **look)
    title = {"text": contour.surface_note(surface), "font": {"size": 13}}
    return as_json([shades, dots], title=title, xaxis=_surface_axis(surface.x), yaxis=_surface_axis(surface.y))


def _surface_axis(axis: Axis) -> dict[str, Any]:
    ticks = {"tickvals": list(axis.ticks), "ticktext": list(axis.ticks.values())}
    return titled(plain(axis.name) + axis.log_note, range=[-0.03, 1.03], **ticks)


def validation_test_json(validation_test: pd.DataFrame) -> str | None:
    """Return a dot per configuration, with its name; None where fewer than two have both scores."""
    points = chosen_points(validation_test)
    if len(points) < 2:
        return None
    ends = [points[["validation", "test"]].min(axis=None), points[["validation", "test"]].max(axis=None)]
    traces = [scatter(ends, ends, "lines", name="equal", line={"color": SOFT, "dash": "dot"})]
    for name, chosen, colour, size, symbol in (
        ("a configuration", ~(points["best_validation"] | points["best_test"]), COLOURS[0], 7, "circle"),
        ("best by test", points["best_test"], COLOURS[2], 16, "circle-open"),
        ("best by validation", points["best_validation"], COLOURS[1], 12, "circle"),
    ):
        rows = points[chosen]
        texts = [plain(text).replace(" ", "<br>") for text in rows["configuration"]]
        look = {"name": name, "marker": {"color": colour, "size": size, "symbol": symbol}, "text": texts}
        hover = "%{text}<br>validation %{x:.4f}, test %{y:.4f}"
        traces.append(scatter(rows["validation"], rows["test"], "markers", hover, **look))
    axes = {"xaxis": titled("validation, mean over trials"), "yaxis": titled("test, mean over trials")}
    return as_json(traces, legend=LEGEND, **axes)


def parallel_json(tables: Tables) -> str | None:
    """Return parallel coordinates with axes that can be dragged and brushed; None where there is nothing to draw."""
    axes, objectives = parallel_axes(tables)
    if not axes:
        return None
    dimensions = []
    for axis in axes:
        ticks = {"tickvals": list(axis.ticks), "ticktext": [plain(text) for text in axis.ticks.values()]}
        label = plain(axis.name).replace(".", ".<br>") + axis.log_note
        dimensions.append({"label": label, "values": axis.positions, "range": [NOT_SAMPLED - 0.06, 1.06]} | ticks)
    line = {"color": objectives, "colorscale": get_colorscale(parallel_coordinates.MAP), "showscale": True}
    trace = {"type": "parcoords", "dimensions": dimensions, "line": line | {"colorbar": colour_bar("")}}
    trace |= {"labelfont": {"size": 13}, "tickfont": {"size": 12}}
    return as_json([trace], margin={"l": _left(dimensions[0]), "r": 40, "t": 90, "b": 30})


def _left(dimension: dict) -> int:
    """Return the pixels that the first axis needs: its ticks stand left of it, its label in the middle above it."""
    ticks = max(map(len, dimension["ticktext"])) + 2
    label = max(map(len, dimension["label"].split("<br>"))) / 2 + 1
    return int(np.clip(7.5 * max(ticks, label), 60, 260))  # 7.5 pixels a letter


def curves_json(tables: Tables) -> str | None:
    """Return the learning curves; pointing at one says which trial and which parameters it is."""
    lines = curve_lines(tables)[-MANY_LINES:]
    if not lines:
        return None
    about, traces = _described(tables), []
    for (trial, attempt, rank, rows), name in zip(lines, map(plain, line_names(tables, lines)), strict=True):
        dots = (rank is not None and len(rows) < FEW_EPOCHS) or len(rows) == 1
        line = {"color": PALE, "width": 1} if rank is None else {"color": COLOURS[rank], "width": 2.2}
        look = {"opacity": 0.7, "name": name} if rank is None else {"opacity": 1, "name": f"{rank + 1}. {name}"}
        look |= {"showlegend": rank is not None, "line": line | {"dash": "solid" if attempt == 1 else "dash"}}
        x, y = rows[["epoch", "objective"]].to_numpy(float).T
        hover = f"epoch %{{x}}: %{{y:.4f}}<br>{about[trial]}"
        traces.append(scatter(x, y, "lines+markers" if dots else "lines", hover, **look))
    axes = {"xaxis": titled("epoch"), "yaxis": _objective_axis(tables)}
    upright = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": {"color": SOFT, "width": 1, "dash": "dot"}}
    starts = [upright | {"x0": at, "x1": at, "label": {"text": plain(s)}} for s, at in stage_starts(tables).items()]
    return as_json(traces, legend=LEGEND | {"traceorder": "reversed"}, shapes=starts, **axes)


def history_json(tables: Tables) -> str | None:
    """Return the history of the objective; None where no trial has both a start and a value."""
    table = history_table(tables)
    values = table["objective"].fillna(table["reached"])
    if values.isna().all():
        return None
    about, line = _described(tables), {"color": INK, "shape": "hv"}
    traces = [scatter(table["order"], table["best"], "lines", name="best so far", line=line)]
    for status, rows in table[values.notna()].groupby("status", sort=False):
        marker = {"color": STATUS.get(status, COLOURS[3]), "symbol": SYMBOLS.get(status, "diamond"), "size": 7}
        look = {"name": plain(status), "marker": marker, "text": about[rows["trial"]].tolist()}
        traces.append(scatter(rows["order"], values[rows.index], "markers", "%{text}<br>%{y:.4f}", **look))
    return as_json(traces, legend=LEGEND, xaxis=titled("trial, in order of start"), yaxis=_objective_axis(tables))


def timeline_json(tables: Tables) -> str | None:
    """Return a bar per trial; None where no trial has a start, or none took any time."""
    table = timeline_table(tables)
    if table.empty or table["end"].max() <= 0:
        return None
    table["lane"] = [plain(name) for name in lane_names(table["machine"], table["slot"])]
    lanes = table["lane"].unique()[:LANES]
    unit, size = unit_of(table["end"].max())
    about, traces = _described(tables), []
    for status, rows in table[table["lane"].isin(lanes)].groupby("status", sort=False):
        start, marker = rows["start"] / size, {"color": STATUS.get(status, COLOURS[3])}
        bars = {"type": "bar", "orientation": "h", "base": start, "x": (rows["end"] - rows["start"]) / size}
        bars |= {
            "y": rows["lane"],
            "name": plain(status),
            "marker": marker | {"line": {"color": "white", "width": 0.5}},
        }
        bars |= {"text": about[rows["trial"]].tolist(), "textposition": "none"}
        traces.append(bars | {"hovertemplate": f"%{{text}}<br>%{{x:.2f}} {unit}<extra></extra>"})
    order = {"type": "category", "categoryorder": "array", "categoryarray": lanes[::-1]}
    axes = {"xaxis": titled(f"{unit} since the first start"), "yaxis": order}
    axes |= {"height": 200 + 24 * len(lanes), "margin": {"l": 150, "r": 30}}
    # By itself a legend of one status would not be shown.
    legend = {"showlegend": True, "legend": LEGEND | {"y": 1.01, "yanchor": "bottom"}}
    return as_json(traces, barmode="overlay", **legend, **axes)


def slice_json(tables: Tables) -> str | None:
    """Return a panel per parameter; None where no parameter varies."""
    grid = slices.slice_grid(tables)
    if grid is None:
        return None
    axes, names, rows, lines, columns = grid
    suffixes = ["", *map(str, range(2, len(axes) + 1))]  # plotly's names: x, x2, x3, …
    traces = [_slice_dots(axis, rows, suffix) for axis, suffix in zip(axes, suffixes, strict=True)]
    layout: dict[str, Any] = {"showlegend": False, "height": 160 + 260 * lines}
    for panel, (axis, name, suffix) in enumerate(zip(axes, names, suffixes, strict=True)):
        title = {"text": plain(name) + axis.log_note, "font": {"size": 12}, "standoff": 6}
        ticks, texts = zip(*axis.sampled_ticks.items(), strict=True)
        shown = {"tickvals": ticks, "ticktext": [plain(text) for text in texts], "tickfont": {"size": 11}}
        layout[f"xaxis{suffix}"] = {"title": title, "range": [-0.08, 1.08]} | shown
        # All panels have one scale of the objective; the leftmost of each line say what it is.
        scale = _objective_axis(tables) if panel % columns == 0 else {"showticklabels": False}
        layout[f"yaxis{suffix}"] = scale | ({"matches": "y"} if suffix else {})
    layout["grid"] = {"rows": lines, "columns": columns, "pattern": "independent", "xgap": 0.08, "ygap": 0.36}
    layout["coloraxis"] = {"colorscale": get_colorscale(slices.MAP), "colorbar": colour_bar("order of start")}
    title = {"text": slices.slice_note(axes).replace("; ", ";<br>"), "font": {"size": 13}, "pad": {"t": 12}}
    layout["title"] = title | {"y": 1, "yref": "container", "yanchor": "top"}
    return as_json(traces, margin=LAYOUT["margin"] | {"t": 76}, **layout)


def _slice_dots(axis: Axis, rows: pd.DataFrame, suffix: str) -> dict[str, Any]:
    has = axis.positions != NOT_SAMPLED
    values = zip(rows["trial"][has], rows[axis.name][has], strict=True)
    marker = {"color": np.arange(1, len(rows) + 1)[has], "coloraxis": "coloraxis", "size": 5}
    look = {"marker": marker, "text": [plain(f"{trial}: {value}") for trial, value in values]}
    look |= {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    return scatter(axis.positions[has], rows["objective"][has], "markers", "%{text}<br>%{y:.4f}", **look)


INTERACTIVE: dict[str, Callable[[Tables, Results], str | None]] = {
    "history": lambda tables, results: history_json(tables),
    "curves": lambda tables, results: curves_json(tables),
    "threshold_curves": lambda tables, results: threshold_curves_json(configuration_curves(tables)),
    "parallel": lambda tables, results: parallel_json(tables),
    "slice": lambda tables, results: slice_json(tables),
    "contour": lambda tables, results: contour_json(tables, results.importance),
    "validation_test": lambda tables, results: validation_test_json(results.validation_test),
    "timeline": lambda tables, results: timeline_json(tables),
}


def figures_json(tables: Tables, results: Results) -> dict[str, str]:
    """Return name → JSON of every interactive figure that has something to show; names are those of ``FIGURES``."""
    drawn = ((name, draw(tables, results)) for name, draw in INTERACTIVE.items())
    return {name: figure for name, figure in drawn if figure is not None}
