"""The figures that gain from a pointer, as JSON for plotly's script, which the page embeds once at its end."""

from collections.abc import Callable

from analysis.plots.interactive.lines import curves_json, parallel_json
from analysis.plots.interactive.scores import contour_json, validation_test_json
from analysis.plots.interactive.slices import slice_json
from analysis.plots.interactive.trials import history_json, timeline_json
from analysis.reading.collect import Tables
from analysis.study.results import Results

INTERACTIVE: dict[str, Callable[[Tables, Results], str | None]] = {
    "history": lambda tables, found: history_json(tables),
    "curves": lambda tables, found: curves_json(tables),
    "parallel": lambda tables, found: parallel_json(tables),
    "slice": lambda tables, found: slice_json(tables),
    "contour": lambda tables, found: contour_json(tables, found.importance),
    "validation_test": lambda tables, found: validation_test_json(found.validation_test),
    "timeline": lambda tables, found: timeline_json(tables),
}


def figures_json(tables: Tables, found: Results) -> dict[str, str]:
    """Return name → JSON of every interactive figure that has something to show; names are those of ``FIGURES``."""
    drawn = {name: draw(tables, found) for name, draw in INTERACTIVE.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}
