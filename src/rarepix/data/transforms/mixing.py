"""Mixing two training images: ClassMix and CutMix, as functions on arrays.

Images are H W 3 uint8, masks H W uint8 (for CutMix also H W C). A donor of another size is aligned with the image
at the first pixel; only the rows and columns that both have are used. Inputs are not modified.
"""

import math

import cv2
import numpy as np

from rarepix.data.transforms.resizing import ImageAndMask

ASPECTS = (0.5, 2.0)
"""Range of height over width of CutMix's rectangle."""


def draw_half_of_classes(mask: np.ndarray, random: np.random.Generator, *, ignore: int) -> np.ndarray:
    """Return a random half of the ids in *mask*, rounded up, including the background but not *ignore*."""
    present = np.flatnonzero(np.bincount(mask.ravel(), minlength=256))
    present = present[present != ignore]
    return random.choice(present, size=-(-len(present) // 2), replace=False)


def classmix(target: ImageAndMask, donor: ImageAndMask, pasted: np.ndarray) -> ImageAndMask:
    """Return *target* with the pixels of *donor* where *pasted* is not 0 (Olsson et al. 2021).

    These are the pixels of some classes of the donor; *pasted* is H W uint8, of the shape that both have in common.
    """
    rows, columns = common_shape(target, donor)
    image, mask = target[0].copy(), target[1].copy()
    for into, source in ((image, donor[0]), (mask, donor[1])):
        cv2.copyTo(np.ascontiguousarray(source[:rows, :columns]), pasted, into[:rows, :columns])
    return image, mask


def draw_rectangle(
    shape: tuple[int, int], area: tuple[float, float], random: np.random.Generator
) -> tuple[slice, slice]:
    """Return rows and columns of a random rectangle in *shape*.

    Its share of the pixels is drawn from *area*, its aspect ratio from ``ASPECTS`` (log-uniform), its location
    uniformly from those inside the image. A side longer than the image is cut off; the share is then smaller.
    """
    pixels = random.uniform(*area) * shape[0] * shape[1]
    aspect = math.exp(random.uniform(*map(math.log, ASPECTS)))
    sides = math.sqrt(pixels * aspect), math.sqrt(pixels / aspect)
    lengths = [min(max(round(side), 1), whole) for side, whole in zip(sides, shape, strict=True)]
    starts = [int(random.integers(whole - length + 1)) for whole, length in zip(shape, lengths, strict=True)]
    rows, columns = (slice(start, start + length) for start, length in zip(starts, lengths, strict=True))
    return rows, columns


def cutmix(target: ImageAndMask, donor: ImageAndMask, rectangle: tuple[slice, slice]) -> ImageAndMask:
    """Return *target* with all of *donor* within *rectangle*, ignored pixels included (Yun et al. 2019)."""
    image, mask = target[0].copy(), target[1].copy()
    image[rectangle], mask[rectangle] = donor[0][rectangle], donor[1][rectangle]
    return image, mask


def common_shape(target: ImageAndMask, donor: ImageAndMask) -> tuple[int, int]:
    """Return the number of rows and columns that both have."""
    rows, columns = map(min, target[1].shape[:2], donor[1].shape[:2])
    return rows, columns
