"""The objective of each trial in the order in which trials started, and the best so far."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.style import COLOURS, INK, MANY_LINES, STATUS, new_figure, objective_axes
from analysis.reading.tables import Tables

MARKERS = {"complete": "o", "stopped": "v", "failed": "X", "running": "s"}


def history_table(tables: Tables) -> pd.DataFrame:
    """Return a row per trial that has a start, in that order: ``order`` (from 1), ``trial``, ``status``, ``objective``,
    ``reached`` and ``best``.

    ``objective`` is that of a complete trial; ``reached`` the highest validation of any other one before it ended (NaN:
    it was never validated); ``best`` the highest ``objective`` so far (NaN before the first complete trial).
    """
    started = tables.trials.dropna(subset=["started"])
    rows = started.sort_values(["started", "trial"], kind="stable")[["trial", "status", "objective"]]
    complete = rows["status"] == "complete"
    reached = tables.curves.groupby("trial")["objective"].max()
    rows["reached"] = rows["trial"].map(reached).astype(float).mask(complete)
    rows["objective"] = rows["objective"].astype(float).where(complete)
    rows["best"] = rows["objective"].cummax().ffill()
    rows.insert(0, "order", np.arange(1, len(rows) + 1))
    return rows.reset_index(drop=True)


def draw_history(tables: Tables) -> Figure | None:
    """Draw a dot per trial and the best so far as a step line. None: no trial has both a start and a value."""
    table = history_table(tables)
    if table[["objective", "reached"]].isna().all(axis=None):
        return None
    figure, axes = new_figure(8, 4.4)
    if table["best"].notna().any():
        axes.step(table["order"], table["best"], where="post", color=INK, lw=1.6, label="best so far")
    values = table["objective"].fillna(table["reached"])
    low, span = values.min(), (values.max() - values.min()) or 0.1
    size = 34 if len(table) <= 100 else 14
    for status, rows in table.groupby("status", sort=False):
        at = values[rows.index]
        name = {"stopped": "stopped (best until then)", "failed": "failed (best until then)"}.get(status, status)
        look = {"color": STATUS.get(status, COLOURS[3]), "marker": MARKERS.get(status, "D"), "s": size}
        axes.scatter(rows["order"], at, label=name, zorder=3, lw=0, rasterized=len(table) > MANY_LINES, **look)
        none = rows.loc[at.isna(), "order"]
        if len(none):
            look |= {"facecolor": "none", "lw": 1, "edgecolor": look.pop("color")}
            axes.scatter(none, np.full(len(none), low - 0.12 * span), label=f"{status}, never validated", **look)
    objective_axes(axes, tables, "trial, in order of start")
    figure.legend(loc="outside lower left", ncols=3)
    return figure
