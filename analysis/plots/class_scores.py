"""IoU of the classes: a heat map of trials × classes, and class properties against class IoU."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, NullFormatter

from analysis.plots.labels import WRITE_UP_TO, distinct_labels, label_columns, label_points, label_rows, write_shares
from analysis.plots.style import ABSENT, COLOURS, MAP, TOP, cut_note, new_figure
from analysis.reading.tables import Tables
from analysis.statistics.formatting import as_text, p_text, signed
from analysis.study.class_summary import (
    PROPERTIES,
    class_correlations,
    class_matrix,
    class_order_text,
    class_summary,
    scored_split,
)
from analysis.study.leaderboard import TEST, VALIDATION, leaderboard

HATCH = {"facecolor": ABSENT, "edgecolor": "#8a9096", "hatch": "////"}
SPLITS = {VALIDATION: "Validation", TEST: "Test"}


def draw_heatmap(tables: Tables) -> Figure | None:
    """Draw IoU, best trial on top, rarest class first; an absent class is hatched grey. None: no trial."""
    split = scored_split(tables)
    matrix = class_matrix(tables, split, top=TOP)
    if matrix.empty or matrix.isna().all(axis=None):
        return None
    rows, columns = matrix.shape
    width = 0.62 * columns if columns <= WRITE_UP_TO else min(0.42 * columns, 10.4)
    figure, axes = new_figure(2.6 + width, 2.1 + 0.27 * rows)
    values = np.ma.masked_invalid(matrix.to_numpy(float))
    image = axes.imshow(values, cmap=MAP, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for row, column in np.argwhere(np.ma.getmaskarray(values)):
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **HATCH, lw=0))
    if columns <= WRITE_UP_TO:
        write_shares(axes, values)
    label_columns(axes, range(columns), distinct_labels(matrix.columns))
    label_rows(axes, range(rows), distinct_labels(matrix.index))
    axes.spines[:].set_visible(False)
    order = class_order_text(class_summary(tables, split))
    axes.set_title(f"{SPLITS.get(split, split)} IoU per class, {order}{cut_note(len(leaderboard(tables)), rows)}")
    figure.colorbar(image, ax=axes, label="IoU", fraction=0.05, pad=0.02)
    if np.ma.is_masked(values):
        figure.legend(handles=[Patch(**HATCH, label="absent (0/0): no score")], loc="outside lower right")
    return figure


def draw_properties(tables: Tables) -> Figure | None:
    """Draw one panel per property, a dot per class with its name and Spearman's r above; None: no class has a score."""
    summary = class_summary(tables)
    if summary[["iou", *PROPERTIES]].dropna().empty:
        return None
    correlations = class_correlations(tables)
    ranks = correlations[(correlations["method"] == "spearman") & (correlations["y"] == "mean IoU")].set_index("x")
    spread = np.array([summary["iou"] - summary["low"], summary["high"] - summary["iou"]]).clip(min=0)
    colours = np.where(summary["rare"], COLOURS[1], COLOURS[0])
    figure, panels = new_figure(11, 4.4, ncols=3, sharey=True)
    for axes, (name, label) in zip(panels, PROPERTIES.items(), strict=True):
        axes.errorbar(summary[name], summary["iou"], yerr=spread, fmt="none", ecolor="#b9bec3", lw=1)
        axes.scatter(summary[name], summary["iou"], color=colours, s=28, zorder=3)
        least = summary.loc[summary[name] > 0, name].min()
        symmetric = {"value": "symlog", "linthresh": float(np.nan_to_num(least, nan=1.0))}
        axes.set_xscale(**({"value": "log"} if summary[name].min() > 0 else symmetric))
        # Plain numbers: matplotlib writes exponents as formulas, which figures do not set (see style).
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: as_text(float(value), 1)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(label)
        axes.minorticks_off()
        axes.margins(x=0.18, y=0.12)
        row = ranks.loc[name]
        axes.set_title(f"Spearman r = {signed(row['r'], 2)}, adjusted p {p_text(row['p_adjusted'])}", fontsize=9.5)
    panels[0].set_ylabel("validation IoU, mean over trials")
    dots = [
        Line2D([], [], ls="", marker="o", color=COLOURS[i], label=text)
        for i, text in ((1, "named as rare"), (0, "other classes"))
        if (summary["rare"] == bool(i)).any()
    ]
    dots.append(Line2D([], [], color="#b9bec3", label="lowest to highest trial"))
    figure.legend(handles=dots, loc="outside lower left", ncols=3)
    for axes, name in zip(panels, PROPERTIES, strict=True):
        known = summary.dropna(subset=["iou", name])
        names = zip(known[name], known["iou"], distinct_labels(known["class"], 12), strict=True)
        label_points(figure, axes, known[[name, "iou"]].to_numpy(float), names)
    return figure
