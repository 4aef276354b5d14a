"""Names of rows and columns, written as plain text.

A tick of matplotlib is five artists, and a drawing measures all ticks several times: in a figure with fifty of them
that takes longer than everything else.
"""

from collections.abc import Iterable

from matplotlib.transforms import ScaledTranslation

AWAY = 4 / 72
"""Inches between the axes and a name."""


def name_rows(axes, places: Iterable[float], names: Iterable[str], fontsize: float = 9) -> None:
    """Write *names* left of the rows at *places*, in place of ticks."""
    beside = axes.get_yaxis_transform() + ScaledTranslation(-AWAY, 0, axes.figure.dpi_scale_trans)
    axes.set_yticks([])
    for place, name in zip(places, names, strict=True):
        axes.text(0, place, name, transform=beside, ha="right", va="center", fontsize=fontsize)


def name_columns(axes, places: Iterable[float], names: Iterable[str], fontsize: float = 9) -> None:
    """Write *names* slanting below the columns at *places*, in place of ticks."""
    below = axes.get_xaxis_transform() + ScaledTranslation(0, -AWAY, axes.figure.dpi_scale_trans)
    look = {"ha": "right", "va": "top", "rotation": 40, "rotation_mode": "anchor", "fontsize": fontsize}
    axes.set_xticks([])
    for place, name in zip(places, names, strict=True):
        axes.text(place, 0, name, transform=below, **look)
