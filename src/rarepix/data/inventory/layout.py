"""Where the panels of the picture of an inventory lie: one row a class, the same in every panel, sizes in inches."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, LINE, PALE = "#1a1a1a", "#6b7075", "#e4e6e8"
SETTINGS = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 9,
    "font.size": 9,
    "svg.hashsalt": "rarepix",  # the same figure gives the same file
}
LETTER = 0.085
"""Width of a letter of a class name; names are cut to ``LONGEST`` of them."""
LONGEST = 20
MARGIN, TOP, NOTE = 0.15, 0.95, 0.75
"""Around the panels; above them for the title and their headings; right of a panel for its numbers."""
PANEL = 2.1
"""Width of the panels other than the square of co-occurrence, which has as many columns as rows."""
ROW, DENSE_ROW, DENSE = 0.3, 0.2, 40
"""Height of a row; of a row where there are more than ``DENSE`` of them."""
LEAST_WIDTH = 2.6
"""Of the panel of co-occurrence, for its heading."""


class Panels(NamedTuple):
    """A figure and its axes, left to right."""

    figure: Figure
    pixels: Axes
    images: Axes
    sizes: Axes
    together: Axes
    scale: Axes
    """The bar that explains the colours of *together*."""
    margin: tuple[float, float]
    """Around the panels, in parts of the figure's width and height."""


def short(name: str) -> str:
    """Return *name* cut in the middle to at most ``LONGEST`` letters."""
    half = (LONGEST - 1) // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[-(LONGEST - 1 - half) :]}"


def row_height(rows: int) -> float:
    """Return the height of a row in inches."""
    return DENSE_ROW if rows > DENSE else ROW


def lay_out(names: Sequence[str]) -> Panels:
    """Return an empty figure with room for a row a class; no pyplot: figures belong to nobody and are freed."""
    rows, row = len(names), row_height(len(names))
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

    def axes(left: float, wide: float) -> Axes:
        return figure.add_axes((left / width, bottom / height, wide / width, rows * row / height))

    places = [axes(left, wide) for left, wide in zip(lefts, panels, strict=False)]
    scale = axes(lefts[3] + rows * row + MARGIN, 0.1)
    return Panels(figure, *places, scale, (MARGIN / width, MARGIN / height))
