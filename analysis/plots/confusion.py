"""What the best trial takes each class for: its confusion matrix of the validation split."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from analysis.plots.class_scores import HATCH
from analysis.plots.labels import WRITE_UP_TO, distinct_labels, label_columns, label_rows, shorten, write_shares
from analysis.plots.style import MAP, new_figure
from analysis.reading.tables import Tables
from analysis.study.class_summary import class_order_text, class_summary
from analysis.study.leaderboard import VALIDATION, leaderboard

RARE = "*"
"""Behind the name of a class that is named as rare."""
WRITTEN_FROM = 0.005
"""Smallest share that is written into its cell: less would be written as .00."""


def confusion_shares(tables: Tables) -> pd.DataFrame:
    """Return a row per true class of the best trial: the shares of its validation pixels by predicted class.

    Classes come in the order of ``class_summary``; a class without true pixels has NaN. Without rows: no trial is
    complete, or the best one has no confusion matrix.
    """
    ranked = leaderboard(tables)
    rows = tables.confusion[tables.confusion["split"] == VALIDATION]
    rows = rows[rows["trial"] == ranked["trial"].iloc[0]] if len(ranked) else rows.head(0)
    if rows.empty:
        return pd.DataFrame()
    pixels = rows.astype({"true": str, "predicted": str}).pivot(index="true", columns="predicted", values="pixels")
    order = [name for name in class_summary(tables, VALIDATION)["class"] if name in pixels.index]
    pixels = pixels.loc[order, order].astype(float)
    totals = pixels.sum(axis=1)
    return pixels.div(totals.where(totals > 0), axis=0)


def draw_confusion(tables: Tables) -> Figure | None:
    """Draw the matrix; None: the best trial has none."""
    shares = confusion_shares(tables)
    if shares.empty:
        return None
    count, summary = len(shares), class_summary(tables, VALIDATION).set_index("class")
    side = 0.52 * count if count <= WRITE_UP_TO else min(0.36 * count, 9)
    figure, axes = new_figure(3 + side, 2 + 0.8 * side)
    values = np.ma.masked_invalid(shares.to_numpy())
    image = axes.imshow(values, cmap=MAP, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    empty = np.flatnonzero(np.ma.getmaskarray(values).all(axis=1))
    for row in empty:
        axes.add_patch(Rectangle((-0.5, row - 0.5), count, 1, **HATCH, lw=0))
    if count <= WRITE_UP_TO:
        write_shares(axes, np.ma.masked_less(values, WRITTEN_FROM))
    is_rare = summary["rare"].reindex(shares.index)
    names = [f"{name} {RARE}" if rare else name for name, rare in zip(distinct_labels(shares), is_rare, strict=True)]
    label_rows(axes, range(count), names)
    label_columns(axes, range(count), names)
    axes.spines[:].set_visible(False)
    longest = max(map(len, names))
    axes.set_ylabel("true class", labelpad=6 * longest)
    axes.set_xlabel("predicted class", labelpad=4.2 * longest)
    trial = shorten(leaderboard(tables)["trial"].iloc[0])
    axes.set_title(f"Trial {trial} on validation, {class_order_text(summary)}")
    figure.colorbar(image, ax=axes, label="share of the true pixels", fraction=0.05, pad=0.02)
    handles = [Patch(**HATCH, label="no pixel of the class")] if len(empty) else []
    handles += [Patch(alpha=0, label=f"{RARE} named as rare")] if is_rare.any() else []
    if handles:
        figure.legend(handles=handles, loc="outside lower right", ncols=2)
    return figure
