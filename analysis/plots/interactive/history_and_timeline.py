"""Interactive history and timeline; hovering over a trial shows its name and parameters."""

from analysis.plots.history import history_table
from analysis.plots.interactive.plotly_json import as_json, described, plain, titled
from analysis.plots.style import COLOURS, INK, STATUS
from analysis.plots.timeline import LANES, lane_names, timeline_table, unit_of
from analysis.reading.tables import Tables
from analysis.study.leaderboard import objective_label

SYMBOLS = {"complete": "circle", "stopped": "triangle-down", "failed": "x", "running": "square"}
LEGEND, ABOVE = {"orientation": "h", "y": -0.2}, {"orientation": "h", "y": 1.01, "yanchor": "bottom"}


def history_json(tables: Tables) -> str | None:
    """Return the history of the objective; None where no trial has both a start and a value."""
    table = history_table(tables)
    values = table["objective"].fillna(table["reached"])
    if values.isna().all():
        return None
    about = described(tables)
    traces = [
        {
            "type": "scatter",
            "x": table["order"],
            "y": table["best"],
            "mode": "lines",
            "name": "best so far",
            "line": {"color": INK, "shape": "hv"},
            "hoverinfo": "skip",
        }
    ]
    for status, rows in table[values.notna()].groupby("status", sort=False):
        colour, symbol = STATUS.get(status, COLOURS[3]), SYMBOLS.get(status, "diamond")
        traces.append(
            {
                "type": "scatter",
                "x": rows["order"],
                "y": values[rows.index],
                "mode": "markers",
                "name": plain(status),
                "marker": {"color": colour, "symbol": symbol, "size": 7},
                "text": about[rows["trial"]].tolist(),
                "hovertemplate": "%{text}<br>%{y:.4f}<extra></extra>",
            }
        )
    axes = {"xaxis": titled("trial, in order of start"), "yaxis": titled(f"validation {objective_label(tables)}")}
    return as_json(traces, legend=LEGEND, **axes)


def timeline_json(tables: Tables) -> str | None:
    """Return a bar per trial; None where no trial has a start, or none took any time."""
    table = timeline_table(tables)
    if table.empty or table["end"].max() <= 0:
        return None
    table["lane"] = [plain(name) for name in lane_names(table["machine"], table["slot"])]
    lanes = table["lane"].unique()[:LANES]
    unit, size = unit_of(table["end"].max())
    about = described(tables)
    traces = []
    for status, rows in table[table["lane"].isin(lanes)].groupby("status", sort=False):
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "base": rows["start"] / size,
                "x": (rows["end"] - rows["start"]) / size,
                "y": rows["lane"],
                "name": plain(status),
                "marker": {"color": STATUS.get(status, COLOURS[3]), "line": {"color": "white", "width": 0.5}},
                "text": about[rows["trial"]].tolist(),
                "textposition": "none",
                "hovertemplate": f"%{{text}}<br>%{{x:.2f}} {unit}<extra></extra>",
            }
        )
    order = {"type": "category", "categoryorder": "array", "categoryarray": lanes[::-1]}
    axes = {"xaxis": titled(f"{unit} since the first start"), "yaxis": order}
    look = {"height": 200 + 24 * len(lanes), "margin": {"l": 150, "r": 30}}
    # By itself a legend of one status would not be shown.
    return as_json(traces, barmode="overlay", legend=ABOVE, showlegend=True, **axes, **look)
