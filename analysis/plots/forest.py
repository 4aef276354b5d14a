"""Forest plot: differences with their intervals, one row per comparison."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.plots.labels import label_rows, pair_name, signed_change
from analysis.plots.style import COLOURS, INK, PAIRS, PALE, SOFT, cut_note, headline, new_figure
from analysis.reading.tables import Tables
from analysis.statistics.formatting import p_name, p_text
from analysis.study.comparisons import TreatmentComparison, score_label

ALPHA = 0.05
ROPE = 0.005
"""Differences of mean IoU within ± this are of no practical matter (the region of practical equivalence)."""
SHOWN, UNSHOWN, UNDECIDABLE, UNTESTED = "shown", "no difference shown", "cannot be decided", "nothing to test"
LOOKS = {
    SHOWN: (COLOURS[0], COLOURS[0]),
    UNSHOWN: (INK, "white"),
    UNDECIDABLE: ("#9aa0a6", "white"),
    UNTESTED: (PALE, "white"),
}
"""State → colour, and fill of the dot."""


def forest_rows(comparisons: Sequence[TreatmentComparison]) -> pd.DataFrame:
    """Return the rows of the questions about the first score, each question's from the highest difference down.

    Column ``state``: a difference was ``shown``; ``no difference shown``; it ``cannot be decided`` with so few blocks,
    whatever comes out; or ``nothing to test``. Rows without a difference are left to the table of comparisons.
    """
    asked = [question for question in comparisons if question.score == comparisons[0].score and len(question.rows)]
    if not asked:
        return pd.DataFrame()
    parts = [
        question.rows.assign(question=number).sort_values("difference", ascending=False, kind="stable")
        for number, question in enumerate(asked)
    ]
    rows = pd.concat(parts, ignore_index=True).dropna(subset=["difference"])
    cases = [rows["p"].isna(), rows["floor_adjusted"] > ALPHA, rows["p_adjusted"] <= ALPHA]
    return rows.assign(state=np.select(cases, [UNTESTED, UNDECIDABLE, SHOWN], UNSHOWN)).reset_index(drop=True)


def clearest(rows: pd.DataFrame, most: int = PAIRS) -> pd.DataFrame:
    """Return at most *most* of the rows, those with the smallest adjusted p (then the largest difference)."""
    size = rows["difference"].abs()
    order = rows.assign(size=-size).sort_values(["p_adjusted", "size"], kind="stable").index[:most]
    return rows.loc[rows.index.isin(order)].reset_index(drop=True)


def draw_forest(comparisons: Sequence[TreatmentComparison], tables: Tables) -> Figure | None:
    """Draw a dot and an interval a comparison. None: no comparison has a difference."""
    rows = forest_rows(comparisons)
    if rows.empty:
        return None
    shown = clearest(rows)
    places = np.arange(len(shown)) + 0.9 * shown["question"].rank(method="dense").to_numpy()
    figure, axes = new_figure(10, 1.7 + 0.34 * (places.max() + 1))
    axes.axvspan(-ROPE, ROPE, color="#eef3f7", zorder=0)
    axes.axvline(0, color=SOFT, lw=1)
    for place, row in zip(places, shown.itertuples(), strict=True):
        _draw_row(axes, place, row)
    names = [pair_name(row.b, row.a, 48) for row in shown.itertuples()]
    label_rows(axes, places, names, fontsize=8.5)
    axes.set_ylim(places.max() + 0.6, places.min() - 1.6)
    axes.margins(x=0.06)
    for _, group in shown.assign(place=places).groupby("question"):
        axes.text(
            -0.01, group["place"].min() - 0.85, group["treatment"].iloc[0], transform=axes.get_yaxis_transform(),
            fontsize=9, weight="bold", va="center", ha="right",
        )  # fmt: skip
    label = score_label(tables, shown["score"].iloc[0])
    axes.set_xlabel(f"difference of {label}, first − second, with its 95 % interval")
    headline(figure, f"Differences of {label}{cut_note(len(rows), len(shown), 'comparisons', 'the clearest')}")
    figure.legend(handles=_legend(shown), loc="outside lower left", ncols=2)
    return figure


def _draw_row(axes, place: float, row) -> None:
    colour, fill = LOOKS[row.state]
    if not np.isnan(row.low):
        axes.plot([row.low, row.high], [place, place], color=colour, lw=1.8, solid_capstyle="butt")
    axes.plot(row.difference, place, "o", color=colour, markerfacecolor=fill, markersize=6.5)
    decision = f"{p_name(row.correction, row.family_size)} {p_text(row.p_adjusted)}, n = {row.n}"
    if row.state == UNDECIDABLE:
        # Where looks before an extension have used the level, a few more blocks do not help: there is no needed n.
        decision = f"n = {row.n}" + ("" if np.isnan(row.needed_n) else f", needs {row.needed_n:.0f}")
    elif row.state == UNTESTED:
        decision = f"n = {row.n}"
    axes.text(
        1.01, place, f"{signed_change(row.difference)}   {decision}", transform=axes.get_yaxis_transform(), va="center",
        fontsize=8.5, color=INK if row.state in (SHOWN, UNSHOWN) else SOFT,
    )  # fmt: skip


def _legend(rows: pd.DataFrame) -> list:
    words = {SHOWN: "a difference was shown", UNDECIDABLE: "cannot be decided with so few, whatever comes out"}
    handles = [
        Line2D([], [], color=colour, marker="o", markerfacecolor=fill, label=words.get(state, state))
        for state, (colour, fill) in LOOKS.items()
        if (rows["state"] == state).any()
    ]
    return [*handles, Patch(color="#eef3f7", label=f"±{ROPE}: of no practical matter")]
