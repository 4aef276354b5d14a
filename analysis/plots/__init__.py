"""Figures of a study. Each is computed as a table first (``*_table``, ``*_lines``, ``*_axes``), then drawn.

Importing this imports matplotlib; nothing else in the analysis does before it draws.
"""

from pathlib import Path

from analysis.plots.classes import draw_heatmap, draw_properties
from analysis.plots.curves import draw_curves
from analysis.plots.leaderboard import draw_answer, draw_leaderboard
from analysis.plots.parallel import draw_parallel
from analysis.plots.style import save, styled
from analysis.reading.collect import Tables

FIGURES = {
    "answer": draw_answer,
    "leaderboard": draw_leaderboard,
    "curves": draw_curves,
    "parallel": draw_parallel,
    "heatmap": draw_heatmap,
    "properties": draw_properties,
}


def draw_all(tables: Tables, folder: Path) -> dict[str, str]:
    """Write every figure that has something to show as PNG and SVG; return name → PNG file name."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for name, draw in FIGURES.items():
        with styled():
            figure = draw(tables)
        if figure is not None:
            drawn[name] = save(figure, folder, name)[0].name
    return drawn
