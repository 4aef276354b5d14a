"""Trials to point at: history, slices and timeline. Pointing at one says which trial and which parameters it is."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.plots.history import history_table
from analysis.plots.interactive.page import as_json, described, plain
from analysis.plots.names import told_apart
from analysis.plots.parallel import NOT_SAMPLED
from analysis.plots.slices import COLUMNS, MAP, slice_axes, slice_note
from analysis.plots.style import COLOURS, INK, STATUS
from analysis.plots.timeline import LANES, lane_names, timeline_table, unit_of
from analysis.reading.collect import Tables
from analysis.study.standings import objective_label

SYMBOLS = {"complete": "circle", "stopped": "triangle-down", "failed": "x", "running": "square"}
LEGEND, ABOVE = {"orientation": "h", "y": -0.2}, {"orientation": "h", "y": 1.01, "yanchor": "bottom"}


def history_json(tables: Tables) -> str | None:
    """Return the history of the objective; None where no trial has both a start and a value."""
    table = history_table(tables)
    values = table["objective"].fillna(table["reached"])
    if values.isna().all():
        return None
    about = described(tables)
    best = {"x": table["order"], "y": table["best"], "mode": "lines", "line": {"color": INK, "shape": "hv"}}
    figure = go.Figure(go.Scatter(name="best so far", hoverinfo="skip", **best))
    for status, rows in table[values.notna()].groupby("status", sort=False):
        figure.add_scatter(
            x=rows["order"],
            y=values[rows.index],
            mode="markers",
            name=plain(status),
            marker={"color": STATUS.get(status, COLOURS[3]), "symbol": SYMBOLS.get(status, "diamond"), "size": 7},
            text=about[rows["trial"]].tolist(),
            hovertemplate="%{text}<br>%{y:.4f}<extra></extra>",
        )
    figure.update_xaxes(title="trial, in order of start").update_yaxes(title=f"validation {objective_label(tables)}")
    return as_json(figure, legend=LEGEND)


def slice_json(tables: Tables) -> str | None:
    """Return a panel a parameter; None where no parameter varies."""
    axes, rows = slice_axes(tables)
    if not axes:
        return None
    columns = min(len(axes), COLUMNS)
    lines = -(-len(axes) // columns)
    names = told_apart((axis.name for axis in axes), 26)
    titles = [plain(name) + " (log)" * (axis.kind == "log") for name, axis in zip(names, axes, strict=True)]
    figure = make_subplots(lines, columns, shared_yaxes=True, subplot_titles=titles, vertical_spacing=0.32 / lines)
    order, trials = np.arange(1, len(rows) + 1), rows["trial"].to_numpy()
    for number, axis in enumerate(axes):
        where = {"row": number // columns + 1, "col": number % columns + 1}
        has = axis.positions != NOT_SAMPLED
        figure.add_scatter(
            x=axis.positions[has],
            y=rows["objective"].to_numpy(float)[has],
            mode="markers",
            marker={"color": order[has], "coloraxis": "coloraxis", "size": 5},
            text=[plain(f"{trial}: {value}") for trial, value in zip(trials[has], rows[axis.name][has], strict=True)],
            hovertemplate="%{text}<br>%{y:.4f}<extra></extra>",
            **where,
        )
        ticks = {place: plain(text) for place, text in axis.ticks.items() if place != NOT_SAMPLED}
        figure.update_xaxes(
            tickvals=list(ticks), ticktext=list(ticks.values()), range=[-0.08, 1.08], tickfont={"size": 11}, **where
        )
    figure.update_yaxes(title=f"validation {objective_label(tables)}", col=1)
    figure.update_annotations(font_size=12)
    scale = {"colorscale": MAP.removesuffix("_r"), "reversescale": True, "colorbar": {"title": "order of start"}}
    note = {
        "text": slice_note(axes).replace("; ", ";<br>"),
        "font": {"size": 13},
        "y": 1,
        "yref": "container",
        "yanchor": "top",
        "pad": {"t": 12},
    }
    look = {"height": 200 + 230 * lines, "margin": {"l": 60, "r": 30, "t": 96, "b": 50}}
    return as_json(figure, coloraxis=scale, showlegend=False, title=note, **look)


def timeline_json(tables: Tables) -> str | None:
    """Return a bar a trial; None where no trial has a start, or none took any time."""
    table = timeline_table(tables)
    if table.empty or table["end"].max() <= 0:
        return None
    table["lane"] = [plain(name) for name in lane_names(table["machine"], table["slot"])]
    lanes = table["lane"].unique()[:LANES]
    unit, size = unit_of(table["end"].max())
    about = described(tables)
    figure = go.Figure()
    for status, rows in table[table["lane"].isin(lanes)].groupby("status", sort=False):
        figure.add_bar(
            orientation="h",
            base=rows["start"] / size,
            x=(rows["end"] - rows["start"]) / size,
            y=rows["lane"],
            name=plain(status),
            marker={"color": STATUS.get(status, COLOURS[3]), "line": {"color": "white", "width": 0.5}},
            text=about[rows["trial"]].tolist(),
            textposition="none",
            hovertemplate=f"%{{text}}<br>%{{x:.2f}} {unit}<extra></extra>",
        )
    figure.update_xaxes(title=f"{unit} since the first start")
    figure.update_yaxes(categoryorder="array", categoryarray=lanes[::-1], type="category")
    look = {"height": 200 + 24 * len(lanes), "margin": {"l": 150, "r": 30}}
    # By itself a legend of one status would not be shown.
    return as_json(figure, barmode="overlay", legend=ABOVE, showlegend=True, **look)
