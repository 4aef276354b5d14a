"""Validation against test, a dot per configuration."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from analysis.plots.labels import label_points, short_keys, wrap
from analysis.plots.learning_curves import numbered_legend
from analysis.plots.style import COLOURS, GRID, MANY_LINES, SOFT, new_figure
from analysis.reading.tables import Tables
from analysis.statistics.formatting import signed
from analysis.study.leaderboard import objective_label

NAMES = 10
"""Configurations up to which each is named; of more, only the two that validation and test would choose."""
LEAST = 3
"""Configurations from which a rank correlation says anything."""


def chosen_points(validation_test: pd.DataFrame) -> pd.DataFrame:
    """Return the configurations that have both scores, best by validation first.

    ``number`` counts from 1; ``best_validation`` and ``best_test`` mark those that each would choose.
    """
    if validation_test.empty:
        return validation_test
    rows = validation_test.dropna(subset=["validation", "test"])
    # As the audit ranks them: by means with the effects of blocks taken out.
    rows = rows.sort_values("adjusted", ascending=False, kind="stable").reset_index(drop=True)
    best = rows["test"].eq(rows["test"].max())
    return rows.assign(number=rows.index + 1, best_validation=rows.index == 0, best_test=best & ~best.duplicated())


def rank_correlation(points: pd.DataFrame) -> float:
    """Return Spearman's r of validation and test over configurations; NaN with fewer than three or no spread."""
    if len(points) < LEAST or points["validation"].nunique() == 1 or points["test"].nunique() == 1:
        return float("nan")
    return float(spearmanr(points["validation"], points["test"])[0])


def draw_validation_test(validation_test: pd.DataFrame, tables: Tables) -> Figure | None:
    """Draw the dots and the line on which both scores are equal. None: fewer than two have both scores."""
    points = chosen_points(validation_test)
    if len(points) < 2:
        return None
    figure, axes = new_figure(7.4, 5.2 + 0.3 * min(len(points), NAMES))
    chosen = points["best_validation"] | points["best_test"]
    dots = {"s": 34 if len(points) <= 50 else 16, "zorder": 3, "rasterized": len(points) > MANY_LINES}
    others = points[~chosen]
    axes.scatter(
        others["validation"], others["test"], color=COLOURS[0], lw=0, alpha=0.85, label="a configuration", **dots
    )
    named = points if len(points) <= NAMES else points[chosen]
    both = points["best_validation"] & points["best_test"]
    for mask, colour, text in (
        (both, COLOURS[2], "best by both"),
        (points["best_validation"] & ~both, COLOURS[1], "best by validation"),
        (points["best_test"] & ~both, COLOURS[2], "best by test (known only afterwards)"),
    ):
        for row in points[mask].itertuples():
            label = f"{row.number}: {wrap(f'{text}: {short_keys(row.configuration)}', 84)}"
            axes.scatter(row.validation, row.test, s=60, color=colour, zorder=4, label=label)
    ends = [points[["validation", "test"]].min(axis=None), points[["validation", "test"]].max(axis=None)]
    axes.plot(ends, ends, color=SOFT, lw=1, ls=":", label="equal")
    _frame(axes, points, tables)
    for row in others.itertuples() if len(points) <= NAMES else ():
        axes.plot([], [], ls="", label=f"{row.number}: {wrap(short_keys(row.configuration), 84)}")
    numbered_legend(figure, axes, fontsize=8.5, handlelength=1.2)
    numbers = zip(named["validation"], named["test"], named["number"].astype(str), strict=True)
    label_points(figure, axes, points[["validation", "test"]].to_numpy(float), numbers)
    return figure


def _frame(axes, points: pd.DataFrame, tables: Tables) -> None:
    for column, set_limits in (("validation", axes.set_xlim), ("test", axes.set_ylim)):
        low, high = points[column].min(), points[column].max()
        pad = 0.12 * (high - low) or 0.01
        set_limits(low - pad, high + pad)
    axes.set_xlabel(f"validation {objective_label(tables)}, mean over trials")
    axes.set_ylabel("test, mean over trials")
    axes.grid(color=GRID)
    r = rank_correlation(points)
    note = f"Spearman r = {signed(r, 2)}" if not np.isnan(r) else "too few for a rank correlation"
    axes.set_title(f"{len(points)} configurations: {note}")
