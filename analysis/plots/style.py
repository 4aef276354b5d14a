"""How every figure looks: dark text on a light ground, colours that colour-blind readers can tell apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

# Okabe & Ito (2008), the yellow left out: it is too light for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
INK, PALE, ABSENT = "#1a1a1a", "#c4c8cc", "#e4e6e8"
MAP = "viridis"
TOP = 30
"""Trials that a figure with one row per trial shows; it says so when there are more."""

SETTINGS = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": "#6b7075",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "font.size": 10,
    "svg.hashsalt": "rarepix",  # the same figure gives the same file
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in this block with our settings; nothing global is changed."""
    with matplotlib.rc_context(SETTINGS):
        yield


def blank(width: float, height: float, **subplots) -> tuple[Figure, object]:
    """Return a figure of *width* × *height* inches and its axes. No pyplot: figures belong to nobody and are freed."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(**subplots)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write *figure* as PNG and SVG into *folder* and return both paths."""
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    with styled():
        figure.savefig(paths[0], dpi=130)
        figure.savefig(paths[1], metadata={"Date": None})
    return paths


def short(text: str, length: int = 18) -> str:
    """Return *text* cut in the middle to at most *length* characters."""
    text = str(text)
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[-(length - 1 - head) :]}"


def shown_of(total: int, shown: int, what: str = "trials") -> str:
    """Return `` (best 30 of 200 trials)``, or an empty string when all are shown."""
    return f" (best {shown} of {total} {what})" if total > shown else ""
