"""The picture of a test: the IoU of every class with its share of pixels, and the calibration of probabilities."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rarepix.labels import LabelSpace
from rarepix.scores import KINDS, ratio
from rarepix.viz.overlays import class_colors
from rarepix.viz.style import BLUE, INK, PALE, PAPER, save_figure

ROW = 0.28
"""Height of a class in inches."""


def draw_scores(
    classes: pd.DataFrame,
    calibration: pd.DataFrame,
    errors: Mapping[str, float],
    labels: LabelSpace,
    path: Path,
    *,
    images: int,
) -> None:
    """Write the PNG file of a test of so many *images*; classes from the most to the least common by pixels.

    Args:
        classes: a row per class of *labels*, in their order, with the columns tp, fp, fn, tn and iou.
        calibration: a row per bin with the columns of (curve), pixels, confidence and right.
        errors: curve → its calibration error.
    """
    height = max(3.2, 1.4 + ROW * labels.count)
    figure = Figure(figsize=(10, height), layout="constrained", facecolor=PAPER)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_classes(left, classes, labels)
    left.set_title(f"classes, {images} images", loc="left", fontsize=10)
    _draw_reliability(right, calibration, errors, labels)
    save_figure(figure, path)


def _draw_classes(axes: Axes, classes: pd.DataFrame, labels: LabelSpace) -> None:
    iou = classes["iou"].to_numpy()
    share = ratio(classes["tp"] + classes["fn"], classes[list(KINDS)].sum(axis=1))
    order = np.argsort(-share, kind="stable")
    lengths = np.nan_to_num(iou[order])
    colours = class_colors(labels) / 255
    rows = np.arange(len(order))
    axes.barh(rows, lengths, color=[colours[number] for number in order], edgecolor=INK, linewidth=0.5)
    for row, number in enumerate(order):
        score = "absent" if np.isnan(iou[number]) else f"{iou[number]:.3f}"
        axes.text(lengths[row] + 0.01, row, f"{score}   {share[number]:.2%} of pixels", va="center", fontsize=8)
    axes.set(xlim=(0, 1.35), ylim=(len(order) - 0.5, -0.5), xlabel="IoU, pooled over all images")
    axes.set_yticks(rows, [labels.names[number] for number in order])
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.spines[["top", "right"]].set_visible(False)


def _draw_reliability(axes: Axes, calibration: pd.DataFrame, errors: Mapping[str, float], labels: LabelSpace) -> None:
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1.5, zorder=0)
    single = len(errors) == 1
    for number, (name, error) in enumerate(errors.items()):
        bins = calibration[(calibration["of"] == name) & (calibration["pixels"] > 0)]
        colour = BLUE if single else class_colors(labels)[number] / 255
        label = f"calibration error {error:.3f}" if single else f"{name}: error {error:.3f}"
        axes.plot(bins["confidence"], bins["right"], "o-", color=colour, markersize=3.5, linewidth=1.2, label=label)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability", ylabel="share of pixels that are right")
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    axes.set_title("calibration", loc="left", fontsize=10)
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
