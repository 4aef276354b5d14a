"""Copy-paste on arrays: take a class region out of an image, resize and turn it, put it into another.

Images are H W 3 uint8, masks H W uint8. Inputs stay as they are.
"""

from typing import NamedTuple

import cv2
import numpy as np


class Cutout(NamedTuple):
    """A class region with the smallest box around it."""

    patch: np.ndarray
    """The image in the box, h w 3 uint8."""
    region: np.ndarray
    """Where the class is, h w bool."""
    centre: tuple[float, float]
    """Of the box in its image, as shares of rows and columns."""


def cut_out(image: np.ndarray, mask: np.ndarray, number: int) -> Cutout | None:
    """Return all pixels of the class with id *number*, or None if there are none. Copies: the image can be let go."""
    region = mask == number
    left, top, width, height = cv2.boundingRect(region.view(np.uint8))
    if not width:
        return None
    box = slice(top, top + height), slice(left, left + width)
    centre = (top + height / 2) / mask.shape[0], (left + width / 2) / mask.shape[1]
    return Cutout(image[box].copy(), region[box].copy(), centre)


def warp(cutout: Cutout, *, flip: bool, scale: float, degrees: float) -> Cutout:
    """Return *cutout* mirrored, resized and turned, in the smallest box that holds its old box; a region may vanish.

    *degrees* are clockwise. One interpolation: the image bilinear, the region nearest.
    """
    height, width = cutout.region.shape
    radians = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    sides = np.ceil(np.abs(turn) @ (width, height) - 1e-6).astype(int).clip(1)  # 1e-6: rounding makes no row of its own
    if flip:
        turn[:, 0] *= -1
    middle = (sides - 1) / 2 - turn @ (width - 1, height - 1) / 2
    matrix, size = np.column_stack([turn, middle]), sides.tolist()
    patch = cv2.warpAffine(cutout.patch, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    region = cv2.warpAffine(cutout.region.view(np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    row, column = cutout.centre
    return Cutout(patch, region.view(bool), (row, 1 - column if flip else column))


def paste_region(
    image: np.ndarray,
    mask: np.ndarray,
    patch: np.ndarray,
    region: np.ndarray,
    number: int,
    row: int,
    column: int,
    *,
    ring: int,
    ignore: int,
    protected: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return image and mask with *patch* where *region* is, and how many pixels were covered.

    Args:
        image: what is pasted into.
        mask: its ids.
        patch: h w 3, what is pasted.
        region: h w bool, which of its pixels.
        number: id that they get.
        row: of the patch's first pixel in the image; may be negative, or beyond the image.
        column: the same.
        ring: pixels around what was covered, over sides and corners, that get *ignore* in the mask.
        ignore: the id that is not counted.
        protected: H W bool, pixels that neither the patch nor the ring changes.
    """
    image, mask = image.copy(), mask.copy()
    window = _window(mask.shape, region.shape, row, column)
    covered = region[_within(window, row, column)]
    if protected is not None:
        covered = covered & ~protected[window]
    pixels = int(np.count_nonzero(covered))
    if not pixels:
        return image, mask, 0
    chosen = np.ascontiguousarray(covered).view(np.uint8)
    cv2.copyTo(np.ascontiguousarray(patch[_within(window, row, column)]), chosen, image[window])
    if ring:
        _ignore_around(mask, covered, window, ring, ignore, protected)
    cv2.copyTo(np.full_like(chosen, number), chosen, mask[window])
    return image, mask, pixels


def seen(region: np.ndarray, row: int, column: int, shape: tuple[int, int], protected: np.ndarray | None) -> int:
    """Return how many pixels of *region* would lie inside *shape* and not on *protected* ones."""
    window = _window(shape, region.shape, row, column)
    inside = region[_within(window, row, column)]
    return int(np.count_nonzero(inside if protected is None else inside & ~protected[window]))


def _window(shape: tuple[int, int], patch: tuple[int, int], row: int, column: int) -> tuple[slice, slice]:
    """Return rows and columns of the image that a patch lies over; none if it lies beyond."""
    rows, columns = (
        slice(min(max(at, 0), whole), min(max(at + side, 0), whole))
        for at, side, whole in zip((row, column), patch, shape, strict=True)
    )
    return rows, columns


def _within(window: tuple[slice, slice], row: int, column: int) -> tuple[slice, slice]:
    rows, columns = window
    return slice(rows.start - row, rows.stop - row), slice(columns.start - column, columns.stop - column)


def _ignore_around(
    mask: np.ndarray,
    covered: np.ndarray,
    window: tuple[slice, slice],
    ring: int,
    ignore: int,
    protected: np.ndarray | None,
) -> None:
    """Ignore in *mask* what lies around *covered*, and *covered* itself."""
    wider = tuple(slice(max(s.start - ring, 0), min(s.stop + ring, n)) for s, n in zip(window, mask.shape, strict=True))
    canvas = np.zeros([s.stop - s.start for s in wider], np.uint8)
    canvas[tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(window, wider, strict=True))] = covered
    near = cv2.dilate(canvas, np.ones((2 * ring + 1, 2 * ring + 1), np.uint8))
    if protected is not None:
        near[protected[wider]] = 0
    cv2.copyTo(np.full_like(near, ignore), near, mask[wider])
