"""A picture of a test: the IoU of every class over how rare it is, and how far its probabilities can be believed."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rarepix.evaluation.measure import Measurements
from rarepix.evaluation.score_files import calibration_errors, calibration_table
from rarepix.files import replacing
from rarepix.labels import LabelSpace
from rarepix.metrics.counts import by_kind
from rarepix.scores import iou, ratio, summed
from rarepix.viz.contact_sheet import class_colors

INK, PALE, BLUE = "#1a1a1a", "#d9dce0", "#0072b2"
ROW = 0.28
"""Inches of a class."""


def draw_scores(measured: Measurements, labels: LabelSpace, path: Path) -> None:
    """Write the picture; classes from the most to the least common by pixels.

    Args:
        measured: what was counted.
        labels: the classes.
        path: of the PNG file.
    """
    height = max(3.2, 1.4 + ROW * labels.count)
    figure = Figure(figsize=(10, height), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _classes(left, measured, labels)
    _reliability(right, measured, labels)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=130, format="png")


def _classes(axes: Axes, measured: Measurements, labels: LabelSpace) -> None:
    counts = summed(by_kind(measured.counts))
    values, share = iou(counts), ratio(counts["tp"] + counts["fn"], sum(counts.values()))
    order = np.argsort(-share, kind="stable")
    shown = np.nan_to_num(values[order])
    table = class_colors(labels) / 255
    places = np.arange(len(order))
    axes.barh(places, shown, color=[table[number] for number in order], edgecolor=INK, linewidth=0.5)
    for place, number in enumerate(order):
        said = "absent" if np.isnan(values[number]) else f"{values[number]:.3f}"
        axes.text(shown[place] + 0.01, place, f"{said}   {share[number]:.2%} of pixels", va="center", fontsize=8)
    axes.set(xlim=(0, 1.35), ylim=(len(order) - 0.5, -0.5), xlabel="IoU, pooled over all images")
    axes.set_yticks(places, [labels.names[number] for number in order])
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_title(f"classes, {len(measured.ids)} images", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def _reliability(axes: Axes, measured: Measurements, labels: LabelSpace) -> None:
    table, errors = calibration_table(measured, labels), calibration_errors(measured, labels)
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1.5, zorder=0)
    one = len(errors) == 1
    for number, (name, error) in enumerate(errors.items()):
        rows = table[(table["of"] == name) & (table["pixels"] > 0)]
        colour = BLUE if one else class_colors(labels)[number] / 255
        label = f"{name}: error {error:.3f}" if not one else f"calibration error {error:.3f}"
        axes.plot(rows["confidence"], rows["right"], "o-", color=colour, markersize=3.5, linewidth=1.2, label=label)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability that was given", ylabel="share that was right")
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    axes.set_title("calibration", loc="left", fontsize=10)
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
