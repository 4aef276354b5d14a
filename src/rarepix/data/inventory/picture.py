"""The picture of the imbalance: how much there is of each class, in how many images, how large, and with what."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from rarepix.data.inventory.counting import BORDER
from rarepix.data.inventory.formatting import number, percent
from rarepix.data.inventory.layout import (
    DENSE,
    INK,
    LINE,
    PALE,
    ROW,
    SETTINGS,
    Panels,
    lay_out,
    row_height,
    short,
)
from rarepix.files import replacing
from rarepix.labels import LabelSpace

PLAIN = "#0072B2"
"""Of all classes where the dataset names no colours (Okabe & Ito's blue)."""
MAP = "Blues"
TICKS = 4
BINS_PER_DECADE = 5
LOG_BELOW = 0.05
"""Shares of images get a logarithmic axis if a class is in less than this share of them."""
ROOM = 1.5
"""How much longer a logarithmic axis is than its shortest bar needs, so that this one can be seen."""
DPI = 130


def draw_inventory(
    table: pd.DataFrame, together: pd.DataFrame, objects: pd.DataFrame, labels: LabelSpace, title: str
) -> Figure:
    """Return the picture; a row a class, most pixels first.

    Args:
        table: see ``class_table``.
        together: see ``co_occurrence``.
        objects: a row an object: image, class, pixels.
        labels: the classes and their colours.
        title: of the whole.
    """
    table = table.drop(index=BORDER)
    names = table.index.tolist()
    colours = _colours(names, labels)
    with matplotlib.rc_context(SETTINGS):
        panels = lay_out(names)
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
    """Write *figure* as PNG and SVG into *folder*, each whole or not at all, and return both paths."""
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    with matplotlib.rc_context(SETTINGS):
        for path, options in zip(paths, ({"dpi": DPI}, {"metadata": {"Date": None}}), strict=True):
            with replacing(path) as temporary:
                figure.savefig(temporary, **options)
    return paths


def _colours(names: Sequence[str], labels: LabelSpace) -> list:
    if not labels.palette:
        return [PLAIN] * len(names)
    return [np.array(labels.palette[labels.names.index(name)]) / 255 for name in names]


def _name_rows(panels: Panels, names: Sequence[str]) -> None:
    rows = np.arange(len(names))
    small = min(9.0, 9.0 * row_height(len(names)) / ROW + 0.5)
    for axes in panels[1:5]:
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks(rows, [])
        axes.tick_params(axis="y", length=0)
    for axes in (panels.pixels, panels.together):
        axes.set_yticks(rows, [short(name) for name in names], fontsize=small)
    panels.together.set_xticks(rows, [short(name) for name in names], rotation=90, fontsize=small)


def _note(axes: Axes, row: int, text: str) -> None:
    """Write what the row says right of the panel."""
    axes.annotate(text, (1, row), (6, 0), axes.get_yaxis_transform(), "offset points", va="center", fontsize=8)


def _shares(axes: Axes, shares: pd.Series, colours: Sequence, *, log: bool) -> None:
    """One stem a class, from the left edge to its share."""
    present = shares[shares > 0]
    least = 10.0 ** (np.floor(np.log10(present.min() / ROOM)) if len(present) else -1) if log else 0.0
    if log:
        axes.set_xscale("log")
        axes.set_xlim(min(least, 0.1), 1.3)
        _few_ticks(axes, percent)
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
    """One hill a class: how many of its objects have which size, as high as the row at its highest."""
    largest = max((int(group.max()) for group in sizes.values()), default=10)
    decades = int(np.floor(np.log10(largest))) + 1
    edges = np.logspace(0, decades, BINS_PER_DECADE * decades + 1)
    axes.set_xscale("log")
    axes.set_xlim(1, edges[-1])
    _few_ticks(axes, number)
    for row, (name, colour) in enumerate(zip(names, colours, strict=True)):
        if name not in sizes:
            _note(axes, row, "none")
            continue
        counts, _ = np.histogram(sizes[name], edges)
        bottom = row + 0.42
        axes.stairs(bottom - 0.84 * counts / counts.max(), edges, baseline=bottom, fill=True, color=colour)
        axes.stairs(bottom - 0.84 * counts / counts.max(), edges, baseline=bottom, color=LINE, linewidth=0.8)
        axes.plot([sizes[name].median()] * 2, [row - 0.42, bottom], color=INK, linewidth=1.6)
        _note(axes, row, f"n = {number(len(sizes[name]))}")
    axes.set_title("objects by pixels (log); line: median")
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)


def _few_ticks(axes: Axes, wording) -> None:
    axes.xaxis.set_major_locator(LogLocator(10, numticks=TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: wording(value)))


def _together(panels: Panels, shares: pd.DataFrame) -> None:
    """Of the images that hold the row's class, the share that hold the column's."""
    axes, values = panels.together, shares.to_numpy(copy=True)
    np.fill_diagonal(values, np.nan)
    colours = matplotlib.colormaps[MAP].with_extremes(bad=PALE)
    drawn = axes.imshow(values, cmap=colours, norm=Normalize(0, 1), aspect="auto", interpolation="nearest")
    axes.set_title("of the images with the row's class,\n% that hold the column's")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if len(shares) <= DENSE:
        for row, column in zip(*np.nonzero(~np.isnan(values)), strict=True):
            share = values[row, column]
            text, ink = f"{100 * share:.0f}", "white" if share > 0.6 else INK
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=6.5)
    bar = panels.figure.colorbar(drawn, cax=panels.scale, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["0", "50", "100 %"], fontsize=7)
    bar.outline.set_visible(False)
