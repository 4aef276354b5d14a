"""Interactive figures as JSON for plotly's script, which the page embeds once at its end."""

from collections.abc import Callable

from analysis.plots.interactive.contour_and_validation import contour_json, validation_test_json
from analysis.plots.interactive.curves_and_parallel import curves_json, parallel_json
from analysis.plots.interactive.history_and_timeline import history_json, timeline_json
from analysis.plots.interactive.slices import slice_json
from analysis.reading.tables import Tables
from analysis.study.results import Results

INTERACTIVE: dict[str, Callable[[Tables, Results], str | None]] = {
    "history": lambda tables, results: history_json(tables),
    "curves": lambda tables, results: curves_json(tables),
    "parallel": lambda tables, results: parallel_json(tables),
    "slice": lambda tables, results: slice_json(tables),
    "contour": lambda tables, results: contour_json(tables, results.importance),
    "validation_test": lambda tables, results: validation_test_json(results.validation_test),
    "timeline": lambda tables, results: timeline_json(tables),
}


def figures_json(tables: Tables, results: Results) -> dict[str, str]:
    """Return name → JSON of every interactive figure that has something to show; names are those of ``FIGURES``."""
    drawn = {name: draw(tables, results) for name, draw in INTERACTIVE.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}
