"""What all interactive figures share: how they look, and how they get into the page."""

import plotly.graph_objects as go

from analysis.plots.style import INK

LAYOUT = {
    "template": "plotly_white",
    "font": {"color": INK, "size": 13, "family": "system-ui, sans-serif"},
    "margin": {"l": 60, "r": 30, "t": 60, "b": 50},
    "height": 460,
}


def as_json(figure: go.Figure, **layout) -> str:
    """Return *figure* as JSON that may stand inside a script element, whatever the names in it are."""
    figure.update_layout(**LAYOUT | layout)
    return figure.to_json().replace("</", "<\\/").replace("<!--", "<\\!--")


def plain(text: object) -> str:
    """Return *text* so that plotly shows it as it is: it takes what looks like HTML for HTML."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
