"""Images and masks in another size. Masks are H W or H W C, of any number of layers."""

import cv2
import numpy as np

Size = tuple[int, int]
"""Rows and columns."""


def fitted(shape: Size, wanted: int | Size) -> Size:
    """Return the size that *wanted* means for an image of *shape*: itself, or, of a number, the longest side.

    The other side keeps the aspect, rounded, but is at least a pixel.
    """
    if isinstance(wanted, tuple):
        return wanted
    factor = wanted / max(shape)
    rows, columns = (max(1, round(side * factor)) for side in shape)
    return rows, columns


def resize_image(image: np.ndarray, size: Size) -> np.ndarray:
    """Return the image (H W 3) in *size*: bilinear, but the mean of an area where it gets smaller both ways."""
    if image.shape[:2] == size:
        return image
    smaller = all(new <= old for new, old in zip(size, image.shape[:2], strict=True))
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def resize_mask(mask: np.ndarray, size: Size) -> np.ndarray:
    """Return the mask in *size*: the nearest pixel."""
    if mask.shape[:2] == size:
        return mask
    resized = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)  # the other one is half a pixel off
    return resized.reshape(*size, *mask.shape[2:])  # a single layer is taken for none
