"""What all interactive figures share: how they look, and how they get into the page."""

import pandas as pd
import plotly.graph_objects as go

from analysis.plots.style import INK
from analysis.reading.collect import Tables
from analysis.study.standings import parameter_texts

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


def described(tables: Tables) -> pd.Series:
    """Return trial → its name and its parameters, a line each, for the box beside the pointer."""
    about = [plain(text).replace(" ", "<br>") for text in parameter_texts(tables.trials, tables.parameters)]
    names = [plain(trial) for trial in tables.trials["trial"]]
    texts = [f"<b>{name}</b><br>{text}" for name, text in zip(names, about, strict=True)]
    return pd.Series(texts, index=tables.trials["trial"], dtype=object)
