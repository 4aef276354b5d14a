"""Where a region is pasted: on allowed pixels, and only where at least half of it is seen."""

import cv2
import numpy as np

from rarepix.data.transforms.copypaste import Cutout, seen

TRIES = 8
"""Places that are tried for a region, at most."""
GLANCES = 256
"""Pixels that are looked at for places on the background, before all are."""


def draw_pixels(mask: np.ndarray, table: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw ``TRIES`` of the pixels whose id has 1 in *table*, as flat indices; none if there are none.

    Usually a glance at some pixels finds enough of them; to look at all takes several times as long.
    """
    ids = mask.ravel()
    pixels = random.integers(len(ids), size=GLANCES)
    pixels = pixels[table[ids[pixels]] > 0]
    if len(pixels) < TRIES:
        pixels = np.flatnonzero(cv2.LUT(mask, table))
        pixels = random.choice(pixels, size=TRIES) if len(pixels) else pixels
    return pixels[:TRIES]


def find_place(
    cutout: Cutout,
    shape: tuple[int, int],
    ground: np.ndarray | None,
    kept: np.ndarray | None,
    random: np.random.Generator,
) -> tuple[int, int] | None:
    """Return row and column for the first pixel of a region's box, or None if nowhere half of the region is seen.

    Args:
        cutout: the region, not empty.
        shape: rows and columns of the image.
        ground: flat indices of pixels that are tried in turn: a pixel of the region, which is drawn, goes there. None:
            the middle of the box goes to the same share of rows and columns as in the donor image.
        kept: H W bool, pixels that are not covered.
        random: what draws.
    """
    height, width = cutout.region.shape
    own = np.flatnonzero(cutout.region)
    if ground is None:
        middle = cutout.centre[0] * shape[0], cutout.centre[1] * shape[1]
        places = [(round(middle[0] - height / 2), round(middle[1] - width / 2))]
    else:
        drawn = own[random.integers(len(own), size=len(ground))]
        places = zip(ground // shape[1] - drawn // width, ground % shape[1] - drawn % width, strict=True)
    for row, column in places:
        if 2 * seen(cutout.region, int(row), int(column), shape, kept) >= len(own):
            return int(row), int(column)
    return None
