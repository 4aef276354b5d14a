"""Style of all figures: dark text on a light background, colours that colour-blind readers can distinguish."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.reading.tables import Tables
from analysis.study.leaderboard import objective_label

# Okabe & Ito (2008), the yellow left out: it is too light for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
INK, SOFT, PALE, ABSENT, GRID = "#1a1a1a", "#6b7075", "#c4c8cc", "#e4e6e8", "#e8eaec"
MAP, DIVERGING = "viridis", "RdBu"
"""Colour maps of amounts, and of differences (red below zero, blue above)."""
STATUS = {"complete": COLOURS[0], "stopped": COLOURS[5], "failed": COLOURS[1], "running": COLOURS[4]}
TOP, PAIRS = 30, 20
"""Trials, and comparisons, that a figure with a row for each shows; it says so when there are more."""
MANY_LINES = 300
"""More lines or dots than this are pixels in the SVG, too: as paths they would make it slow to open."""

SETTINGS = {
    "figure.facecolor": "white",
    "figure.dpi": 130,
    "axes.facecolor": "white",
    "axes.edgecolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # else every drawing measures all labels to find out
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "text.color": INK,
    "text.parse_math": False,  # names of trials and levels may hold dollars and are not formulas
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "svg.hashsalt": "rarepix",  # the same figure gives the same file
    "svg.fonttype": "none",  # text stays text: it can be searched, and the file is small
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in this block with our settings; nothing global is changed."""
    with matplotlib.rc_context(SETTINGS):
        yield


def new_figure(width: float, height: float, **subplots) -> tuple[Figure, object]:
    """Return a figure of *width* × *height* inches and its axes. Without pyplot, so that figures are freed."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # else layout and PNG would each make one, and measure every text again
    return figure, figure.subplots(**subplots)


def fix_layout(figure: Figure) -> None:
    """Compute the layout of *figure* once; otherwise every drawing computes it again."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write *figure* as PNG and SVG into *folder* and return both paths."""
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    with styled():
        fix_layout(figure)
        figure.savefig(paths[0], pil_kwargs={"compress_level": 1})
        figure.savefig(paths[1], metadata={"Date": None})
    return paths


def headline(figure: Figure, text: str, fontsize: float = 11) -> None:
    """Write *text* above all axes, from the left edge of *figure*."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=fontsize)


def objective_axes(axes, tables: Tables, x: str) -> None:
    """Label axes of the validation objective over *x*, which is counted."""
    axes.set_xlabel(x)
    axes.set_ylabel(f"validation {objective_label(tables)}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(color=GRID)


def cut_note(total: int, shown: int, what: str = "trials", which: str = "best") -> str:
    """Return `` (best 30 of 200 trials)``, or an empty string when all are shown."""
    return f" ({which} {shown} of {total} {what})" if total > shown else ""
