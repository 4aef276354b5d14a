"""Bars of parameter importance for the objective, and a heat map parameters × classes."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.plots.labels import WRITE_UP_TO, distinct_labels, label_columns, label_rows, write_shares
from analysis.plots.style import ABSENT, COLOURS, GRID, MAP, TOP, cut_note, new_figure
from analysis.reading.tables import Tables
from analysis.study.class_summary import class_order_text, class_summary, scored_split

OBJECTIVE = "objective"
"""The target of the rows that are about the objective; all others are classes."""
METHODS = {"ped_anova": "PED-ANOVA", "fanova": "fANOVA"}


def importance_bars(importance: pd.DataFrame) -> pd.DataFrame:
    """Return the rows about the objective that have a value: whole search first, then each branch, highest first."""
    if importance.empty:
        return importance
    rows = importance[importance["target"] == OBJECTIVE].dropna(subset=["importance"])
    return rows.sort_values(["branch", "importance"], ascending=[True, False], kind="stable")  # "" before any branch


def importance_matrix(importance: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """Return (branch, parameter) × class of importance; NaN where it could not be worked out.

    Args:
        importance: see ``study.importance``.
        order: classes, rarest first; classes that are not in it come last.
    """
    if importance.empty:
        return importance
    rows = importance[importance["target"] != OBJECTIVE].dropna(subset=["importance"])
    if rows.empty:
        return rows
    matrix = rows.pivot(index=["branch", "parameter"], columns="target", values="importance")
    matrix = matrix[[*(name for name in order if name in matrix), *(name for name in matrix if name not in order)]]
    key = matrix.mean(axis=1).rename("mean").reset_index()
    key = key.sort_values(["branch", "mean"], ascending=[True, False], kind="stable")  # "" sorts before any branch
    return matrix.reindex(pd.MultiIndex.from_frame(key[["branch", "parameter"]]))


def _names(rows: pd.DataFrame) -> list[str]:
    pairs = zip(distinct_labels(rows["parameter"], 30), distinct_labels(rows["branch"], 28), strict=True)
    return [f"{parameter}\nwhere {branch}" if branch else parameter for parameter, branch in pairs]


def draw_importance(importance: pd.DataFrame) -> Figure | None:
    """Draw a bar per parameter, another colour for parameters within a branch. None: nothing has a value."""
    bars = importance_bars(importance)
    if bars.empty:
        return None
    shown = bars.head(TOP)
    inner = (shown["branch"] != "").to_numpy()
    figure, axes = new_figure(7.4, 1.5 + 0.3 * len(shown) + 0.12 * inner.sum())
    places = np.arange(len(shown))
    axes.barh(places, shown["importance"], height=0.62, color=np.where(inner, COLOURS[5], COLOURS[0]))
    for place, value in zip(places, shown["importance"], strict=True):
        axes.text(value + 0.01, place, f"{value:.2f}", va="center", fontsize=9)
    label_rows(axes, places, _names(shown))
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, min(1.1, 1.15 * shown["importance"].max() + 0.02))
    axes.grid(axis="x", color=GRID)
    axes.set_xlabel(f"importance for the objective ({_how(shown)})")
    more = cut_note(len(bars), len(shown), "parameters", "first")
    if more:
        axes.set_title(f"Importance{more}")
    if inner.any():
        texts = {COLOURS[0]: "in all trials", COLOURS[5]: "among the trials of one branch (sums to 1 within it)"}
        figure.legend(handles=[Patch(color=c, label=text) for c, text in texts.items()], loc="outside lower left")
    return figure


def _how(rows: pd.DataFrame) -> str:
    methods = " and ".join(METHODS.get(name, str(name)) for name in rows["method"].unique())
    counts = rows["n"].astype(int)
    trials = f"{counts.min()}" if counts.nunique() == 1 else f"{counts.min()} to {counts.max()}"
    return f"{methods}, {trials} trials"


def draw_importance_classes(importance: pd.DataFrame, tables: Tables) -> Figure | None:
    """Draw parameters × classes, rarest class first. None: no class has a value."""
    summary = class_summary(tables, scored_split(tables))
    matrix = importance_matrix(importance, summary["class"].tolist())
    if matrix.empty:
        return None
    shown = matrix.head(TOP)
    rows, columns = shown.shape
    figure, axes = new_figure(3.6 + min(0.62 * columns, 8), 2.4 + 0.34 * rows)
    values = np.ma.masked_invalid(shown.to_numpy(float))
    cmap = matplotlib.colormaps[MAP].with_extremes(bad=ABSENT)
    image = axes.imshow(values, cmap=cmap, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    if columns <= WRITE_UP_TO:
        write_shares(axes, values)
    label_columns(axes, range(columns), distinct_labels(shown.columns))
    label_rows(axes, range(rows), _names(shown.index.to_frame()))
    axes.spines[:].set_visible(False)
    more = cut_note(len(matrix), rows, "parameters", "first")
    axes.set_title(f"Importance for each class, {class_order_text(summary)}{more}")
    missing = "; grey: could not be worked out" if values.mask.any() else ""
    figure.colorbar(image, ax=axes, label=f"importance{missing}", fraction=0.05, pad=0.02)
    return figure
