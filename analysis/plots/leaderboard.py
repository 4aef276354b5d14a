"""Validation objective of each trial, and beside it the test score, which chose nothing."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.labels import distinct_labels, label_rows, shorten
from analysis.plots.style import COLOURS, GRID, PALE, TOP, cut_note, headline, new_figure
from analysis.reading.tables import Tables
from analysis.statistics.formatting import number
from analysis.study.leaderboard import TEST, VALIDATION, baseline, leaderboard, objective_name, score_name

FEW = 8


def leaderboard_table(tables: Tables, top: int = TOP) -> pd.DataFrame:
    """Return the best *top* complete trials: ``trial``, ``validation`` and ``test`` (NaN: not counted).

    Both are the same quantity, from counts: the floor in the objective ``rare_iou`` ranks, but is not drawn.
    """
    ranked, name = leaderboard(tables).head(top), objective_name(tables)
    validation = ranked.get(f"{VALIDATION}_{name}", ranked["objective"])
    test = ranked.get(f"{TEST}_{name}", np.nan)
    return pd.DataFrame({"trial": ranked["trial"], "validation": validation, "test": test})


def draw_answer(tables: Tables) -> Figure | None:
    """Draw the best few trials beside what always predicting the most frequent class would get."""
    return draw_leaderboard(tables, top=FEW, width=5.6, with_baseline=True)


def draw_leaderboard(tables: Tables, top: int = TOP, width: float = 8, *, with_baseline: bool = False) -> Figure | None:
    """Draw one row per trial, best on top; None when no trial is complete."""
    table, total = leaderboard_table(tables, top), len(leaderboard(tables))
    if table.empty:
        return None
    figure, axes = new_figure(width, 1.5 + 0.27 * len(table))
    rows = np.arange(len(table))
    axes.hlines(rows, table[["validation", "test"]].min(axis=1), table[["validation", "test"]].max(axis=1), color=PALE)
    axes.plot(table["validation"], rows, "o", color=COLOURS[0], markersize=7, label="validation (ranked by this)")
    if table["test"].notna().any():
        axes.plot(table["test"], rows, "D", color=COLOURS[1], markerfacecolor="white", markersize=6, label="test")
    label_rows(axes, rows, distinct_labels(table["trial"]))
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.grid(axis="x", color=GRID)
    axes.set_xlabel(score_name(objective_name(tables)))
    headline(figure, f"Objective of each trial{cut_note(total, len(table))}")
    if with_baseline:
        _draw_baseline(tables, axes, table["trial"].iloc[0])
    figure.legend(loc="outside lower left", ncols=2 if width > 7 else 1)
    return figure


def _draw_baseline(tables: Tables, axes, trial: str) -> None:
    constant = baseline(tables, trial, VALIDATION)
    if constant is None or objective_name(tables) != "miou" or np.isnan(constant[1]):
        return  # the objective rare_iou has a floor on top, which this has not
    (frequent_class, value), (low, high) = constant, axes.get_xlim()
    label = f"always predicting {shorten(frequent_class, 24)!r} (validation)"
    if max(low - value, value - high) > high - low:  # it would leave the trials less than half of the width
        side = "left" if value < low else "right"
        axes.plot([], [], " ", label=f"{label}:\n{number(value)}, to the {side} of this picture")
    else:
        axes.axvline(value, color="#6b7075", ls=":", label=label)
