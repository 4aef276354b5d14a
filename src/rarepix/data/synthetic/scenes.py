"""Photograph-like scenes with exact labels: objects set into a landscape, seen through a camera.

Legend: h, w are pixels of the finished picture; objects are painted on a canvas FINE times larger, so
that averaging down gives the soft edges a lens gives.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from rarepix.data.synthetic.landscapes import Landscape, paint_landscape
from rarepix.data.synthetic.objects import PAINTERS, Sprite
from rarepix.data.synthetic.textures import mix

FINE = 2
BORDER = 255
#: Share of the pixels of an object that must stay in the picture and uncovered.
MIN_VISIBLE = 0.6
#: Rows and columns.
Pixels = tuple[int, int]


class Occurrence(NamedTuple):
    """How many objects of a class are in a picture that shows it, how large and where."""

    count: tuple[int, int]  # fewest and most in one picture
    height: tuple[float, float]  # of the picture's height (4:5 or wider), before perspective
    near: tuple[float, float]  # 0 = at the horizon, 1 = at the lower edge
    flies: bool = False


OCCURRENCES = {
    "tree": Occurrence((1, 3), (0.42, 0.72), (0.05, 0.7)),
    "boulder": Occurrence((1, 3), (0.14, 0.26), (0.15, 0.95)),
    "sheep": Occurrence((1, 4), (0.11, 0.17), (0.2, 0.9)),
    "kite": Occurrence((1, 2), (0.24, 0.34), (0.0, 0.0), flies=True),
    "beacon": Occurrence((1, 1), (0.19, 0.26), (0.25, 0.8)),
}


class PlacedObject(NamedTuple):
    """One object and its location."""

    name: str
    near: float
    height: int  # on the canvas


def paint_scene(rng: np.random.Generator, classes: Sequence[str], size: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """Draw a scene that shows each of *classes* at least once and no other class.

    Returns the picture, (h, w, 3) uint8, and its labels, (h, w) uint8: 0 = background, then the
    position in PAINTERS from 1, BORDER = the one-pixel rim around every object.

    Raises RuntimeError if no arrangement leaves every class visible.
    """
    for _ in range(10):
        landscape = paint_landscape(rng, size)
        canvas = cv2.resize(landscape.colour, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_NEAREST)
        landscape = landscape._replace(colour=canvas, horizon=landscape.horizon * FINE)
        owners, objects = _arrange(rng, landscape, classes, size)
        if {obj.name for obj in objects} == set(classes):
            return photograph(rng, landscape.colour, size), _labels(owners, objects)
    raise RuntimeError(
        f"every class must be visible, but {list(classes)} did not fit into {size} in ten arrangements; "
        "use a larger size"
    )


def photograph(rng: np.random.Generator, canvas: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return *canvas*, (H, W, 3) float32, as a photograph of *size* (h, w): (h, w, 3) uint8.

    Side light, vignette, a soft lens, white balance, a tone curve and sensor noise are drawn from *rng*.
    """
    h, w = size
    picture = cv2.resize(canvas, (w, h), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
    side = 1 + rng.uniform(-0.09, 0.09) * x
    vignette = 1 - rng.uniform(0.05, 0.22) * (x**2 + y**2) / 2
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.65))
    picture *= (side * vignette)[..., None] * rng.uniform(0.96, 1.04, 3).astype(np.float32)
    picture = np.clip(picture, 0, 1) ** rng.uniform(0.88, 1.15)
    noise = rng.standard_normal((h, w, 3), dtype=np.float32) * 0.6
    noise += rng.standard_normal((h, w, 1), dtype=np.float32)
    picture += noise * rng.uniform(0.004, 0.014) * np.sqrt(picture + 0.1)
    return np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)


def _arrange(
    rng: np.random.Generator, landscape: Landscape, classes: Sequence[str], size: tuple[int, int]
) -> tuple[np.ndarray, list[PlacedObject]]:
    """Paint objects far to near into ``landscape.colour``.

    Returns the owner of each pixel, (h, w) int16 (0 = none, -1 = a rim, i = the i-th placed object), and the placed
    objects.
    """
    owners, objects, areas = np.zeros(size, np.int16), [], []
    for obj in _choose_objects(rng, classes, size):
        sprite = PAINTERS[obj.name](rng, obj.height, landscape.light)
        for _ in range(12):
            corner = _random_corner(rng, landscape, obj, sprite)
            after = _claim_pixels(owners, _visible_pixels(sprite, corner, landscape.colour), len(objects) + 1)
            all_areas = [*areas, sprite.alpha.sum() / FINE**2]
            if all((after == i + 1).sum() >= MIN_VISIBLE * area for i, area in enumerate(all_areas)):
                owners, areas = after, all_areas
                objects.append(obj)
                _paint(landscape, obj, sprite, corner)
                break
    return owners, objects


