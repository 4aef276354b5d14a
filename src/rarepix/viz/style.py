"""What all pictures share: colours, matplotlib settings, and numbers as people read them."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from PIL.ImageColor import getrgb

from rarepix.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, LINE, PALE, PAPER = "#1a1a1a", "#6b7075", "#e4e6e8", "#ffffff"
"""Text and outlines; axes; grids and what is not there; background."""
BLUE, VERMILLION, YELLOW = "#0072b2", "#d55e00", "#f0e442"
"""Colours of Okabe & Ito (2008), which colour-blind readers can tell apart."""
IGNORED, NO_CLASS = (224, 224, 224), (60, 60, 66)
"""RGB of ignored pixels, and of pixels that are of no class."""
SETTINGS = {
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
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
"""For ``matplotlib.rc_context``, around drawing and saving."""
DPI = 130
SUFFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def rgb(colour: str) -> tuple[int, int, int]:
    """Return the RGB bytes of a colour: ``rgb("#0072b2")`` is ``(0, 114, 178)``."""
    return getrgb(colour)


def save_figure(figure: "Figure", path: Path) -> Path:
    """Write *figure* atomically to *path*, a PNG or SVG file without a date in it, and return *path*."""
    options = {"metadata": {"Date": None}} if path.suffix == ".svg" else {"dpi": DPI}
    with replacing(path) as temporary:
        figure.savefig(temporary, **options)
    return path


def percent(share: float) -> str:
    """Return a share in per cent with two significant digits below 10 %: ``41.3 %``, ``0.29 %``, ``0.00012 %``."""
    value = 100 * share
    if value == 0 or not math.isfinite(value):
        return "0 %" if value == 0 else "–"
    if value >= 99.95:
        return "100 %"
    digits = 1 if value >= 10 else 1 - math.floor(math.log10(value))
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.')} %"


def number(value: float) -> str:
    """Return a number with at most three significant digits: ``37``, ``1.2k``, ``61.6k``, ``3M``."""
    if not math.isfinite(value):
        return "–"
    for size, suffix in SUFFIXES:
        if value >= size:
            return f"{value / size:.3g}{suffix}" if value < 1000 * size else f"{value / size:.0f}{suffix}"
    return f"{value:.3g}"
