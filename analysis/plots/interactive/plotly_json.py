"""Layout of interactive figures, and their JSON for the page."""

from collections.abc import Sequence

import pandas as pd
import plotly.io

from analysis.plots.style import COLOURS, GRID, INK
from analysis.reading.tables import Tables
from analysis.study.leaderboard import parameter_texts

AXIS = {
    "gridcolor": GRID,
    "linecolor": GRID,
    "zeroline": False,
    "automargin": True,
    "ticks": "",
    "title": {"standoff": 12},
}
LAYOUT = {
    "template": {"layout": {"xaxis": AXIS, "yaxis": AXIS, "hovermode": "closest", "title": {"x": 0.05}}},
    "colorway": COLOURS,
    "font": {"color": INK, "size": 13, "family": "system-ui, sans-serif"},
    "margin": {"l": 60, "r": 30, "t": 60, "b": 50},
    "height": 460,
}


def as_json(traces: Sequence[dict], **layout) -> str:
    """Return a figure as JSON that may stand inside a script element, whatever the names in it are.

    Args:
        traces, layout: as in plotly's reference. They are not validated here, which would take as long as everything
            else (a test does it for each figure); so titles are written in full, ``{"text": …}``.
    """
    figure = {"data": list(traces), "layout": LAYOUT | layout}
    return plotly.io.to_json(figure, validate=False, engine="json").replace("</", "<\\/").replace("<!--", "<\\!--")


def titled(text: str, **axis) -> dict:
    """Return an axis with its title."""
    return axis | {"title": {"text": text}}


def colour_bar(text: str) -> dict:
    """Return a colour bar with its title."""
    return titled(text, outlinewidth=0, ticks="")


def plain(text: object) -> str:
    """Return *text* with HTML characters escaped: plotly would interpret them."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def described(tables: Tables) -> pd.Series:
    """Return trial → its name and its parameters, a line each, for the box beside the pointer."""
    about = [plain(text).replace(" ", "<br>") for text in parameter_texts(tables.trials, tables.parameters)]
    names = [plain(trial) for trial in tables.trials["trial"]]
    texts = [f"<b>{name}</b><br>{text}" for name, text in zip(names, about, strict=True)]
    return pd.Series(texts, index=tables.trials["trial"], dtype=object)
