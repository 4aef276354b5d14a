"""Heat map of the differences of IoU, comparisons × classes, rarest class first."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from analysis.plots.labels import (
    WRITE_UP_TO,
    distinct_labels,
    label_columns,
    label_rows,
    pair_name,
    signed_change,
    write_cells,
)
from analysis.plots.style import ABSENT, DIVERGING, PAIRS, cut_note, new_figure
from analysis.study.class_summary import class_order_text

ALPHA = 0.05
PAIR = ["treatment", "a", "b"]
HATCH = {"facecolor": (1, 1, 1, 0.55), "edgecolor": "#b4b9be", "hatch": "//", "lw": 0}
"""Drawn over a difference that could not be decided: pale, so that its colour claims nothing."""


class Differences(NamedTuple):
    """Three tables (treatment, a, b) × class, and how many comparisons there are in all."""

    values: pd.DataFrame
    """Differences b − a; NaN where the class has no score."""
    shown: pd.DataFrame
    """Where a difference was shown."""
    undecidable: pd.DataFrame
    """Where so few trials cannot show a difference, whatever their scores, or nothing could be tested."""
    total: int


def difference_matrix(differences: pd.DataFrame, most: int = PAIRS) -> Differences | None:
    """Return the tables that the heat map shows. None: no class has a difference.

    Classes are rarest first (fewest train pixels). Of more than *most* comparisons those with the most classes with a
    shown difference are kept, and among equals those with the largest one.
    """
    known = differences.dropna(subset=["difference"]) if len(differences) else differences
    if known.empty:
        return None
    order = known.drop_duplicates("class").sort_values("train_pixels", kind="stable")["class"].tolist()
    first = known[PAIR].drop_duplicates()
    values, p, floor = (
        known.pivot(index=PAIR, columns="class", values=name)[order].reindex(pd.MultiIndex.from_frame(first))
        for name in ("difference", "p_adjusted", "floor_adjusted")
    )
    shown, undecidable = p <= ALPHA, values.notna() & (p.isna() | (floor > ALPHA))
    weight = shown.sum(axis=1) + values.abs().max(axis=1).fillna(0) / 10  # a difference of IoU is at most 1
    kept = values.index.isin(weight.sort_values(ascending=False, kind="stable").index[:most])
    return Differences(values[kept], shown[kept], undecidable[kept], len(values))


def draw_differences(differences: pd.DataFrame) -> Figure | None:
    """Draw the differences, starred where one was shown, pale and hatched where none could be. None: there are none."""
    matrix = difference_matrix(differences)
    if matrix is None:
        return None
    rows, columns = matrix.values.shape
    figure, axes = new_figure(4.4 + min(0.62 * columns, 8), 2.5 + 0.33 * rows)
    values = np.ma.masked_invalid(matrix.values.to_numpy(float))
    limit = max(float(np.abs(values).max()), 1e-3)
    axes.set_facecolor(ABSENT)
    norm = TwoSlopeNorm(0, -limit, limit)
    image = axes.imshow(values, cmap=DIVERGING, norm=norm, aspect="auto", interpolation="nearest")
    _mark(axes, matrix, limit)
    label_columns(axes, range(columns), distinct_labels(matrix.values.columns))
    label_rows(axes, range(rows), _names(matrix.values.index), fontsize=8.5)
    axes.spines[:].set_visible(False)
    notes = [f"first − second; {class_order_text(differences)}"]
    notes += ["★ a difference was shown"] * bool(matrix.shown.any(axis=None))
    notes += ["grey: no score"] * bool(np.ma.is_masked(values))
    cut = cut_note(matrix.total, rows, "comparisons", "the clearest")
    axes.set_title(f"Difference of IoU per class{cut}\n{'; '.join(notes)}", fontsize=10)
    figure.colorbar(image, ax=axes, label="difference", fraction=0.05, pad=0.02)
    if matrix.undecidable.any(axis=None):
        text = "cannot be decided with so few, whatever comes out"
        figure.legend(handles=[Patch(**HATCH, label=text)], loc="outside lower left")
    return figure


def _mark(axes, matrix: Differences, limit: float) -> None:
    """Pale what could not be decided, write the numbers where there is room, and star what was shown."""
    undecidable = matrix.undecidable.to_numpy()
    for row, column in np.argwhere(undecidable):
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **HATCH))
    written = matrix.values.shape[1] <= WRITE_UP_TO
    for dull in (False, True) if written else ():
        values = np.ma.masked_invalid(matrix.values.where(undecidable == dull).to_numpy(float))
        text = lambda value: signed_change(value, 2).replace("0.", ".")  # noqa: E731
        write_cells(axes, values, text, light=lambda value, dull=dull: not dull and abs(value) > 0.6 * limit)
    row, column = np.nonzero(matrix.shown)
    where = (column + 0.36, row - 0.26) if written else (column, row)  # beside the number
    axes.scatter(*where, s=60 if written else 90, marker="*", color="#111", edgecolor="white", lw=0.6, zorder=4)


def _names(index: pd.MultiIndex) -> list[str]:
    several = index.get_level_values("treatment").nunique() > 1
    names = []
    for treatment, a, b in index:
        name = pair_name(b, a, 46)
        names.append(f"{treatment}: {name}" if several and "\n" not in name else name)
    return names
