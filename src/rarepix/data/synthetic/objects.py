"""Objects of the drawn scenes, one painter a class.

A painter gets a generator, the object's height in pixels and the light, and returns a sprite: the object alone,
standing on the lower edge of its frame. In it x runs from the middle to the right and y from the top (0) to the foot
(1), both in units of the object's height.
"""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from rarepix.data.synthetic.textures import between, fractal_noise, lambert, mix, smoothstep


class Sprite(NamedTuple):
    """An object cut out of its scene."""

    colour: np.ndarray  # (h, w, 3) float32 in 0..1
    alpha: np.ndarray  # (h, w) float32, how much of a pixel the object covers


def paint_tree(rng: np.random.Generator, height: int, light: np.ndarray) -> Sprite:
    """A broad-leaved tree or a conifer: a leafy crown over a thin trunk."""
    x, y = _frame(height, 0.9)
    conifer = rng.random() < 0.35
    leaves = fractal_noise(rng, x.shape, cells=(11, 11), octaves=4, roughness=1.0)
    relief = _cone(rng, x, y, leaves) if conifer else _crown(rng, x, y, leaves)
    leafy_tones = [(0.22, 0.36, 0.12), (0.33, 0.40, 0.14), (0.44, 0.34, 0.13)]
    tones = [(0.13, 0.24, 0.13), (0.16, 0.29, 0.14)] if conifer else leafy_tones
    tone = np.array(tones[rng.integers(len(tones))], np.float32) * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    # Leaves scatter light: the crown's own roundness is shaded softly, single leaves are speckles.
    round_light = lambert(cv2.GaussianBlur(height * relief, (0, 0), height / 30), light)
    speckle = 0.5 + leaves + 0.16 * rng.standard_normal(x.shape, dtype=np.float32)
    crown = tone * ((0.35 + 0.95 * round_light) * speckle * (1.15 - 0.45 * y))[..., None]
    bend = rng.uniform(-0.05, 0.05) * np.sin(3 * y)
    wide = (0.022 + 0.03 * y**4) * rng.uniform(0.8, 1.3)
    shade = 0.75 + 0.4 * leaves + light[0] * (x - bend) / wide * 0.25
    bark = np.array([0.27, 0.21, 0.16], np.float32) * shade[..., None]
    trunk = _inside(wide - np.abs(x - bend), height) * (y > 0.45)
    leafy = _inside(relief - 0.02, height)
    return Sprite(np.clip(mix(bark, crown, leafy), 0, 1), np.maximum(trunk, leafy))


def paint_boulder(rng: np.random.Generator, height: int, light: np.ndarray) -> Sprite:
    """A faceted rock, grey to cream, with lichen."""
    x, y = _frame(height, 1.9)
    half = rng.uniform(0.6, 0.88)
    relief = np.full(x.shape, 0.32, np.float32) + 0.1 * x * rng.uniform(-1, 1)
    for angle in rng.uniform(0, 1.0, 13) + np.arange(13) * 2 * np.pi / 13:
        across, down, steep = np.cos(angle) / half, np.sin(angle) / 0.5, rng.uniform(0.4, 1.3)
        plane = rng.uniform(0.86, 1.0) - across * x - down * (y - 0.5)
        relief = np.minimum(relief, steep * plane)
    rough = fractal_noise(rng, x.shape, cells=(4, 6), octaves=5, roughness=0.75)
    tone = between(rng, (0.47, 0.46, 0.45), (0.72, 0.68, 0.60))
    stone = tone * (0.25 + 0.85 * lambert(height * (relief + 0.05 * rough), light) + 0.25 * (rough - 0.5))[..., None]
    lichen = smoothstep(0.55, 0.85, fractal_noise(rng, x.shape, cells=(5, 7), octaves=4)) * 0.55
    colour = mix(stone, stone * np.array([0.85, 0.9, 0.5]), lichen)
    return Sprite(np.clip(colour, 0, 1).astype(np.float32), _inside(relief + 0.03 * (rough - 0.5), height))


