"""Photograph-like scenes with exact labels: objects set into a landscape, seen through a camera.

Legend: h, w are pixels of the finished picture; objects are painted on a canvas FINE times larger, so
that averaging down gives the soft edges a lens gives.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from rarepix.data.drawing.camera import photograph
from rarepix.data.drawing.landscapes import Landscape, paint_landscape
from rarepix.data.drawing.painters import PAINTERS, Sprite
from rarepix.data.drawing.textures import mix

FINE = 2
BORDER = 255
#: Share of an object's pixels that must stay in the picture and uncovered.
MIN_VISIBLE = 0.6


class Habit(NamedTuple):
    """How a class appears where it appears."""

    count: tuple[int, int]  # fewest and most in one picture
    height: tuple[float, float]  # of the picture's height (4:5 or wider), before perspective
    near: tuple[float, float]  # 0 = at the horizon, 1 = at the lower edge
    flies: bool = False


HABITS = {
    "tree": Habit((1, 3), (0.42, 0.72), (0.05, 0.7)),
    "boulder": Habit((1, 3), (0.14, 0.26), (0.15, 0.95)),
    "sheep": Habit((1, 4), (0.11, 0.17), (0.2, 0.9)),
    "kite": Habit((1, 2), (0.24, 0.34), (0.0, 0.0), flies=True),
    "beacon": Habit((1, 1), (0.19, 0.26), (0.25, 0.8)),
}


class Thing(NamedTuple):
    """One object to be placed."""

    name: str
    near: float
    height: int  # on the canvas


def paint_scene(
    rng: np.random.Generator, classes: Sequence[str], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a scene that shows each of *classes* at least once and no other class.

    Returns the picture, (h, w, 3) uint8, and its labels, (h, w) uint8: 0 = background, then the
    position in PAINTERS from 1, BORDER = the one-pixel rim around every object.

    Raises RuntimeError if no arrangement leaves every class visible.
    """
    for _ in range(10):
        landscape = _enlarge(paint_landscape(rng, size))
        owners, things = _arrange(rng, landscape, classes, size)
        if {thing.name for thing in things} == set(classes):
            return photograph(rng, landscape.colour, size), _labels(owners, things)
    raise RuntimeError(
        f"every class must find a visible place, but {list(classes)} did not fit into {size} in ten "
        "arrangements; use a larger size"
    )


def _enlarge(landscape: Landscape) -> Landscape:
    """Lay the landscape, painted at the picture's size, under the canvas."""
    canvas = cv2.resize(landscape.colour, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_NEAREST)
    return landscape._replace(colour=canvas, horizon=landscape.horizon * FINE)


def _arrange(
    rng: np.random.Generator, landscape: Landscape, classes: Sequence[str], size: tuple[int, int]
) -> tuple[np.ndarray, list[Thing]]:
    """Paint objects far to near into ``landscape.colour``.

    Returns who owns each pixel, (h, w) int16: 0 = nobody, -1 = a rim, i = the i-th placed object,
    and the placed objects.
    """
    owners, things, areas = np.zeros(size, np.int16), [], []
    for thing in _cast(rng, classes, size):
        sprite = PAINTERS[thing.name](rng, thing.height, landscape.light)
        for _ in range(12):
            corner = _spot(rng, landscape, thing, sprite)
            after = _cover(owners, _seen(sprite, corner, landscape.colour), len(things) + 1)
            whole = [*areas, sprite.alpha.sum() / FINE**2]
            if all((after == i + 1).sum() >= MIN_VISIBLE * area for i, area in enumerate(whole)):
                owners, areas = after, whole
                things.append(thing)
                _paint(landscape, thing, sprite, corner)
                break
    return owners, things


def _cast(rng: np.random.Generator, classes: Sequence[str], size: tuple[int, int]) -> list[Thing]:
    """Choose how many objects of each class appear, how near and how tall; far ones first."""
    unit = FINE * min(size[0], 0.8 * size[1])
    things = []
    for name in classes:
        habit = HABITS[name]
        for _ in range(rng.integers(habit.count[0], habit.count[1] + 1)):
            near = rng.uniform(*habit.near)
            perspective = 1.0 if habit.flies else 0.7 + 0.5 * near
            # A beacon that shrank with distance would fall below what a network can learn.
            perspective = 1.0 if name == "beacon" else perspective
            things.append(Thing(name, near, round(unit * perspective * rng.uniform(*habit.height))))
    return sorted(things, key=lambda thing: thing.near)


def _spot(rng: np.random.Generator, landscape: Landscape, thing: Thing, sprite: Sprite) -> tuple[int, int]:
    """Upper left corner (row, column) of a random place that suits the object."""
    h, w = landscape.colour.shape[:2]
    tall, wide = sprite.alpha.shape
    column = int(rng.uniform(-0.25 * wide, w - 0.75 * wide))
    if HABITS[thing.name].flies:
        return int(rng.uniform(0, max(1, landscape.horizon - 0.85 * tall))), column
    foot = landscape.horizon + (h - landscape.horizon) * (0.06 + 0.9 * thing.near)
    return int(foot) - tall, column


def _window(patch: np.ndarray, corner: tuple[int, int], canvas: np.ndarray) -> tuple[tuple, tuple]:
    """Where ``patch`` meets ``canvas`` with its upper left at ``corner``: index into both."""
    spans = []
    for start, length, limit in zip(corner, patch.shape, canvas.shape, strict=False):
        low, high = max(start, 0), min(start + length, limit)
        spans.append((slice(low, max(high, low)), slice(low - start, max(high, low) - start)))
    return tuple(zip(*spans[:2], strict=True))


def _seen(sprite: Sprite, corner: tuple[int, int], canvas: np.ndarray) -> np.ndarray:
    """Pixels of the finished picture that the object covers by more than half, (h, w) bool."""
    alpha = np.zeros(canvas.shape[:2], np.float32)
    there, here = _window(sprite.alpha, corner, canvas)
    alpha[there] = sprite.alpha[here]
    h, w = alpha.shape
    return cv2.resize(alpha, (w // FINE, h // FINE), interpolation=cv2.INTER_AREA) > 0.5


def _cover(owners: np.ndarray, mask: np.ndarray, owner: int) -> np.ndarray:
    """Give ``mask`` to ``owner``, with a one-pixel rim that belongs to nobody."""
    rim = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    after = np.where(rim, np.int16(-1), owners)
    after[mask] = owner
    return after


def _paint(landscape: Landscape, thing: Thing, sprite: Sprite, corner: tuple[int, int]) -> None:
    """Blend the object and the shadow it casts into ``landscape.colour``, in place."""
    canvas = landscape.colour
    if not HABITS[thing.name].flies:
        ground = canvas[landscape.horizon :]
        ground *= 1 - landscape.shadow * _cast_shadow(landscape, sprite, corner)[..., None]
    there, here = _window(sprite.alpha, corner, canvas)
    colour = sprite.colour[here] * landscape.sunlight
    colour += (landscape.haze - colour) * (0.22 * (1 - thing.near) ** 2)
    canvas[there] = mix(canvas[there], colour, sprite.alpha[here])


def _cast_shadow(landscape: Landscape, sprite: Sprite, corner: tuple[int, int]) -> np.ndarray:
    """How much of each pixel lies below the horizon lies in the object's shadow."""
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


def _labels(owners: np.ndarray, things: list[Thing]) -> np.ndarray:
    names = list(PAINTERS)
    ids = np.array([0, *(names.index(thing.name) + 1 for thing in things), BORDER], np.uint8)
    return ids[owners]  # a rim's -1 picks the last entry, BORDER
