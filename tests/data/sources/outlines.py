"""An independent rasteriser, and how two masks of one outline are compared."""

import cv2
import numpy as np
from matplotlib.path import Path as Outline


def inside(polygon: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return where the centres of pixels are in a polygon (corners × x, y), by matplotlib: H W bool."""
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    return Outline(polygon).contains_points(np.stack([columns.ravel(), rows.ravel()], 1)).reshape(size)


def differs_within_a_pixel(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether two masks differ only where the second has its border within one pixel."""
    mask = second.astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    border = cv2.dilate(mask, kernel) != cv2.erode(mask, kernel, borderValue=0)
    return bool(border[first.astype(bool) != second.astype(bool)].all())