def paint_sheep(rng: np.random.Generator, height: int, light: np.ndarray) -> Sprite:
    """A woolly body, cream to grey like the boulders, with a head and legs, facing either side."""
    x, y = _frame(height, 1.8)
    x = x * rng.choice([-1, 1])
    grazing = rng.random() < 0.5
    curls = fractal_noise(rng, x.shape, cells=(11, 18), octaves=2, roughness=0.7)
    body = _ball(x + 0.04, y - 0.38, rng.uniform(0.56, 0.66), rng.uniform(0.31, 0.37)) + 0.05 * (curls - 0.6)
    head = _ball(x - 0.68, y - (0.66 if grazing else 0.22), 0.13, 0.19 if grazing else 0.16)
    ear = _ball(x - 0.58, y - (0.53 if grazing else 0.12), 0.10, 0.05)
    legs = np.full(x.shape, -1, np.float32)
    for foot in np.array([-0.42, -0.28, 0.22, 0.36]) + rng.uniform(-0.05, 0.05, 4):
        legs = np.maximum(legs, np.where(y > 0.55, 0.045 - np.abs(x - foot), -1))
    wool = between(rng, (0.62, 0.60, 0.56), (0.88, 0.84, 0.75))
    dark = np.float32((0.13, 0.11, 0.10) if rng.random() < 0.6 else (0.52, 0.45, 0.38))
    sunny = lambert(height * (np.maximum(body, -0.05) + 0.035 * curls), light)
    fleece = wool * (0.50 + 0.62 * sunny + 0.2 * (curls - 0.5))[..., None]
    skin = dark * (0.7 + 0.5 * lambert(height * np.maximum(head, -0.02), light))[..., None]
    covered = _inside(body, height)
    limbs = np.maximum(_inside(np.maximum(head, ear), height), _inside(legs, height) * (1 - covered))
    return Sprite(np.clip(mix(fleece, skin, limbs), 0, 1).astype(np.float32), np.maximum(covered, limbs))


KITE_CLOTHS = ((0.93, 0.78, 0.10), (0.15, 0.35, 0.75), (0.55, 0.15, 0.60), (0.10, 0.60, 0.50), (0.95, 0.50, 0.10))


def paint_kite(rng: np.random.Generator, height: int, light: np.ndarray) -> Sprite:
    """A flying diamond of two cloths with a bowed tail; it stands in the air, tilted."""
    x, y = _frame(height, 1.1)
    tilt = rng.uniform(-0.6, 0.6)
    along = np.cos(tilt) * (y - 0.38) - np.sin(tilt) * x
    across = np.sin(tilt) * (y - 0.38) + np.cos(tilt) * x
    # The spars cross above the middle: the upper corner is nearer than the lower one.
    reach = np.where(along < 0, 0.25, 0.38)
    diamond = (1 - np.abs(along) / reach - np.abs(across) / 0.31) * 0.2
    first, second = (np.array(KITE_CLOTHS[i], np.float32) for i in rng.choice(len(KITE_CLOTHS), 2, replace=False))
    cloth = mix(first, second, ((along > 0) ^ (across > 0)).astype(np.float32))
    sag = 0.85 + 0.25 * np.abs(across) / 0.31 + 0.2 * light[0] * np.sign(across)
    spars = np.minimum(np.abs(along), np.abs(across)) < 0.012
    colour = cloth * (sag * np.where(spars, 0.6, 1))[..., None]
    sway = 0.06 * np.sin(14 * along + rng.uniform(0, 6))
    string = (along > 0.36) * np.clip(0.03 - np.abs(across - sway), 0, None) * 20
    bows = (along > 0.36) * (np.abs(across - sway) < 0.05 * np.abs(np.sin(11 * along)))
    tail = np.maximum(np.clip(string, 0, 0.45), bows * 0.9) * (y < 0.98)
    inside = _inside(diamond, height)
    return Sprite(np.clip(mix(first * 0.9, colour, inside), 0, 1), np.maximum(inside, tail).astype(np.float32))


