"""Mixing two training images: ClassMix and CutMix, as functions on arrays.

Images are H W 3 uint8, masks H W uint8 (for CutMix also H W C). Of a donor of another size counts what lies over the
image when both have their first pixel in the same place; nothing changes beyond it. Inputs stay as they are.
"""

import math

import cv2
import numpy as np

ASPECTS = (0.5, 2.0)
"""Range of height over width of CutMix's rectangle."""

Pair = tuple[np.ndarray, np.ndarray]
"""Image and mask."""


def half_of_the_classes(mask: np.ndarray, random: np.random.Generator, *, ignore: int) -> np.ndarray:
    """Draw half of the ids in *mask*, rounded up; the background is a class like the others, *ignore* is none."""
    held = np.flatnonzero(np.bincount(mask.ravel(), minlength=256))
    held = held[held != ignore]
    return random.choice(held, size=-(-len(held) // 2), replace=False)


def classmix(target: Pair, donor: Pair, classes: np.ndarray) -> Pair:
    """Return *target* with all pixels of the *classes* of *donor* where they are (Olsson et al. 2021)."""
    over = _overlap(target, donor)
    chosen = np.zeros(256, np.uint8)
    chosen[classes] = 255
    taken = cv2.LUT(donor[1][over], chosen)
    return _copied(target, donor, over, taken)


def draw_rectangle(
    shape: tuple[int, int], area: tuple[float, float], random: np.random.Generator
) -> tuple[slice, slice]:
    """Draw rows and columns of a rectangle in *shape*.

    Its share is drawn from *area*, its height over its width from ``ASPECTS`` (evenly in the logarithm), its place
    evenly from those in which it lies inside. What is too long for a side is cut off; the share is then smaller.
    """
    pixels = random.uniform(*area) * shape[0] * shape[1]
    aspect = math.exp(random.uniform(*map(math.log, ASPECTS)))
    sides = math.sqrt(pixels * aspect), math.sqrt(pixels / aspect)
    lengths = [min(max(round(side), 1), whole) for side, whole in zip(sides, shape, strict=True)]
    starts = [int(random.integers(whole - length + 1)) for whole, length in zip(shape, lengths, strict=True)]
    rows, columns = (slice(start, start + length) for start, length in zip(starts, lengths, strict=True))
    return rows, columns


def cutmix(target: Pair, donor: Pair, rectangle: tuple[slice, slice]) -> Pair:
    """Return *target* with all of *donor* within *rectangle*, ignored pixels included (Yun et al. 2019)."""
    image, mask = target[0].copy(), target[1].copy()
    image[rectangle], mask[rectangle] = donor[0][rectangle], donor[1][rectangle]
    return image, mask


def common_shape(target: Pair, donor: Pair) -> tuple[int, int]:
    """Return rows and columns that both have."""
    rows, columns = map(min, target[1].shape[:2], donor[1].shape[:2])
    return rows, columns


def _overlap(target: Pair, donor: Pair) -> tuple[slice, slice]:
    rows, columns = common_shape(target, donor)
    return slice(rows), slice(columns)


def _copied(target: Pair, donor: Pair, over: tuple[slice, slice], taken: np.ndarray) -> Pair:
    image, mask = target[0].copy(), target[1].copy()
    for ours, theirs in ((image, donor[0]), (mask, donor[1])):
        cv2.copyTo(np.ascontiguousarray(theirs[over]), taken, ours[over])
    return image, mask
