"""Learning curves: the validation objective over epochs, the best few in colour, attempts apart."""

import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.style import COLOURS, PALE, blank, short
from analysis.reading.collect import Tables
from analysis.study.standings import objective_label, standings

BEST = 5
"""Trials that are drawn in colour."""


def curve_lines(tables: Tables) -> list[tuple[str, int, int | None, pd.DataFrame]]:
    """Return (trial, attempt, rank, rows with ``epoch`` and ``objective``) per line; rank is None beyond the best few.

    The coloured lines come last, so that they are drawn on top.
    """
    ranks = {trial: rank for rank, trial in enumerate(standings(tables)["trial"].head(BEST))}
    measured = tables.curves.dropna(subset=["objective", "epoch"])
    lines = [
        (trial, int(attempt), ranks.get(trial), rows.sort_values("epoch")[["epoch", "objective"]])
        for (trial, attempt), rows in measured.groupby(["trial", "attempt"], sort=True)
    ]
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
    for trial, attempt, rank, rows in lines:
        style = {"color": PALE, "lw": 0.9}
        if rank is not None:
            name = f"{rank + 1}. {line_name(tables, trial, attempt)}"
            style = {"color": COLOURS[rank], "lw": 2, "label": name, "ls": "-" if attempt == 1 else "--"}
        marker = {"marker": "o", "markersize": 4} if (len(rows) < 12 and rank is not None) or len(rows) == 1 else {}
        axes.plot(rows["epoch"], rows["objective"], **style, **marker)
    if any(rank is None for _, _, rank, _ in lines):
        axes.plot([], [], color=PALE, lw=0.9, label="other trials (stopped, failed and running ones too)")
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"validation {objective_label(tables)}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(color="#eef0f1")
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: (not labels[i][0].isdigit(), labels[i]))
    figure.legend([handles[i] for i in order], [labels[i] for i in order], loc="outside lower left", ncols=2)
    return figure
