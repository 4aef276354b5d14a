"""What each comparison did to each class: a heat map, rarest class left."""

import numpy as np
import pandas as pd
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from analysis.plots.importance import WRITE_UP_TO, write_cells
from analysis.plots.names import pair_name, short
from analysis.plots.style import ABSENT, DIVERGING, PAIRS, blank, shown_of
from analysis.statistics.wording import signed

ALPHA = 0.05
PAIR = ["treatment", "a", "b"]


def difference_matrix(differences: pd.DataFrame, most: int = PAIRS) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Return (treatment, a, b) × class of differences b − a and of adjusted p, and how many comparisons there are.

    Classes are rarest first (fewest train pixels). Of more than *most* comparisons those with the most classes with a
    shown difference are kept, and among equals those with the largest one.
    """
    known = differences.dropna(subset=["difference"]) if len(differences) else differences
    if known.empty:
        return pd.DataFrame(), pd.DataFrame(), 0
    order = known.drop_duplicates("class").sort_values("train_pixels", kind="stable")["class"].tolist()
    first = known[PAIR].drop_duplicates()
    values, p = (
        known.pivot(index=PAIR, columns="class", values=name)[order].reindex(pd.MultiIndex.from_frame(first))
        for name in ("difference", "p_adjusted")
    )
    weight = (p <= ALPHA).sum(axis=1) + values.abs().max(axis=1).fillna(0) / 10  # a difference of IoU is at most 1
    kept = values.index.isin(weight.sort_values(ascending=False, kind="stable").index[:most])
    return values[kept], p[kept], len(values)


def draw_differences(differences: pd.DataFrame) -> Figure | None:
    """Draw the differences, framed and starred where one was shown. None: no class has a difference."""
    matrix, p, total = difference_matrix(differences)
    if matrix.empty:
        return None
    rows, columns = matrix.shape
    figure, axes = blank(4.4 + min(0.62 * columns, 8), 2.5 + 0.33 * rows)
    values = np.ma.masked_invalid(matrix.to_numpy(float))
    limit = max(float(np.abs(values).max()), 1e-3)
    axes.set_facecolor(ABSENT)
    image = axes.imshow(
        values, cmap=DIVERGING, norm=TwoSlopeNorm(0, -limit, limit), aspect="auto", interpolation="nearest"
    )
    shown = p.to_numpy(float) <= ALPHA
    written = columns <= WRITE_UP_TO
    if written:
        write_cells(axes, values, _text, light=lambda value: abs(value) > 0.6 * limit)
    row, column = np.nonzero(shown)
    where = (column + 0.36, row - 0.26) if written else (column, row)  # beside the number
    axes.scatter(*where, s=60 if written else 90, marker="*", color="#111", edgecolor="white", lw=0.6, zorder=4)
    axes.set_xticks(
        range(columns), [short(name) for name in matrix.columns], rotation=40, ha="right", rotation_mode="anchor"
    )
    axes.set_yticks(range(rows), _names(matrix.index), fontsize=8.5)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    notes = ["first − second; rarest class left"]
    notes += ["★ a difference was shown"] * bool(shown.any()) + ["grey: no score"] * bool(np.ma.is_masked(values))
    cut = shown_of(total, rows, "comparisons", "the clearest")
    axes.set_title(f"Difference of IoU per class{cut}\n{'; '.join(notes)}", fontsize=10)
    figure.colorbar(image, ax=axes, label="difference", fraction=0.05, pad=0.02)
    return figure


def _text(value: float) -> str:
    return signed(value, 2).replace("0.", ".")


def _names(index: pd.MultiIndex) -> list[str]:
    several = index.get_level_values("treatment").nunique() > 1
    names = []
    for treatment, a, b in index:
        name = pair_name(b, a, 46)
        names.append(f"{treatment}: {name}" if several and "\n" not in name else name)
    return names
