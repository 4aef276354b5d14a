"""Figures of a study. Most are computed as a table first (a function of its own), then drawn.

Importing this imports matplotlib; nothing else in the analysis does before it draws.
"""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from analysis.plots.class_differences import draw_differences
from analysis.plots.class_scores import draw_heatmap, draw_properties
from analysis.plots.confusion import draw_confusion
from analysis.plots.contour import draw_contour
from analysis.plots.critical_difference import draw_ranks
from analysis.plots.forest import draw_forest
from analysis.plots.history import draw_history
from analysis.plots.importance import draw_importance, draw_importance_classes
from analysis.plots.leaderboard import draw_answer, draw_leaderboard
from analysis.plots.learning_curves import draw_configuration_curves, draw_curves
from analysis.plots.parallel_coordinates import draw_parallel
from analysis.plots.slices import draw_slices
from analysis.plots.style import save, styled
from analysis.plots.threshold_curves import draw_threshold_curves
from analysis.plots.timeline import draw_timeline
from analysis.plots.validation_vs_test import draw_validation_test
from analysis.reading.tables import Tables
from analysis.study.empty_images import ALARMS
from analysis.study.results import Results, main_ranks
from analysis.study.threshold_curves import configuration_curves
from analysis.study.tuned_gates import IOU

Draw = Callable[[Tables, Results], Figure | None]
"""Returns None where there is nothing to show."""

FIGURES: dict[str, Draw] = {
    "answer": lambda tables, results: draw_answer(tables),
    "leaderboard": lambda tables, results: draw_leaderboard(tables),
    "history": lambda tables, results: draw_history(tables),
    "curves": lambda tables, results: draw_curves(tables),
    "curves_by_configuration": lambda tables, results: draw_configuration_curves(tables),
    "threshold_curves": lambda tables, results: draw_threshold_curves(configuration_curves(tables)),
    "parallel": lambda tables, results: draw_parallel(tables),
    "slice": lambda tables, results: draw_slices(tables),
    "contour": lambda tables, results: draw_contour(tables, results.importance),
    "importance": lambda tables, results: draw_importance(results.importance),
    "importance_by_class": lambda tables, results: draw_importance_classes(results.importance, tables),
    "forest": lambda tables, results: draw_forest(results.comparisons, tables),
    "forest_false_alarms": lambda tables, results: draw_forest(results.empty.of(ALARMS), tables),
    "forest_iou": lambda tables, results: draw_forest(results.empty.of(IOU), tables),
    "critical_difference": lambda tables, results: draw_ranks(main_ranks(tables, results.comparisons)),
    "heatmap": lambda tables, results: draw_heatmap(tables),
    "confusion": lambda tables, results: draw_confusion(tables),
    "differences": lambda tables, results: draw_differences(results.differences),
    "properties": lambda tables, results: draw_properties(tables),
    "validation_test": lambda tables, results: draw_validation_test(results.validation_test, tables),
    "timeline": lambda tables, results: draw_timeline(tables),
}


def draw_all(tables: Tables, folder: Path, results: Results) -> dict[str, str]:
    """Write every figure that has something to show as PNG and SVG; return name → PNG file name."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for name, draw in FIGURES.items():
        with styled():
            figure = draw(tables, results)
        if figure is not None:
            drawn[name] = save(figure, folder, name)[0].name
    return drawn
