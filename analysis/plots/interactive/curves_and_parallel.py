"""Interactive learning curves and parallel coordinates."""

import numpy as np
from plotly.colors import get_colorscale

from analysis.plots.interactive.plotly_json import as_json, colour_bar, described, plain, titled
from analysis.plots.labels import shorten
from analysis.plots.learning_curves import FEW_EPOCHS, curve_lines
from analysis.plots.parallel_coordinates import MAP, NOT_SAMPLED, parallel_axes
from analysis.plots.style import COLOURS, PALE
from analysis.reading.tables import Tables
from analysis.study.leaderboard import objective_label

MOST_CURVES = 300
LETTER, MOST_MARGIN = 7.5, 260
"""Pixels of a letter beside an axis, and the widest margin for these."""


def parallel_json(tables: Tables) -> str | None:
    """Return parallel coordinates with axes that can be dragged and brushed; None where there is nothing to draw."""
    axes, objectives = parallel_axes(tables)
    if not axes:
        return None
    dimensions = [
        {
            "label": plain(axis.name).replace(".", ".<br>") + (" (log)" if axis.kind == "log" else ""),
            "values": axis.positions,
            "range": [NOT_SAMPLED - 0.06, 1.06],
            "tickvals": list(axis.ticks),
            "ticktext": [plain(text) for text in axis.ticks.values()],
        }
        for axis in axes
    ]
    line = {"color": objectives, "colorscale": get_colorscale(MAP), "showscale": True, "colorbar": colour_bar("")}
    fonts = {"labelfont": {"size": 13}, "tickfont": {"size": 12}}
    trace = {"type": "parcoords", "dimensions": dimensions, "line": line} | fonts
    return as_json([trace], margin={"l": _left(dimensions[0]), "r": 40, "t": 90, "b": 30})


def _left(dimension: dict) -> int:
    """Return the pixels that the first axis needs: its ticks stand left of it, its label in the middle above it."""
    ticks = max(map(len, dimension["ticktext"])) + 2
    label = max(map(len, dimension["label"].split("<br>"))) / 2 + 1
    return int(np.clip(LETTER * max(ticks, label), 60, MOST_MARGIN))


def curves_json(tables: Tables) -> str | None:
    """Return the learning curves; pointing at one says which trial and which parameters it is."""
    lines = curve_lines(tables)[-MOST_CURVES:]
    if not lines:
        return None
    about = described(tables)
    attempts = tables.curves.groupby("trial")["attempt"].nunique()
    traces = []
    for trial, attempt, rank, rows in lines:
        name = plain(f"{shorten(trial)}, attempt {attempt}" if attempts[trial] > 1 else shorten(trial))
        dots = (rank is not None and len(rows) < FEW_EPOCHS) or len(rows) == 1
        traces.append(
            {
                "type": "scatter",
                "x": rows["epoch"].to_numpy(float),
                "y": rows["objective"].to_numpy(float),
                "mode": "lines+markers" if dots else "lines",
                "opacity": 0.7 if rank is None else 1,
                "name": name if rank is None else f"{rank + 1}. {name}",
                "showlegend": rank is not None,
                "line": {"color": PALE if rank is None else COLOURS[rank]}
                | {"width": 1 if rank is None else 2.2, "dash": "solid" if attempt == 1 else "dash"},
                "hovertemplate": f"epoch %{{x}}: %{{y:.4f}}<br>{about[trial]}<extra></extra>",
            }
        )
    legend = {"orientation": "h", "y": -0.2, "traceorder": "reversed"}
    yaxis = titled(f"validation {objective_label(tables)}")
    return as_json(traces, xaxis=titled("epoch"), yaxis=yaxis, legend=legend)
