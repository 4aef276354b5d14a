"""How alike two images are, whatever their format, size, brightness and a small crop: hashes to find, pixels to check.

An image is reduced to a small grey one. Perceptual hashes (pHash, Zauner 2010) of it and of crops of it find pairs that
may be alike among all pairs; the correlation of the grey values, at the best shift and scale, decides.
"""

from typing import NamedTuple

import cv2
import imagehash
import numpy as np
from PIL import Image

from rarepix.data.images import read_image
from rarepix.data.source import DataError, Item

SIDE, SMALL = 128, 32
"""Rows and columns of the grey image that is hashed, and of the one that is compared."""
TEMPLATE = 22
"""Rows and columns of the middle of an image that is looked for in another."""
SCALES = ((1, 1), (0.96, 0.96), (0.92, 0.92), (0.88, 0.88), (1, 0.95), (0.95, 1), (1, 0.91), (0.91, 1))
"""Heights and widths in which it is looked for: an image that was cut shows its middle larger, or stretched."""
CROPS = (
    (0, 0, 1, 1), (0.025, 0.025, 0.975, 0.975), (0.05, 0.05, 0.95, 0.95),
    (0, 0, 0.92, 0.92), (0.08, 0, 1, 0.92), (0, 0.08, 0.92, 1), (0.08, 0.08, 1, 1),
)  # fmt: skip
"""Left, upper, right and lower border of the crops that are hashed; the whole image first."""
LEAST_CONTRAST = 1.0
"""Standard deviation of the grey values (0 to 255) below which an image shows nothing that could be compared."""


class Fingerprint(NamedTuple):
    """What of an image is compared."""

    hashes: np.ndarray
    """Of each crop, 64 bits each: uint64."""
    grey: np.ndarray
    """SMALL SMALL uint8."""
    templates: list[np.ndarray]
    """TEMPLATE TEMPLATE uint8, at each scale."""


def fingerprint(item: Item) -> Fingerprint | None:
    """Return the fingerprint of an item's image; None if it cannot be read or is of one colour."""
    try:
        image = read_image(item.image, item.bands)
    except (DataError, OSError):
        return None
    grey = _grey(image)
    if grey.std() < LEAST_CONTRAST:
        return None
    hashes = [_hash(grey[round(SIDE * b) : round(SIDE * d), round(SIDE * a) : round(SIDE * c)]) for a, b, c, d in CROPS]
    small = cv2.resize(grey, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    return Fingerprint(np.array(hashes, np.uint64), small, [_template(grey, *scale) for scale in SCALES])


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the fewest bits in which the hashes of images differ, N M.

    *first* and *second* are hashes, N K and M K, of K crops; of each pair one image is taken whole.
    """
    fewest = np.full((len(first), len(second)), 64, np.uint8)
    for crop in range(first.shape[1]):
        for left, right in ((first[:, 0], second[:, crop]), (first[:, crop], second[:, 0])):
            np.minimum(fewest, np.bitwise_count(left[:, None] ^ right[None, :]), out=fewest)
    return fewest


def likeness(first: Fingerprint, second: Fingerprint) -> float:
    """Return the correlation of the grey values at the best shift and scale, up to 1."""
    pairs = [(second.grey, template) for template in first.templates]
    pairs += [(first.grey, template) for template in second.templates[1:]]
    return max(float(cv2.matchTemplate(grey, template, cv2.TM_CCOEFF_NORMED).max()) for grey, template in pairs)


def _grey(image: np.ndarray) -> np.ndarray:
    """Return the mean band of an image H W C as SIDE SIDE uint8; floats are scaled to their own range."""
    grey = cv2.resize(image.mean(axis=2, dtype=np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    if image.dtype != np.uint8:
        grey = (grey - grey.min()) * (255 / max(float(np.ptp(grey)), 1e-12))
    return np.rint(grey).astype(np.uint8)


def _hash(grey: np.ndarray) -> int:
    return int(str(imagehash.phash(Image.fromarray(grey))), 16)


def _template(grey: np.ndarray, height: float, width: float) -> np.ndarray:
    """Return the middle of a SIDE SIDE image that is scaled to these shares of SMALL."""
    rows, columns = round(SMALL * height), round(SMALL * width)
    top, left = (rows - TEMPLATE) // 2, (columns - TEMPLATE) // 2
    scaled = cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(scaled[top : top + TEMPLATE, left : left + TEMPLATE])
