"""Figures of a study. Each is computed as a table first, then drawn: see the functions that return one.

Importing this imports matplotlib; nothing else in the analysis does before it draws.
"""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from analysis.plots.classes import draw_heatmap, draw_properties
from analysis.plots.configuration_curves import draw_configuration_curves
from analysis.plots.contour import draw_contour
from analysis.plots.critical_difference import draw_ranks
from analysis.plots.curves import draw_curves
from analysis.plots.differences import draw_differences
from analysis.plots.forest import draw_forest
from analysis.plots.history import draw_history
from analysis.plots.importance import draw_importance, draw_importance_classes
from analysis.plots.leaderboard import draw_answer, draw_leaderboard
from analysis.plots.parallel import draw_parallel
from analysis.plots.slices import draw_slices
from analysis.plots.style import save, styled
from analysis.plots.timeline import draw_timeline
from analysis.plots.transfer import draw_validation_test
from analysis.reading.collect import Tables
from analysis.study.results import Results, main_ranks

Draw = Callable[[Tables, Results], Figure | None]
"""Returns None where there is nothing to show."""

FIGURES: dict[str, Draw] = {
    "answer": lambda tables, found: draw_answer(tables),
    "leaderboard": lambda tables, found: draw_leaderboard(tables),
    "history": lambda tables, found: draw_history(tables),
    "curves": lambda tables, found: draw_curves(tables),
    "curves_by_configuration": lambda tables, found: draw_configuration_curves(tables),
    "parallel": lambda tables, found: draw_parallel(tables),
    "slice": lambda tables, found: draw_slices(tables),
    "contour": lambda tables, found: draw_contour(tables, found.importance),
    "importance": lambda tables, found: draw_importance(found.importance),
    "importance_by_class": lambda tables, found: draw_importance_classes(found.importance, tables),
    "forest": lambda tables, found: draw_forest(found.questions, tables),
    "critical_difference": lambda tables, found: draw_ranks(main_ranks(tables, found.questions)),
    "heatmap": lambda tables, found: draw_heatmap(tables),
    "differences": lambda tables, found: draw_differences(found.differences),
    "properties": lambda tables, found: draw_properties(tables),
    "validation_test": lambda tables, found: draw_validation_test(found.validation_test, tables),
    "timeline": lambda tables, found: draw_timeline(tables),
}


def draw_all(tables: Tables, folder: Path, found: Results) -> dict[str, str]:
    """Write every figure that has something to show as PNG and SVG; return name → PNG file name."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for name, draw in FIGURES.items():
        with styled():
            figure = draw(tables, found)
        if figure is not None:
            drawn[name] = save(figure, folder, name)[0].name
    return drawn
