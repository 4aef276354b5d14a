"""Copy-paste on arrays: cut a class region out of an image, resize and rotate it, find a location, paste it.

Images are H W C, masks H W uint8. Inputs are not modified.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import NamedTuple

import cv2
import numpy as np

CACHE_BYTES = 128 * 2**20
"""Of images and regions, in each loader process; some thousand regions of a hundred rows and columns."""
MAX_LOCATIONS = 8
"""Locations that are tried for a region."""
SAMPLED_PIXELS = 256
"""Pixels that are sampled for locations before all pixels are searched."""


class Cutout(NamedTuple):
    """A class region in its bounding box."""

    patch: np.ndarray
    """The image in the box, h w C."""
    region: np.ndarray
    """Where the class is, h w bool."""
    centre: tuple[float, float]
    """Centre of the box in its image, as shares of rows and columns."""


def cut_out(image: np.ndarray, mask: np.ndarray, number: int) -> Cutout | None:
    """Return all pixels of the class with id *number*, or None if there are none. Copies, no views of the image."""
    region = mask == number
    left, top, width, height = cv2.boundingRect(region.view(np.uint8))
    if not width:
        return None
    box = slice(top, top + height), slice(left, left + width)
    centre = (top + height / 2) / mask.shape[0], (left + width / 2) / mask.shape[1]
    return Cutout(image[box].copy(), region[box].copy(), centre)


class CutoutCache:
    """The cutouts that were used last, as many as fit into *limit* bytes.

    The donor images of scarce classes are used again and again; so each is decoded once, not for each paste. Cutouts
    are shared: they must not be changed.
    """

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self.limit, self.bytes = limit, 0
        self._cutouts: OrderedDict[Hashable, Cutout | None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._cutouts)

    def get(self, key: Hashable, make: Callable[[], Cutout | None]) -> Cutout | None:
        """Return the cutout stored under *key*, or else what *make* returns, and store it."""
        if key in self._cutouts:
            self._cutouts.move_to_end(key)
            return self._cutouts[key]
        cutout = self._cutouts[key] = make()
        self.bytes += _bytes_of(cutout)
        while self.bytes > self.limit:
            self.bytes -= _bytes_of(self._cutouts.popitem(last=False)[1])
        return cutout


def warp(cutout: Cutout, *, flip: bool, scale: float, degrees: float) -> Cutout:
    """Return *cutout* mirrored, resized and rotated, in the bounding box of its old box; a region may vanish.

    *degrees* are clockwise. Everything is done in one interpolation: bilinear for the image, nearest for the region.
    """
    height, width = cutout.region.shape
    radians = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    sides = np.ceil(np.abs(linear) @ (width, height) - 1e-6).astype(int).clip(1)  # 1e-6: rounding errors add no row
    if flip:
        linear[:, 0] *= -1
    shift = (sides - 1) / 2 - linear @ (width - 1, height - 1) / 2
    matrix, size = np.column_stack([linear, shift]), sides.tolist()
    patch = cv2.warpAffine(cutout.patch, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    patch = patch.reshape(*size[::-1], *cutout.patch.shape[2:])  # OpenCV drops a last axis of length 1
    region = cv2.warpAffine(cutout.region.view(np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    row, column = cutout.centre
    return Cutout(patch, region.view(bool), (row, 1 - column if flip else column))


def sample_allowed_pixels(mask: np.ndarray, allowed: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return ``MAX_LOCATIONS`` random pixels whose id is allowed, as flat indices; none if there are none.

    Usually a sample of some pixels has enough of them; a search of all pixels takes several times as long. *allowed*
    has 1 for each id (256 uint8) that a region may be placed on, else 0.
    """
    ids = mask.ravel()
    pixels = random.integers(len(ids), size=SAMPLED_PIXELS)
    pixels = pixels[allowed[ids[pixels]] > 0]
    if len(pixels) < MAX_LOCATIONS:
        pixels = np.flatnonzero(cv2.LUT(mask, allowed))
        pixels = random.choice(pixels, size=MAX_LOCATIONS) if len(pixels) else pixels
    return pixels[:MAX_LOCATIONS]