def _choose_objects(rng: np.random.Generator, classes: Sequence[str], size: tuple[int, int]) -> list[PlacedObject]:
    """Choose how many objects of each class appear, how near and how tall; far ones first."""
    unit = FINE * min(size[0], 0.8 * size[1])
    objects = []
    for name in classes:
        occurrence = OCCURRENCES[name]
        for _ in range(rng.integers(occurrence.count[0], occurrence.count[1] + 1)):
            near = rng.uniform(*occurrence.near)
            # A beacon that shrank with distance would fall below what a network can learn.
            perspective = 1.0 if occurrence.flies or name == "beacon" else 0.7 + 0.5 * near
            objects.append(PlacedObject(name, near, round(unit * perspective * rng.uniform(*occurrence.height))))
    return sorted(objects, key=lambda obj: obj.near)


def _random_corner(rng: np.random.Generator, landscape: Landscape, obj: PlacedObject, sprite: Sprite) -> Pixels:
    """Return the upper left corner (row, column) of a random location that suits the object."""
    h, w = landscape.colour.shape[:2]
    tall, wide = sprite.alpha.shape
    column = int(rng.uniform(-0.25 * wide, w - 0.75 * wide))
    if OCCURRENCES[obj.name].flies:
        return int(rng.uniform(0, max(1, landscape.horizon - 0.85 * tall))), column
    foot = landscape.horizon + (h - landscape.horizon) * (0.06 + 0.9 * obj.near)
    return int(foot) - tall, column


def _window(patch: np.ndarray, corner: tuple[int, int], canvas: np.ndarray) -> tuple[tuple, tuple]:
    """Return the overlap of *patch*, its upper left at *corner*, with *canvas*: the index into canvas, then patch."""
    spans = []
    for start, length, limit in zip(corner, patch.shape, canvas.shape, strict=False):
        low, high = max(start, 0), min(start + length, limit)
        spans.append((slice(low, max(high, low)), slice(low - start, max(high, low) - start)))
    return tuple(zip(*spans[:2], strict=True))


def _visible_pixels(sprite: Sprite, corner: tuple[int, int], canvas: np.ndarray) -> np.ndarray:
    """Return the pixels of the finished picture of which the object covers more than half, (h, w) bool."""
    alpha = np.zeros(canvas.shape[:2], np.float32)
    on_canvas, in_patch = _window(sprite.alpha, corner, canvas)
    alpha[on_canvas] = sprite.alpha[in_patch]
    h, w = alpha.shape
    return cv2.resize(alpha, (w // FINE, h // FINE), interpolation=cv2.INTER_AREA) > 0.5


def _claim_pixels(owners: np.ndarray, mask: np.ndarray, owner: int) -> np.ndarray:
    """Return *owners* with the pixels of *mask* given to *owner*, and a one-pixel rim around them without an owner."""
    rim = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    after = np.where(rim, np.int16(-1), owners)
    after[mask] = owner
    return after


def _paint(landscape: Landscape, obj: PlacedObject, sprite: Sprite, corner: tuple[int, int]) -> None:
    """Blend the object and the shadow it casts into ``landscape.colour``, in place."""
    canvas = landscape.colour
    if not OCCURRENCES[obj.name].flies:
        ground = canvas[landscape.horizon :]
        ground *= 1 - landscape.shadow * _shadow(landscape, sprite, corner)[..., None]
    on_canvas, in_patch = _window(sprite.alpha, corner, canvas)
    colour = sprite.colour[in_patch] * landscape.sunlight
    colour += (landscape.haze - colour) * (0.22 * (1 - obj.near) ** 2)
    canvas[on_canvas] = mix(canvas[on_canvas], colour, sprite.alpha[in_patch])


def _shadow(landscape: Landscape, sprite: Sprite, corner: tuple[int, int]) -> np.ndarray:
    """Return how much of each pixel below the horizon is in the shadow of the object."""
    tall, wide = sprite.alpha.shape
    foot = corner[0] + tall
    # Lay the silhouette on the ground, away from the sun: sheared sideways and flattened.
    lean, flat = -1.1 * float(landscape.light[0]), 0.22
    lay = np.float32([[1, -lean, corner[1] + tall * lean], [0, flat, foot - tall * flat]])
    h, w = landscape.colour.shape[:2]
    shadow = cv2.GaussianBlur(cv2.warpAffine(sprite.alpha, lay, (w, h)), (0, 0), 2.2)
    contact = np.zeros((h, w), np.float32)
    middle = (int(corner[1] + wide / 2), foot - 2)
    foot_width = float(sprite.alpha[-max(2, tall // 8) :].max(axis=0).sum())
    cv2.ellipse(contact, middle, (int(foot_width * 0.55), max(2, tall // 22)), 0, 0, 360, 1.0, -1)
    shadow = np.maximum(shadow, cv2.GaussianBlur(contact, (0, 0), 2.5))
    return shadow[landscape.horizon :]


def _labels(owners: np.ndarray, objects: list[PlacedObject]) -> np.ndarray:
    names = list(PAINTERS)
    ids = np.array([0, *(names.index(obj.name) + 1 for obj in objects), BORDER], np.uint8)
    return ids[owners]  # a rim's -1 picks the last entry, BORDER
