"""Images and masks resized. Masks are H W, or H W C with any number of classes."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from rarepix.data.source import Size
from rarepix.labels import IGNORE, SOFT_SCALE

ImageAndMask = tuple[np.ndarray, np.ndarray]
AREA_BANDS = 4
"""Bands that OpenCV averages over areas at once, at most."""


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
    """Return the image (H W, or H W C of any bands) in *size*: bilinear; area averaging if both sides shrink."""
    if image.shape[:2] == size:
        return image
    smaller = all(new <= old for new, old in zip(size, image.shape[:2], strict=True))
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    if smaller and image.ndim == 3 and image.shape[2] > AREA_BANDS:
        parts = [image[..., first : first + AREA_BANDS] for first in range(0, image.shape[2], AREA_BANDS)]
        return np.concatenate([resize_image(np.ascontiguousarray(part), size) for part in parts], axis=2)
    resized = cv2.resize(image, size[::-1], interpolation=interpolation)
    return resized.reshape(*size, *image.shape[2:])  # OpenCV drops a last axis of length 1


def resize_mask(mask: np.ndarray, size: Size, *, soft: bool = False) -> np.ndarray:
    """Return the mask in *size*, by nearest neighbour; a soft one like an image, see ``interpolate``."""
    if mask.shape[:2] == size:
        return mask
    if soft:
        return interpolate(mask, lambda planes: [resize_image(plane, size) for plane in planes])
    resized = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)  # INTER_NEAREST is half a pixel off
    return resized.reshape(*size, *mask.shape[2:])  # OpenCV drops a last axis of length 1


def interpolate(mask: np.ndarray, transform: Callable[[list[np.ndarray]], Sequence[np.ndarray]]) -> np.ndarray:
    """Return a soft mask (H W or H W C) after a *transform* of planes (H W uint8) that interpolates linearly.

    An ignored pixel must not be taken for a share above 1. So the shares, 0 where they are ignored, and their weights,
    255 where they count and else 0, are transformed apart: where at least half of the weight is left the result is
    share over weight, elsewhere it is ignored. *transform* must fill what it adds with 0.
    """
    layers = mask.reshape(*mask.shape[:2], -1)
    ignored = layers == IGNORE
    weights = np.where(ignored if ignored.any() else ignored[..., :1], 0, 255)  # one for all layers, where all count
    planes = np.concatenate([np.where(ignored, 0, layers), weights], axis=2).astype(np.uint8)
    planes = np.stack(transform([*np.ascontiguousarray(planes.transpose(2, 0, 1))]), axis=2)
    shares, weights = planes[..., : layers.shape[2]], planes[..., layers.shape[2] :]
    values = np.rint(shares * (255 / np.maximum(weights, 1))).clip(0, SOFT_SCALE)
    result = np.where(weights > 127, values, IGNORE).astype(np.uint8)
    return result.reshape(*result.shape[:2], *mask.shape[2:])
