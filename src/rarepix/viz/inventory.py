"""The picture of a dataset's imbalance: a row per class with its pixels, images, object sizes and co-occurrence."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from rarepix.labels import LabelSpace
from rarepix.viz.style import BLUE, INK, LINE, PALE, SETTINGS, number, percent, save_figure

COLORMAP = "Blues"
TICKS = 4
BINS_PER_DECADE = 5
LOG_BELOW = 0.05
"""Shares of images get a logarithmic axis if a class is in less than this share of them."""
HEADROOM = 1.5
"""A logarithmic axis begins at least this factor below its smallest share, so that its bar can be seen."""
LETTER = 0.085
"""Width of a letter of a class name in inches, as all lengths below."""
LONGEST = 20
"""Letters of a class name; longer ones are shortened."""
MARGIN, TOP, NOTE = 0.15, 0.95, 0.75
"""Around the panels; above them for the title and their headings; right of a panel for its numbers."""
PANEL = 2.1
"""Width of the panels other than co-occurrence, which is square and has as many columns as rows."""
ROW, DENSE_ROW, DENSE = 0.3, 0.2, 40
"""Height of a row; height of a row if there are more than ``DENSE`` of them."""
LEAST_WIDTH = 2.6
"""Of the panel of co-occurrence, for its heading."""


class Panels(NamedTuple):
    """A figure and its axes, left to right."""

    figure: Figure
    pixels: Axes
    images: Axes
    sizes: Axes
    together: Axes
    colorbar: Axes
    """Explains the colours of *together*."""
    margin: tuple[float, float]
    """Around the panels, as shares of the figure's width and height."""


