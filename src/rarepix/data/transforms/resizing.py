"""Images and masks resized. Masks are H W, or H W C with any number of classes."""

import cv2
import numpy as np

Size = tuple[int, int]
"""Rows and columns."""
ImageAndMask = tuple[np.ndarray, np.ndarray]


def fitted(shape: Size, wanted: int | Size) -> Size:
    """Return *wanted* if it is a size; if it is a number, the size of an image of *shape* whose longest side has it.

    The other side keeps the aspect ratio, rounded, but has at least a pixel.
    """
    if isinstance(wanted, tuple):
        return wanted
    factor = wanted / max(shape)
    rows, columns = (max(1, round(side * factor)) for side in shape)
    return rows, columns


def resize_image(image: np.ndarray, size: Size) -> np.ndarray:
    """Return the image (H W 3) in *size*: bilinear; area averaging if both sides shrink."""
    if image.shape[:2] == size:
        return image
    smaller = all(new <= old for new, old in zip(size, image.shape[:2], strict=True))
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def resize_mask(mask: np.ndarray, size: Size) -> np.ndarray:
    """Return the mask in *size*, by nearest neighbour."""
    if mask.shape[:2] == size:
        return mask
    resized = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)  # INTER_NEAREST is half a pixel off
    return resized.reshape(*size, *mask.shape[2:])  # OpenCV drops a last axis of length 1
