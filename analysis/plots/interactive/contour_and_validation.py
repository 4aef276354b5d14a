"""Interactive contour of the objective over two parameters, and validation against test."""

import numpy as np
import pandas as pd
from plotly.colors import get_colorscale

from analysis.plots.contour import CELLS, MAP, objective_surface, surface_note
from analysis.plots.interactive.plotly_json import as_json, colour_bar, plain, titled
from analysis.plots.parallel_coordinates import Axis
from analysis.plots.style import COLOURS, INK, SOFT
from analysis.plots.validation_vs_test import chosen_points
from analysis.reading.tables import Tables
from analysis.study.leaderboard import objective_label


def contour_json(tables: Tables, importance: pd.DataFrame) -> str | None:
    """Return the objective over the two most important numeric parameters; None where there is no surface."""
    surface = objective_surface(tables, importance)
    if surface is None:
        return None
    steps = np.linspace(0, 1, CELLS).round(4)
    grid = np.where(np.isnan(surface.grid), None, surface.grid.round(4))
    shades = {
        "type": "contour",
        "x": steps,
        "y": steps,
        "z": grid,
        "hoverinfo": "skip",
        "line": {"width": 0},
        "colorscale": get_colorscale(MAP),
        "colorbar": colour_bar(objective_label(tables)),
    }
    dots = {
        "type": "scatter",
        "x": surface.points["x"],
        "y": surface.points["y"],
        "mode": "markers",
        "marker": {"color": "white", "size": 6, "line": {"color": INK, "width": 1}},
        "text": [f"{p.objective:.4f}, {p.trials} trial{'s' * (p.trials > 1)}" for p in surface.points.itertuples()],
        "hovertemplate": "%{text}<extra></extra>",
    }
    axes = {"xaxis": _axis(surface.x), "yaxis": _axis(surface.y)}
    return as_json([shades, dots], title={"text": surface_note(surface), "font": {"size": 13}}, **axes)


def _axis(axis: Axis) -> dict:
    ticks = {"tickvals": list(axis.ticks), "ticktext": list(axis.ticks.values())}
    return titled(plain(axis.name) + (" (log)" if axis.kind == "log" else ""), range=[-0.03, 1.03], **ticks)


def validation_test_json(validation_test: pd.DataFrame) -> str | None:
    """Return a dot per configuration, with its name; None where fewer than two have both scores."""
    points = chosen_points(validation_test)
    if len(points) < 2:
        return None
    ends = [points[["validation", "test"]].min(axis=None), points[["validation", "test"]].max(axis=None)]
    line = {"mode": "lines", "line": {"color": SOFT, "dash": "dot"}, "hoverinfo": "skip"}
    traces = [{"type": "scatter", "x": ends, "y": ends, "name": "equal"} | line]
    groups = {
        "a configuration": (~(points["best_validation"] | points["best_test"]), COLOURS[0], 7),
        "best by test": (points["best_test"], COLOURS[2], 16),
        "best by validation": (points["best_validation"], COLOURS[1], 12),
    }
    for name, (mask, colour, size) in groups.items():
        rows = points[mask]
        symbol = "circle-open" if name == "best by test" else "circle"
        traces.append(
            {
                "type": "scatter",
                "x": rows["validation"],
                "y": rows["test"],
                "mode": "markers",
                "name": name,
                "marker": {"color": colour, "size": size, "symbol": symbol},
                "text": [plain(text).replace(" ", "<br>") for text in rows["configuration"]],
                "hovertemplate": "%{text}<br>validation %{x:.4f}, test %{y:.4f}<extra></extra>",
            }
        )
    axes = {"xaxis": titled("validation, mean over trials"), "yaxis": titled("test, mean over trials")}
    return as_json(traces, legend={"orientation": "h", "y": -0.2}, **axes)