def draw_inventory(
    table: pd.DataFrame, together: pd.DataFrame, objects: pd.DataFrame, labels: LabelSpace, title: str
) -> Figure:
    """Return the picture with a row per class, in the order of *table*.

    Args:
        table: a row per class with the columns ``pixel_share`` and ``image_share``; other rows are left out.
        together: class × class, the share of the images with the row's class that also hold the column's.
        objects: a row per object with the columns ``class`` and ``pixels``.
    """
    table = table[table.index.isin(labels.names)]
    names = table.index.tolist()
    colours = [np.array(labels.palette[labels.names.index(name)]) / 255 if labels.palette else BLUE for name in names]
    with matplotlib.rc_context(SETTINGS):
        panels = _empty_panels(names)
        panels.figure.suptitle(title, x=panels.margin[0], y=1 - panels.margin[1], ha="left", va="top", fontsize=12)
        _shares(panels.pixels, table["pixel_share"], colours, log=True)
        panels.pixels.set_title("share of pixels (log)")
        few = table["image_share"][table["image_share"] > 0].min() < LOG_BELOW
        _shares(panels.images, table["image_share"], colours, log=few)
        panels.images.set_title("images that hold it (log)" if few else "images that hold it")
        _sizes(panels.sizes, dict(list(objects.groupby("class")["pixels"])), names, colours)
        _together(panels, together.loc[names, names])
        _name_rows(panels, names)
    return panels.figure


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write *figure* as PNG and SVG into *folder*, each atomically, and return both paths."""
    with matplotlib.rc_context(SETTINGS):
        return [save_figure(figure, folder / f"{name}.{form}") for form in ("png", "svg")]


def short(name: str) -> str:
    """Return *name*, shortened in the middle to at most ``LONGEST`` letters."""
    half = (LONGEST - 1) // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[-(LONGEST - 1 - half) :]}"


def _row_height(rows: int) -> float:
    return DENSE_ROW if rows > DENSE else ROW


def _empty_panels(names: Sequence[str]) -> Panels:
    """Return an empty figure with a row per class; without pyplot, which would keep figures from being freed."""
    rows, row = len(names), _row_height(len(names))
    label = LETTER * max(len(short(name)) for name in names) + MARGIN
    bottom = max(label, 0.5) + MARGIN
    panels = [PANEL, PANEL, PANEL, rows * row]
    lefts = [label + MARGIN]
    for width in panels:
        lefts.append(lefts[-1] + width + NOTE)
    lefts[3] += label - 0.2  # its own class names
    width = lefts[3] + max(rows * row + 0.25 + NOTE, LEAST_WIDTH) + MARGIN
    height = bottom + max(rows * row, 0.6) + TOP
    figure = Figure(figsize=(width, height))

    def add_axes(left: float, axes_width: float) -> Axes:
        return figure.add_axes((left / width, bottom / height, axes_width / width, rows * row / height))

    axes = [add_axes(left, panel) for left, panel in zip(lefts, panels, strict=False)]
    colorbar = add_axes(lefts[3] + rows * row + MARGIN, 0.1)
    return Panels(figure, *axes, colorbar, (MARGIN / width, MARGIN / height))


def _name_rows(panels: Panels, names: Sequence[str]) -> None:
    rows = np.arange(len(names))
    small = min(9.0, 9.0 * _row_height(len(names)) / ROW + 0.5)
    for axes in panels[1:5]:
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks(rows, [])
        axes.tick_params(axis="y", length=0)
    for axes in (panels.pixels, panels.together):
        axes.set_yticks(rows, [short(name) for name in names], fontsize=small)
    panels.together.set_xticks(rows, [short(name) for name in names], rotation=90, fontsize=small)


def _note(axes: Axes, row: int, text: str) -> None:
    """Write *text* right of the panel, at the height of the row."""
    axes.annotate(text, (1, row), (6, 0), axes.get_yaxis_transform(), "offset points", va="center", fontsize=8)


def _shares(axes: Axes, shares: pd.Series, colours: Sequence, *, log: bool) -> None:
    """Draw one bar per class, from the left edge to its share."""
    present = shares[shares > 0]
    least = 10.0 ** (np.floor(np.log10(present.min() / HEADROOM)) if len(present) else -1) if log else 0.0
    if log:
        _log_axis(axes, min(least, 0.1), 1.3, percent)
    else:
        axes.set_xlim(0, 1.03)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    left = axes.get_xlim()[0]
    for row, (share, colour) in enumerate(zip(shares, colours, strict=True)):
        if share > 0:
            axes.barh(row, share - left, 0.62, left, color=colour, edgecolor=LINE, linewidth=0.8)
        _note(axes, row, percent(share) if share > 0 else "absent")
    axes.grid(axis="x", color=PALE, zorder=0)
    axes.set_axisbelow(True)


def _sizes(axes: Axes, sizes: dict[str, pd.Series], names: Sequence[str], colours: Sequence) -> None:
    """Draw one histogram of object sizes per class; its highest bin is as high as the row."""
    largest = max((int(group.max()) for group in sizes.values()), default=10)
    decades = int(np.floor(np.log10(largest))) + 1
    edges = np.logspace(0, decades, BINS_PER_DECADE * decades + 1)
    _log_axis(axes, 1, edges[-1], number)
    for row, (name, colour) in enumerate(zip(names, colours, strict=True)):
        if name not in sizes:
            _note(axes, row, "none")
            continue
        counts, _ = np.histogram(sizes[name], edges)
        bottom = row + 0.42
        tops = bottom - 0.84 * counts / counts.max()
        axes.stairs(tops, edges, baseline=bottom, fill=True, color=colour)
        axes.stairs(tops, edges, baseline=bottom, color=LINE, linewidth=0.8)
        axes.plot([sizes[name].median()] * 2, [row - 0.42, bottom], color=INK, linewidth=1.6)
        _note(axes, row, f"n = {number(len(sizes[name]))}")
    axes.set_title("objects by pixels (log); line: median")
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)


def _log_axis(axes: Axes, low: float, high: float, as_text: Callable[[float], str]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(10, numticks=TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: as_text(value)))


def _together(panels: Panels, shares: pd.DataFrame) -> None:
    """Draw the share of the images with the row's class that hold the column's class."""
    axes, values = panels.together, shares.to_numpy(copy=True)
    np.fill_diagonal(values, np.nan)
    colours = matplotlib.colormaps[COLORMAP].with_extremes(bad=PALE)
    image = axes.imshow(values, cmap=colours, norm=Normalize(0, 1), aspect="auto", interpolation="nearest")
    axes.set_title("of the images with the row's class,\n% that hold the column's")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if len(shares) <= DENSE:
        for row, column in zip(*np.nonzero(~np.isnan(values)), strict=True):
            share = values[row, column]
            text, ink = f"{100 * share:.0f}", "white" if share > 0.6 else INK
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=6.5)
    bar = panels.figure.colorbar(image, cax=panels.colorbar, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["0", "50", "100 %"], fontsize=7)
    bar.outline.set_visible(False)
