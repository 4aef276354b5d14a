"""The two figures that gain from a pointer, as JSON for plotly's script, which the page embeds once at its end."""

import plotly.graph_objects as go

from analysis.plots.curves import curve_lines, line_name
from analysis.plots.parallel import MAP, NOT_SAMPLED, parallel_axes
from analysis.plots.style import COLOURS, INK, PALE
from analysis.reading.collect import Tables
from analysis.study.standings import objective_label, parameters_text

LAYOUT = {
    "template": "plotly_white",
    "font": {"color": INK, "size": 13, "family": "system-ui, sans-serif"},
    "margin": {"l": 60, "r": 30, "t": 60, "b": 50},
    "height": 460,
}
MOST_CURVES = 300


def parallel_json(tables: Tables) -> str | None:
    """Return parallel coordinates with axes that can be dragged and brushed; None where there is nothing to draw."""
    axes, objectives = parallel_axes(tables)
    if not axes:
        return None
    dimensions = [
        {
            "label": axis.name.replace(".", ".<br>") + (" (log)" if axis.kind == "log" else ""),
            "values": axis.positions,
            "range": [NOT_SAMPLED - 0.06, 1.06],
            "tickvals": list(axis.ticks),
            "ticktext": list(axis.ticks.values()),
        }
        for axis in axes
    ]
    line = {"color": objectives, "colorscale": MAP.removesuffix("_r"), "reversescale": True, "showscale": True}
    figure = go.Figure(go.Parcoords(dimensions=dimensions, line=line, labelfont={"size": 13}, tickfont={"size": 12}))
    return _json(figure.update_layout(**LAYOUT | {"margin": {"l": 90, "r": 40, "t": 90, "b": 30}}))


def curves_json(tables: Tables) -> str | None:
    """Return the learning curves; pointing at one says which trial and which parameters it is."""
    lines = curve_lines(tables)[-MOST_CURVES:]
    if not lines:
        return None
    rows_of = tables.trials.set_index("trial")
    figure = go.Figure()
    for trial, attempt, rank, rows in lines:
        name = line_name(tables, trial, attempt)
        about = parameters_text(rows_of.loc[trial], tables.parameters).replace(" ", "<br>")
        figure.add_scatter(
            x=rows["epoch"],
            y=rows["objective"],
            mode="lines+markers" if (rank is not None and len(rows) < 12) or len(rows) == 1 else "lines",
            opacity=0.7 if rank is None else 1,
            name=name if rank is None else f"{rank + 1}. {name}",
            showlegend=rank is not None,
            line={"color": PALE if rank is None else COLOURS[rank]}
            | {"width": 1 if rank is None else 2.2, "dash": "solid" if attempt == 1 else "dash"},
            hovertemplate=f"<b>{name}</b><br>epoch %{{x}}: %{{y:.4f}}<br>{about}<extra></extra>",
        )
    figure.update_xaxes(title="epoch").update_yaxes(title=f"validation {objective_label(tables)}")
    return _json(figure.update_layout(**LAYOUT, legend={"orientation": "h", "y": -0.2, "traceorder": "reversed"}))


def _json(figure: go.Figure) -> str:
    """Return *figure* as JSON that may stand inside a script element, whatever the names in it are."""
    return figure.to_json().replace("</", "<\\/").replace("<!--", "<\\!--")
