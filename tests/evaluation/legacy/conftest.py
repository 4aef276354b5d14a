"""Label spaces and masks for the published evaluators."""

import numpy as np

from rarepix.labels import LabelSpace, Task

VOID = 255
LESION = LabelSpace(names=("background", "lesion"), background=0, task=Task.BINARY)
LESIONS = LabelSpace(names=("red", "yellow"), task=Task.MULTILABEL)


def several(count: int, background: int | None = 0) -> LabelSpace:
    """A multiclass label space of *count* classes."""
    return LabelSpace(names=tuple(f"c{index}" for index in range(count)), background=background)


def square(top: int, left: int, side: int = 3, size: int = 8, value: int = 1) -> np.ndarray:
    """A mask of zeros *size* × *size* with a square."""
    mask = np.zeros((size, size), np.uint8)
    mask[top : top + side, left : left + side] = value
    return mask


def empty(size: int = 8) -> np.ndarray:
    """A mask of zeros."""
    return np.zeros((size, size), np.uint8)
