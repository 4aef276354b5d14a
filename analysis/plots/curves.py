"""Learning curves: the validation objective over epochs, the best few in colour, attempts apart."""

import re

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from analysis.plots.names import short
from analysis.plots.style import COLOURS, GRID, MANY_LINES, PALE, blank
from analysis.reading.collect import Tables
from analysis.study.leaderboard import objective_label, standings

BEST = 5
"""Trials that are drawn in colour."""
OTHERS = "other trials (stopped, failed and running ones too)"
FEW_EPOCHS = 12
"""Validations below which each one gets its own dot."""


def curve_lines(tables: Tables) -> list[tuple[str, int, int | None, pd.DataFrame]]:
    """Return (trial, attempt, rank, rows with ``epoch`` and ``objective``) per line; rank is None beyond the best few.

    The coloured lines come last, so that they are drawn on top.
    """
    ranks = {trial: rank for rank, trial in enumerate(standings(tables)["trial"].head(BEST))}
    measured = tables.curves.dropna(subset=["objective", "epoch"]).sort_values(["trial", "attempt", "epoch"])
    grouped = measured[["epoch", "objective"]].groupby([measured["trial"], measured["attempt"]], sort=False)
    lines = [(trial, int(attempt), ranks.get(trial), rows) for (trial, attempt), rows in grouped]
    return sorted(lines, key=lambda line: -BEST if line[2] is None else -line[2])


def line_name(tables: Tables, trial: str, attempt: int) -> str:
    """Return the trial, with its attempt where it was started more than once."""
    attempts = tables.curves.loc[tables.curves["trial"] == trial, "attempt"].nunique()
    return f"{short(trial)}, attempt {attempt}" if attempts > 1 else short(trial)


def draw_curves(tables: Tables) -> Figure | None:
    """Draw all curves; a later attempt of a trial is dashed. None when no trial has a history."""
    lines = curve_lines(tables)
    if not lines:
        return None
    figure, axes = blank(8, 4.6)
    draw_pale(axes, [rows.to_numpy(float) for _, _, rank, rows in lines if rank is None], OTHERS)
    for trial, attempt, rank, rows in lines:
        if rank is not None:
            marker = {"marker": "o", "markersize": 4} if len(rows) < FEW_EPOCHS else {}
            look = {"color": COLOURS[rank], "lw": 2, "ls": "-" if attempt == 1 else "--"}
            name = f"{rank + 1}. {line_name(tables, trial, attempt)}"
            axes.plot(rows["epoch"], rows["objective"], label=name, **look, **marker)
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"validation {objective_label(tables)}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(color=GRID)
    in_order(figure, axes, ncols=2)
    return figure


def draw_pale(axes, lines: list[np.ndarray], label: str) -> None:
    """Draw *lines*, arrays of (x, y), behind everything else: at most some hundreds, and the legend says so."""
    if not lines:
        return
    if len(lines) > MANY_LINES:
        label = f"{MANY_LINES} of {len(lines)} {label}"
        lines = [lines[i] for i in np.linspace(0, len(lines) - 1, MANY_LINES).astype(int)]
    look = {"colors": PALE, "linewidths": 0.9, "rasterized": len(lines) >= MANY_LINES}
    axes.add_collection(LineCollection(lines, label=label, zorder=1.5, **look))
    points = np.array([line[0] for line in lines if len(line) == 1]).reshape(-1, 2)
    axes.plot(*points.T, "o", color=PALE, markersize=4, zorder=1.5)  # validated once: no line to draw
    axes.autoscale_view()


def in_order(figure: Figure, axes, ncols: int = 1, **look) -> None:
    """Write the legend below: numbered entries by their number, whatever else there is after them."""
    handles, labels = axes.get_legend_handles_labels()
    numbers = [re.match(r"\d+", label) for label in labels]
    order = sorted(range(len(labels)), key=lambda i: int(numbers[i][0]) if numbers[i] else len(labels) + i)
    figure.legend(
        [handles[i] for i in order], [labels[i] for i in order], loc="outside lower left", ncols=ncols, **look
    )
