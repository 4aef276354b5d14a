"""The curves over thresholds as an interactive figure."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.plots.learning_curves import BEST
from analysis.plots.plotly_json import LEGEND, as_json, plain, scatter, titled
from analysis.plots.style import COLOURS, PALE
from analysis.plots.threshold_curves import BANDS, PANELS, Panel, labels, panels, percent
from analysis.statistics.formatting import as_text


def threshold_curves_json(curves: pd.DataFrame) -> str | None:
    """Return both curves of all configurations; pointing at one says at which threshold. None: no curves.

    Args:
        curves: see ``study.threshold_curves.configuration_curves``, the best configuration first.
    """
    drawn = panels(curves)
    if not drawn:
        return None
    named = {name: plain(label) for name, label in labels(curves)}
    traces: list[dict[str, Any]] = []
    titles: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"grid": {"rows": 1, "columns": len(drawn), "pattern": "independent", "xgap": 0.34}}
    for number, panel in enumerate(drawn):
        suffix = str(number + 1) if number else ""  # plotly's names: x, x2
        place = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        traces += [trace | place for trace in _traces(panel, named, in_legend=number == 0)]
        words, ticks = PANELS[panel.curve], panel.ticks
        marks = {"tickvals": list(ticks), "ticktext": list(ticks.values()), "range": [min(ticks), max(ticks)]}
        layout[f"xaxis{suffix}"] = titled(_lines(words.x), **marks)
        layout[f"yaxis{suffix}"] = titled(_lines(words.y), range=[-0.01, 1.01], tickformat=".0%")
        above = {"xref": f"x{suffix} domain", "yref": f"y{suffix} domain", "x": 0.5, "y": 1.1, "xanchor": "center"}
        titles.append(above | {"text": words.title, "showarrow": False, "font": {"size": 14}})
    height = 440 + 22 * min(len(named), BEST)
    return as_json(
        traces, legend=LEGEND | {"y": -0.24, "traceorder": "reversed"}, annotations=titles, height=height, **layout
    )


def _lines(text: str) -> str:
    return plain(text).replace("\n", "<br>")


def _traces(panel: Panel, named: dict[str, str], *, in_legend: bool) -> list[dict[str, Any]]:
    """Return the line of each configuration and the bands of the best few, which come last."""
    traces = []
    for place, (name, label) in reversed(list(enumerate(named.items()))):
        rows = panel.rows[panel.rows["configuration"] == name]
        coloured, banded = place < BEST, rows.dropna(subset=["low", "high"])
        group = {"legendgroup": label, "showlegend": in_legend and coloured, "name": label}
        if place < BANDS and len(banded):
            outline = np.concatenate([banded["position"], banded["position"][::-1]])
            ends = np.concatenate([banded["high"], banded["low"][::-1]])
            shade = {"fill": "toself", "fillcolor": COLOURS[place], "opacity": 0.15, "line": {"width": 0}}
            traces.append(scatter(outline, ends, "lines", **shade, **group | {"showlegend": False}))
        line = {"color": COLOURS[place], "width": 2.2} if coloured else {"color": PALE, "width": 1}
        look = {"line": line, "text": _texts(rows)} | group
        traces.append(scatter(rows["position"], rows["value"], "lines", f"{label}<br>%{{text}}", **look))
    return traces


def _texts(rows: pd.DataFrame) -> list[str]:
    """Return what stands beside the pointer at each point."""
    return [
        f"{percent(row.value)} at {percent(row.x)}"
        + ("" if np.isnan(row.low) else f", interval {percent(row.low)} to {percent(row.high)}")
        + ("" if np.isnan(row.threshold) else f"; threshold {as_text(row.threshold, 3)}")
        for row in rows.itertuples()
    ]
