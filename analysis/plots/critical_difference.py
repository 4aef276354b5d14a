"""The critical-difference diagram of Demšar (2006): mean ranks on a line; a bar joins levels that do not differ."""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.labels import short_keys, wrap
from analysis.plots.style import COLOURS, INK, SOFT, cut_note, headline, new_figure
from analysis.statistics.formatting import as_text
from analysis.statistics.friedman import cliques

BAR_STEP = 0.32
"""Height between bars, in rows of names."""
MOST = 24
"""Levels that are drawn; the figure says so when there are more."""


def diagram_rows(ranks: pd.DataFrame) -> pd.DataFrame:
    """Return the best levels with where their names stand: ``side`` (left: the better half) and ``row`` from the top.

    On each side the outermost rank is the highest row, so that no two lines to the names cross.
    """
    shown = ranks.sort_values("mean_rank", kind="stable").head(MOST).reset_index(drop=True)
    half = -(-len(shown) // 2)
    number = np.arange(len(shown))
    row = np.where(number < half, number, len(shown) - 1 - number)
    return shown.assign(side=np.where(number < half, "left", "right"), row=row)


def clique_bars(rows: pd.DataFrame, groups: Sequence[Sequence[Hashable]]) -> pd.DataFrame:
    """Return a bar per group (see ``cliques``) with two or more of *rows*: ``low``, ``high`` (mean ranks), ``row``.

    Rows count from the top; a bar takes the highest in which it touches no other one.
    """
    place = rows.set_index("level")["mean_rank"]
    spans = [place[[level for level in group if level in place.index]] for group in groups]
    spans_of_groups = sorted({(float(span.min()), float(span.max())) for span in spans if len(span) > 1})
    longest = [
        (low, high)
        for low, high in spans_of_groups
        if not any(a <= low and high <= b for a, b in spans_of_groups if (a, b) != (low, high))
    ]
    ends: list[float] = []
    bars = []
    for low, high in longest:
        row = next((i for i, end in enumerate(ends) if end < low), len(ends))
        ends[row:] = [high, *ends[row + 1 :]]
        bars.append((low, high, row))
    return pd.DataFrame(bars, columns=["low", "high", "row"])


def draw_ranks(ranks: pd.DataFrame) -> Figure | None:
    """Draw ``average_ranks``, the best rank left. None: there are no ranks of two levels."""
    known = ranks.dropna(subset=["mean_rank"]) if len(ranks) else ranks
    if len(known) < 2:
        return None
    rows = diagram_rows(known)
    bars = clique_bars(rows, cliques(known))
    below = 0.9 + BAR_STEP * (bars["row"].max() + 1 if len(bars) else 0)  # rows between the line and the first name
    lines = rows["row"].max() + 1
    names = [f"{wrap(short_keys(as_text(row.level)), 36, 3)} ({row.mean_rank:.2f})" for row in rows.itertuples()]
    tall = 0.04 + 0.16 * max(2, *(name.count("\n") + 1 for name in names))
    figure, axes = new_figure(10, 1.5 + tall * (lines + below))
    low, high = np.floor(rows["mean_rank"].min()), np.ceil(rows["mean_rank"].max())
    high = max(high, low + 1)
    _draw_line(axes, low, high, float(rows["critical_difference"].iloc[0]))
    for bar in bars.itertuples():
        y = 0.55 + BAR_STEP * bar.row
        pad = 0.006 * (high - low)
        axes.plot([bar.low - pad, bar.high + pad], [y, y], color=COLOURS[0], lw=4, solid_capstyle="butt", zorder=4)
    margin = 0.06 * (high - low)
    axes.set_xlim(low - margin, high + margin)
    for row, text in zip(rows.itertuples(), names, strict=True):
        y, left = below + row.row, row.side == "left"
        end = low - margin if left else high + margin
        axes.plot([row.mean_rank, row.mean_rank, end], [0, y, y], color=SOFT, lw=0.9)
        axes.plot(row.mean_rank, 0, "o", color=INK, markersize=4, zorder=5)
        axes.annotate(
            text, (end, y), (-4 if left else 4, 0), textcoords="offset points", va="center",
            ha="right" if left else "left", ma="right" if left else "left", fontsize=8.5, annotation_clip=False,
        )  # fmt: skip
    axes.set_ylim(below + lines - 0.3, -1.9)
    axes.set_axis_off()
    n, k = int(rows["n"].iloc[0]), int(rows["k"].iloc[0])
    cut = cut_note(len(known), len(rows), "levels")
    text = f"Mean rank of {k} over {n} blocks, 1 is best{cut}; a bar joins those that Nemenyi's test cannot separate"
    headline(figure, text, fontsize=10)
    return figure


def _draw_line(axes, low: float, high: float, critical: float) -> None:
    axes.plot([low, high], [0, 0], color=INK, lw=1.2, zorder=3)
    step = max(1, round((high - low) / 12))
    for tick in np.arange(low, high + 1e-9, step):
        axes.plot([tick, tick], [0, -0.16], color=INK, lw=1)
        axes.text(tick, -0.24, f"{tick:.0f}", ha="center", va="bottom", fontsize=9)
    if np.isfinite(critical):
        inside = low + critical <= high
        end = low + critical if inside else high
        axes.plot([low, end], [-1.2, -1.2], color=INK, lw=1.6, ls="-" if inside else "--", clip_on=False)
        for tick in [low, end][: 1 + inside]:
            axes.plot([tick, tick], [-1.32, -1.08], color=INK, lw=1.6, clip_on=False)
        beyond = "" if inside else ", more than this line"
        axes.text(low, -1.4, f"critical difference {critical:.2f} (Nemenyi){beyond}", ha="left", fontsize=9)
