"""Where a class is in a mask, and how many pixels each has, whether classes are ids (H W) or layers (H W C)."""

import cv2
import numpy as np


def pixels_of(mask: np.ndarray, classes: tuple[int, ...]) -> np.ndarray:
    """Return where any of *classes* is, H W, not 0 there."""
    if mask.ndim == 3:
        return (mask[..., list(classes)] == 1).any(axis=2)
    table = np.zeros(256, np.uint8)
    table[list(classes)] = 1
    return cv2.LUT(mask, table)


def count_classes(mask: np.ndarray, *, ignore: int | None = None) -> np.ndarray:
    """Return the number of pixels of every id, 256 of them; of layers, of every class and of no class.

    Args:
        mask: H W or H W C.
        ignore: id whose pixels do not count; of layers, those that are ignored in any.
    """
    if mask.ndim == 2:
        pixels = cv2.calcHist([mask], [0], None, [256], [0, 256]).ravel()  # ten times as fast as bincount
        if ignore is not None:
            pixels[ignore] = 0
        return pixels
    counted = np.ones(mask.shape[:2], bool) if ignore is None else (mask != ignore).all(axis=2)
    held = (mask == 1) & counted[..., None]
    return np.append(held.sum(axis=(0, 1)), np.count_nonzero(counted & ~held.any(axis=2))).astype(float)