def find_location(
    cutout: Cutout,
    shape: tuple[int, int],
    allowed_pixels: np.ndarray | None,
    protected: np.ndarray | None,
    random: np.random.Generator,
) -> tuple[int, int] | None:
    """Return row and column for the first pixel of a cutout, or None if nowhere half of its region is visible.

    Args:
        cutout, shape: what is pasted, with a region that is not empty; rows and columns of the image.
        allowed_pixels: flat indices of pixels that are tried in turn: a random pixel of the region is placed there.
            None: the centre of the box is placed where it was in the donor image, by shares of rows and columns.
        protected: H W bool, pixels that are not covered.
    """
    width, region_pixels = cutout.region.shape[1], np.flatnonzero(cutout.region)
    if allowed_pixels is None:
        sides = zip(cutout.centre, shape, cutout.region.shape, strict=True)
        locations = [tuple(round(centre * whole - side / 2) for centre, whole, side in sides)]
    else:
        anchors = region_pixels[random.integers(len(region_pixels), size=len(allowed_pixels))]
        rows = allowed_pixels // shape[1] - anchors // width
        columns = allowed_pixels % shape[1] - anchors % width
        locations = zip(rows.tolist(), columns.tolist(), strict=True)
    for row, column in locations:
        if 2 * visible_pixels(cutout.region, row, column, shape, protected) >= len(region_pixels):
            return row, column
    return None


def paste_region(
    image: np.ndarray,
    mask: np.ndarray,
    patch: np.ndarray,
    region: np.ndarray,
    number: int,
    row: int,
    column: int,
    *,
    ignore_margin: int,
    ignore: int,
    protected: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return image and mask with *patch* where *region* is, and how many pixels were covered.

    Args:
        image, mask: what is pasted into, and its ids.
        patch, region: h w 3, what is pasted, and h w bool, which of its pixels are.
        number: id that they get.
        row, column: of the first pixel of the patch in the image; may be negative, or beyond the image.
        ignore_margin: width in pixels of the margin around the covered pixels that gets *ignore* in the mask.
        ignore: the id that is not counted.
        protected: H W bool, pixels that neither the patch nor the margin changes.
    """
    image, mask = image.copy(), mask.copy()
    window, patch_window, covered = _overlap(region, row, column, mask.shape, protected)
    pixels = int(np.count_nonzero(covered))
    if not pixels:
        return image, mask, 0
    chosen = np.ascontiguousarray(covered).view(np.uint8)
    cv2.copyTo(np.ascontiguousarray(patch[patch_window]), chosen, image[window])
    if ignore_margin:
        _ignore_around(mask, chosen, window, ignore_margin, ignore, protected)
    cv2.copyTo(np.full_like(chosen, number), chosen, mask[window])
    return image, mask, pixels


def visible_pixels(
    region: np.ndarray, row: int, column: int, shape: tuple[int, int], protected: np.ndarray | None
) -> int:
    """Return how many pixels of *region* would be inside *shape* and not on *protected* pixels."""
    return int(np.count_nonzero(_overlap(region, row, column, shape, protected)[2]))


def _bytes_of(cutout: Cutout | None) -> int:
    return cutout.patch.nbytes + cutout.region.nbytes if cutout else 0


def _overlap(
    region: np.ndarray, row: int, column: int, shape: tuple[int, int], protected: np.ndarray | None
) -> tuple[tuple[slice, ...], tuple[slice, ...], np.ndarray]:
    """Return where a region and an image overlap, in the image and in the region, and what of the region is visible."""
    window = tuple(
        slice(min(max(at, 0), whole), min(max(at + side, 0), whole))
        for at, side, whole in zip((row, column), region.shape, shape, strict=True)
    )
    inside = tuple(slice(s.start - at, s.stop - at) for s, at in zip(window, (row, column), strict=True))
    visible = region[inside] if protected is None else region[inside] & ~protected[window]
    return window, inside, visible


def _ignore_around(
    mask: np.ndarray,
    covered: np.ndarray,
    window: tuple[slice, ...],
    margin: int,
    ignore: int,
    protected: np.ndarray | None,
) -> None:
    """Set *mask* to *ignore* on the *covered* pixels (h w uint8) and up to *margin* pixels around them, in place."""
    wider = tuple(
        slice(max(s.start - margin, 0), min(s.stop + margin, n)) for s, n in zip(window, mask.shape, strict=True)
    )
    edges = [edge for s, w in zip(window, wider, strict=True) for edge in (s.start - w.start, w.stop - s.stop)]
    near = cv2.copyMakeBorder(covered, *edges, cv2.BORDER_CONSTANT)
    near = cv2.dilate(near, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    if protected is not None:
        near[protected[wider]] = 0
    cv2.copyTo(np.full_like(near, ignore), near, mask[wider])
