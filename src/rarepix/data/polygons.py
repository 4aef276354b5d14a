"""Objects outlined by polygons, and boxes, drawn by pycocotools: the pixels that it says are inside."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rarepix.data.drawn import Shape, ShapeError
from rarepix.data.source import Size

Polygon = tuple[float, ...]
"""x and y of every corner, in pixels: x from the left edge of the image, y from its upper edge."""

FURTHEST = 1e6
"""Pixels from the image's corner: the memory that drawing takes grows with an outline's length, and far more crash."""


@dataclass(frozen=True)
class Polygons(Shape):
    """An object of one or several polygons."""

    polygons: tuple[Polygon, ...]

    def draw(self, size: Size) -> np.ndarray:
        """Return where any of the polygons is, H W uint8. Raises ``ShapeError``."""
        from pycocotools import mask as run_lengths

        for number, polygon in enumerate(self.polygons, 1):
            self._check(polygon, number, size)
        encoded = [run_lengths.frPyObjects([list(polygon)], *size)[0] for polygon in self.polygons]
        return run_lengths.decode(run_lengths.merge(encoded))

    def is_clipped(self, size: Size) -> bool:
        """Return whether a corner lies more than one pixel beyond the image."""
        rows, columns = size
        return any(
            min(polygon) < -1 or max(polygon[::2]) > columns + 1 or max(polygon[1::2]) > rows + 1
            for polygon in self.polygons
        )

    def _check(self, polygon: Polygon, number: int, size: Size) -> None:
        which = f"polygon {number} of {len(self.polygons)}"
        if len(polygon) % 2:
            raise ShapeError(f"must have x and y of every corner, but {which} has {len(polygon)} numbers, which is odd")
        if len(polygon) < 6:
            raise ShapeError(f"must have at least three corners, but {which} has {len(polygon) // 2}")
        if not all(map(math.isfinite, polygon)):
            raise ShapeError(f"must have numbers for corners, but {which} holds {list(polygon)}")
        rows, columns = size
        furthest = max(polygon, key=abs)
        if abs(furthest) > FURTHEST:
            raise ShapeError(f"must have corners near its image, but {which} has one at {furthest:g}")
        xs, ys = polygon[::2], polygon[1::2]
        if max(xs) <= 0 or max(ys) <= 0 or min(xs) >= columns or min(ys) >= rows:
            raise ShapeError(
                f"must lie in its image of {columns}×{rows} (width × height), but {which} spans x {min(xs):g} to "
                f"{max(xs):g} and y {min(ys):g} to {max(ys):g}"
            )


def box(left: float, top: float, width: float, height: float) -> Polygon:
    """Return the four corners of a box."""
    right, bottom = left + width, top + height
    return (left, top, right, top, right, bottom, left, bottom)


def ellipse(x: float, y: float, radius_x: float, radius_y: float, turned: float = 0.0) -> Polygon:
    """Return a polygon close to an ellipse: corners at most a tenth of a pixel apart from it; *turned* in radians."""
    longest = max(radius_x, radius_y, 1.0)
    corners = max(16, math.ceil(math.pi / math.acos(1 - min(0.1 / longest, 1.0))))
    angles = [2 * math.pi * number / corners for number in range(corners)]
    cos, sin = math.cos(turned), math.sin(turned)
    points = [(radius_x * math.cos(angle), radius_y * math.sin(angle)) for angle in angles]
    return tuple(value for dx, dy in points for value in (x + dx * cos - dy * sin, y + dx * sin + dy * cos))


def numbers(values: Sequence[object]) -> Polygon:
    """Return *values* as numbers; what is none becomes NaN, which is refused when the object is drawn."""
    return tuple(float(v) if isinstance(v, int | float) and not isinstance(v, bool) else math.nan for v in values)
