"""The picture of the curves over thresholds: what is found of the foreground against what is found on empty images."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from rarepix.viz.style import BLUE, LINE, PALE, SETTINGS, VERMILLION, percent, save_figure

LOOKS = {"presence": ("presence head", VERMILLION), "pixels": ("most probable pixel", BLUE)}
"""What says that something is in an image → its name and colour."""
ALARMS = 0.05
"""Share of empty images at which the legend says how much is found."""
SHARES = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1)
"""Ticks of the false alarms."""
LEAST_AREA = 1e-7
"""Smaller areas are drawn beside 0."""
HALF = 0.5
"""The threshold with a dot."""
BARS = 8
"""Points of a curve with a bar for the interval of what is found on empty images."""
NOTE = ("Each point of a curve is a threshold of the probability.", "Shaded and bars: 95 % intervals over images.")


def draw_curves(tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write the PNG file of the tables ``curve_images`` and, if it is there, ``curve_pixels``.

    See ``evaluation.curves.curve_tables`` for their columns.
    """
    images, pixels = tables["curve_images"], tables.get("curve_pixels")
    panels = 1 if pixels is None else 2
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(5.6 * panels, 5.8), layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        _draw_images(axes[0], images)
        if pixels is not None:
            _draw_pixels(axes[1], pixels)
        counts = f"{images['positive'].iloc[0]} images with foreground, {images['empty'].iloc[0]} empty ones."
        lines = [counts, *NOTE]
        figure.suptitle((" " if panels > 1 else "\n").join(lines), x=0.01, ha="left", fontsize=9)
        save_figure(figure, path)


def _draw_images(axes: Axes, table: pd.DataFrame) -> None:
    for of, rows in table.groupby("of", sort=False):
        name, colour = LOOKS[of]
        _draw_curve(axes, rows, ("false_alarms", "sensitivity"), colour, f"{name}: {_found_at(rows, ALARMS)}")
    # the square root shows the few false alarms that users bear, and none at all, which a logarithm cannot
    axes.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    axes.set(xlim=(0, 1), ylim=(0, 1), title="Is anything found in the image?")
    axes.set(xlabel="empty images with a false alarm", ylabel="images with foreground in which anything is found")
    axes.xaxis.set_major_locator(FixedLocator(SHARES))
    axes.axvline(ALARMS, color=LINE, linewidth=0.8, linestyle=":", zorder=0)
    chance = np.linspace(0, 1, 50) ** 2
    axes.plot(chance, chance, color=LINE, linewidth=0.9, linestyle="--", label="chance")
    _finish(axes, title=f"found at {percent(ALARMS)} false alarms (best threshold for these images)")


def _found_at(rows: pd.DataFrame, alarms: float) -> str:
    """Return the greatest sensitivity with at most so many false alarms, in words."""
    allowed = rows[rows["false_alarms"] <= alarms]
    if allowed.empty:
        return "no threshold has so few"
    best = allowed.loc[allowed["sensitivity"].idxmax()]
    ends = " to ".join(percent(best[f"sensitivity_{end}"]) for end in ("low", "high"))
    return f"{percent(best['sensitivity'])} ({ends})"


def _draw_pixels(axes: Axes, table: pd.DataFrame) -> None:
    _draw_curve(axes, table, ("area", "recall"), BLUE, None)
    found = table["area"][table["area"] > 0]
    least = max(LEAST_AREA, 10 ** np.floor(np.log10(found.min()))) if len(found) else 0.01
    axes.set_xscale("symlog", linthresh=least, linscale=0.6)
    axes.set(xlim=(0, 1), ylim=(0, 1), title="How much of the foreground is found?")
    axes.set(
        xlabel="share of an empty image that is predicted as foreground, mean",
        ylabel="share of an image's foreground that is found, mean",
    )
    decades = 10.0 ** np.arange(0, round(np.log10(least)) - 1, -1)
    axes.xaxis.set_major_locator(FixedLocator([0, *decades[:: 1 + len(decades) // 6]]))
    _finish(axes)


def _draw_curve(axes: Axes, rows: pd.DataFrame, names: tuple[str, str], colour: str, label: str | None) -> None:
    """Draw a curve with its interval above and below, bars for that to the sides, and a dot at the threshold 0.5."""
    x, y = (rows[name] for name in names)
    axes.fill_between(x, rows[f"{names[1]}_low"], rows[f"{names[1]}_high"], color=colour, alpha=0.15, linewidth=0)
    axes.plot(x, y, color=colour, linewidth=1.8, label=label, clip_on=False, zorder=3)
    points = rows.drop_duplicates(names[0]).dropna(subset=f"{names[0]}_low")
    points = points.iloc[np.unique(np.linspace(0, len(points) - 1, min(BARS, len(points))).round().astype(int))]
    axes.hlines(points[names[1]], points[f"{names[0]}_low"], points[f"{names[0]}_high"], color=colour, linewidth=0.9)
    half = (rows["threshold"] - HALF).abs().idxmin()
    axes.plot(x[half], y[half], "o", color=colour, markerfacecolor="white", markersize=6, clip_on=False, zorder=4)


def _finish(axes: Axes, title: str | None = None) -> None:
    """Write shares in per cent and the legend."""
    axes.xaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    axes.grid(color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.plot([], [], "o", color=LINE, markerfacecolor="white", markersize=6, label="threshold 0.5")
    look = {"fontsize": 8, "frameon": False, "title": title, "title_fontsize": 8, "alignment": "left"}
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.12), **look)  # below: a poor curve needs the lower right
