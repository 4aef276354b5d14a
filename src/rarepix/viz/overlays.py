"""Masks in colour: by themselves, and over their image."""

from colorsys import hsv_to_rgb

import numpy as np

from rarepix.labels import LabelSpace, Task
from rarepix.viz.style import IGNORED, NO_CLASS

OPACITY = 0.45
"""Share of the class colour in an overlay; the rest is the image."""


def class_colors(labels: LabelSpace) -> np.ndarray:
    """Return the colour of every id, 256 × 3 uint8: the dataset's palette, or else evenly spread hues."""
    table = np.full((256, 3), IGNORED, np.uint8)
    palette = labels.palette or [_hue(index, labels.count) for index in range(labels.count)]
    table[: labels.count] = np.asarray(palette, np.uint8)[: labels.count]
    if labels.task is Task.BINARY and not labels.palette:
        table[labels.background] = NO_CLASS
    table[labels.ignore] = IGNORED
    return table


def colorize(mask: np.ndarray, labels: LabelSpace) -> np.ndarray:
    """Return a mask, H W ids or H W C of 0 and 1, in the colours of its classes, H W 3 uint8.

    Of overlapping classes (H W C) the smallest is on top.
    """
    table = class_colors(labels)
    if mask.ndim == 2:
        return table[mask]
    colours = np.full((*mask.shape[:2], 3), NO_CLASS, np.uint8)
    colours[(mask == labels.ignore).any(axis=2)] = table[labels.ignore]
    for index in np.argsort(-(mask == 1).sum(axis=(0, 1)), kind="stable"):
        colours[mask[..., index] == 1] = table[index]
    return colours


def overlay(image: np.ndarray, mask: np.ndarray, labels: LabelSpace) -> np.ndarray:
    """Return an image H W 3 uint8 with its mask's colours over it; background and pixels of no class stay clear."""
    if mask.ndim == 2:
        clear = np.zeros(mask.shape, bool) if labels.background is None else mask == labels.background
    else:
        clear = (mask == 0).all(axis=2)
    mixed = ((1 - OPACITY) * image + OPACITY * colorize(mask, labels)).astype(np.uint8)
    return np.where(clear[..., None], image, mixed)


def _hue(index: int, count: int) -> tuple[int, int, int]:
    red, green, blue = hsv_to_rgb(index / count, 0.65, 0.9 if index % 2 else 0.7)
    return round(red * 255), round(green * 255), round(blue * 255)