def paint_beacon(rng: np.random.Generator, height: int, light: np.ndarray) -> Sprite:
    """A small red-and-white banded tower with a gallery, a lit lamp and a cap."""
    x, y = _frame(height, 0.62)
    x = x + rng.uniform(-0.08, 0.08) * (1 - y)
    half = 0.105 + 0.075 * y
    tower = np.where(y > 0.26, half - np.abs(x), -1)
    gallery = np.where(np.abs(y - 0.26) < 0.025, 0.16 - np.abs(x), -1)
    lantern = np.where((y > 0.11) & (y <= 0.26), 0.085 - np.abs(x), -1)
    cap = np.where(y <= 0.12, 0.95 * y - np.abs(x), -1)
    bands = (y - 0.26) * rng.uniform(5.4, 7.5) + 0.08 * x
    red, white = np.array([0.80, 0.07, 0.06], np.float32), np.array([0.93, 0.92, 0.88], np.float32)
    paint = mix(red, white, (np.floor(bands) % 2).astype(np.float32))
    side = np.clip(x / half, -1, 1)
    round_light = 0.72 + 0.38 * light[0] * side + 0.2 * np.sqrt(1 - side**2)
    weather = 0.9 + 0.2 * fractal_noise(rng, x.shape, cells=(6, 3), octaves=3)
    colour = paint * (round_light * weather)[..., None]
    colour = mix(colour, np.array([1.0, 0.86, 0.35]), _inside(lantern, height))
    colour = mix(colour, np.array([0.20, 0.18, 0.18]), _inside(gallery, height))
    colour = mix(colour, red * 0.75, _inside(cap, height))
    alpha = _inside(np.max([tower, gallery, lantern, cap], axis=0), height)
    return Sprite(np.clip(colour, 0, 1).astype(np.float32), alpha)


#: Class name to painter, from the commonest class to the rarest.
PAINTERS: dict[str, Callable[[np.random.Generator, int, np.ndarray], Sprite]] = {
    "tree": paint_tree,
    "boulder": paint_boulder,
    "sheep": paint_sheep,
    "kite": paint_kite,
    "beacon": paint_beacon,
}


def _frame(height: int, aspect: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x, y of every pixel of a frame, each (height, height * aspect)."""
    width = max(2, round(height * aspect))
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / height
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    return np.broadcast_to(x, (height, width)), np.broadcast_to(y[:, None], (height, width))


def _inside(distance: np.ndarray, height: int) -> np.ndarray:
    """Coverage 0..1 from a signed distance to the outline (positive inside), one pixel soft."""
    return np.clip(distance * height + 0.5, 0, 1).astype(np.float32)


def _ball(x: np.ndarray, y: np.ndarray, across: float, down: float) -> np.ndarray:
    """Relief of an ellipsoid around the origin, negative outside."""
    left = 1 - (x / across) ** 2 - (y / down) ** 2
    return min(across, down) * np.sign(left) * np.sqrt(np.abs(left))


def _crown(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, leaves: np.ndarray) -> np.ndarray:
    """Relief of a broad-leaved crown: many small balls of leaves in a big one."""
    wide, tall = rng.uniform(0.22, 0.33), rng.uniform(0.20, 0.27)
    relief = np.full(x.shape, -1, np.float32)
    for _ in range(18):
        angle, away, size = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random()), rng.uniform(0.08, 0.15)
        middle = away * wide * np.cos(angle), 0.36 + away * tall * np.sin(angle)
        ball = _ball(x - middle[0], y - middle[1], size, size * 0.9)
        relief = np.maximum(relief, ball + 0.12 * (1 - away))
    return np.where(relief > 0, relief, relief * 0.3) + 0.16 * (leaves - 0.60)


def _cone(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, leaves: np.ndarray) -> np.ndarray:
    """Relief of a conifer: tiers of drooping branches that widen downwards."""
    tiers, spread = rng.uniform(6, 10), rng.uniform(0.24, 0.36)
    droop = (y * tiers + 1.5 * np.abs(x)) % 1
    reach = spread * np.clip(y, 0.01, 1) ** 0.9 * (0.68 + 0.4 * droop)
    relief = 0.8 * (reach - np.abs(x)) + 0.14 * (leaves - 0.52) * np.minimum(1, 3 * y)
    return np.where(y < 0.9, relief, -1)
