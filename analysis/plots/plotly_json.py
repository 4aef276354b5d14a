"""What interactive figures share: the look of axes and legends, and figures as JSON for plotly's script."""

from collections.abc import Sequence
from typing import Any

import plotly.io

from analysis.plots.style import COLOURS, GRID, INK

AXIS = {"gridcolor": GRID, "linecolor": GRID, "zeroline": False, "automargin": True, "ticks": ""}
AXIS["title"] = {"standoff": 12}
LAYOUT = {
    "template": {"layout": {"xaxis": AXIS, "yaxis": AXIS, "hovermode": "closest", "title": {"x": 0.05}}},
    "colorway": COLOURS,
    "font": {"color": INK, "size": 13, "family": "system-ui, sans-serif"},
    "margin": {"l": 60, "r": 30, "t": 60, "b": 50},
    "height": 460,
}
LEGEND = {"orientation": "h", "y": -0.2}


def as_json(traces: Sequence[dict], **layout) -> str:
    """Return a figure as JSON that may stand inside a script element, whatever the names in it are.

    Args:
        traces, layout: as in plotly's reference. They are not validated here, which would take as long as everything
            else (a test does it for each figure); so titles are written in full, ``{"text": …}``.
    """
    figure = {"data": list(traces), "layout": LAYOUT | layout}
    return plotly.io.to_json(figure, validate=False, engine="json").replace("</", "<\\/").replace("<!--", "<\\!--")


def scatter(x, y, mode: str, hover: str | None = None, **look) -> dict[str, Any]:
    """Return a trace; without the text *hover* nothing is shown beside the pointer."""
    shown = {"hoverinfo": "skip"} if hover is None else {"hovertemplate": f"{hover}<extra></extra>"}
    return {"type": "scatter", "x": x, "y": y, "mode": mode} | shown | look


def titled(text: str, **look) -> dict[str, Any]:
    """Return an axis with the title *text*."""
    return look | {"title": {"text": text}}


def colour_bar(text: str) -> dict[str, Any]:
    """Return a colour bar with the title *text*."""
    return titled(text, outlinewidth=0, ticks="")


def plain(text: object) -> str:
    """Return *text* with HTML characters escaped: plotly would interpret them."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
