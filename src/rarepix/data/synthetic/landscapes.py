"""Empty landscapes: sky with clouds, distant ridges, textured ground in perspective.

Legend: h, w are pixels; colours are float32 in 0..1.
"""

from typing import NamedTuple

import cv2
import numpy as np

from rarepix.data.synthetic.textures import fractal_noise, mix, smoothstep


class Sky(NamedTuple):
    """One kind of weather."""

    zenith: tuple[float, float, float]
    low: tuple[float, float, float]
    sunlight: tuple[float, float, float]
    clouds: tuple[float, float]
    shadow: float


SKIES = {
    "clear": Sky((0.26, 0.47, 0.78), (0.76, 0.85, 0.92), (1.06, 1.02, 0.94), (0.0, 0.35), 0.55),
    "fair": Sky((0.36, 0.54, 0.78), (0.82, 0.87, 0.90), (1.02, 1.00, 0.97), (0.4, 0.75), 0.45),
    "overcast": Sky((0.58, 0.62, 0.67), (0.80, 0.82, 0.83), (0.86, 0.88, 0.91), (0.7, 1.0), 0.18),
    "evening": Sky((0.38, 0.45, 0.62), (0.95, 0.80, 0.62), (1.08, 0.93, 0.76), (0.2, 0.7), 0.50),
}

#: Two colours that mix over the ground, by kind of ground.
GROUNDS = {
    "meadow": ((0.30, 0.42, 0.15), (0.46, 0.52, 0.24)),
    "dry grass": ((0.50, 0.45, 0.25), (0.64, 0.57, 0.36)),
    "heath": ((0.32, 0.29, 0.20), (0.45, 0.40, 0.27)),
    "sand": ((0.58, 0.50, 0.38), (0.70, 0.63, 0.50)),
}


class Landscape(NamedTuple):
    """An empty scene and what an object placed in it must know."""

    colour: np.ndarray  # (h, w, 3)
    horizon: int  # row where the ground begins
    light: np.ndarray  # (3,) unit vector to the sun: right, down, towards the viewer
    sunlight: np.ndarray  # (3,) colour of the light
    haze: np.ndarray  # (3,) colour that far things fade to
    shadow: float  # how dark a cast shadow is, 0..1


def paint_landscape(rng: np.random.Generator, shape: tuple[int, int]) -> Landscape:
    """Draw a random empty landscape of *shape* (h, w)."""
    h, w = shape
    sky = SKIES[rng.choice(list(SKIES))]
    ground = GROUNDS[rng.choice(list(GROUNDS), p=[0.45, 0.25, 0.15, 0.15])]
    horizon = int(h * rng.uniform(0.34, 0.50))
    light = np.array([rng.choice([-1, 1]) * rng.uniform(0.35, 0.9), -0.7, 0.65], np.float32)
    sunlight = np.array(sky.sunlight, np.float32) * rng.uniform(0.9, 1.08)
    haze = np.array(sky.low, np.float32) * rng.uniform(0.92, 1.0)
    colour = np.empty((h, w, 3), np.float32)
    colour[:horizon] = _sky(rng, sky, haze, (horizon, w))
    _add_ridges(rng, colour[:horizon], np.array(ground[0], np.float32) * sunlight, haze)
    colour[horizon:] = _ground(rng, ground, haze, (h - horizon, w)) * sunlight
    return Landscape(colour, horizon, light / np.linalg.norm(light), sunlight, haze, sky.shadow)


def _sky(rng: np.random.Generator, sky: Sky, haze: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    h, _ = shape
    fall = np.linspace(0, 1, h, dtype=np.float32)[:, None] ** rng.uniform(0.6, 1.2)
    zenith = np.array(sky.zenith, np.float32) * rng.uniform(0.88, 1.1, 3).astype(np.float32)
    colour = mix(zenith, haze, np.broadcast_to(fall, shape))
    cover = rng.uniform(*sky.clouds)
    clouds = fractal_noise(rng, shape, cells=(int(rng.integers(3, 6)), 3), octaves=6)
    density = smoothstep(0.85 - 0.6 * cover, 1.15 - 0.6 * cover, clouds) * (0.95 - 0.45 * fall)
    # Clouds are bright at the rim and grey where they are thick.
    white = np.array([0.97, 0.96, 0.95], np.float32) * (1.02 - 0.30 * smoothstep(0.5, 1, clouds))[..., None]
    return mix(colour, white, density)


def _add_ridges(rng: np.random.Generator, sky: np.ndarray, near: np.ndarray, haze: np.ndarray) -> None:
    """Paint one to three ridges over the lower part of ``sky``, far ones first, in place."""
    h, w = sky.shape[:2]
    rows = np.arange(h, dtype=np.float32)[:, None]
    count = int(rng.integers(1, 4))
    for step in range(count):
        nearness = (step + 1) / count
        top = h * rng.uniform(0.12, 0.32) * (1.15 - 0.7 * nearness)
        profile = fractal_noise(rng, (1, w), cells=(1, int(rng.integers(2, 5))), octaves=5, roughness=0.42)
        inside = np.clip(rows - (h - 1 - top * profile), 0, 1)
        woods = fractal_noise(rng, (h, w), cells=(8, 16), octaves=4, roughness=0.8)
        body = mix(near * 0.75, haze * 0.93, np.full((h, w), 0.88 - 0.55 * nearness, np.float32))
        sky[:] = mix(sky, body * (0.88 + 0.24 * woods)[..., None], inside)


def _ground(rng: np.random.Generator, colours: tuple, haze: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    h, w = shape
    near = np.linspace(0, 1, h, dtype=np.float32)[:, None] + np.zeros(shape, np.float32)
    distance = 1 / (near + 0.06)
    # The camera looks along a random direction of the ground plane, never along the noise's grid.
    turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(0, 256)
    right, ahead = 1.5 * (np.arange(w, dtype=np.float32) - w / 2) * distance, 1.5 * h * distance
    across = right * float(np.cos(turn)) - ahead[:, :1] * float(np.sin(turn)) + away
    along = right * float(np.sin(turn)) + ahead[:, :1] * float(np.cos(turn))

    def seen(texture: np.ndarray) -> np.ndarray:
        return cv2.remap(texture, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)

    patches = seen(fractal_noise(rng, (256, 256), cells=(3, 3), octaves=5, roughness=0.6))
    grain = seen(fractal_noise(rng, (256, 256), cells=(32, 32), octaves=3, roughness=0.9))
    blades = cv2.blur(rng.standard_normal(shape, dtype=np.float32), (1, 4)) * near
    jitter = rng.uniform(0.93, 1.07, 3).astype(np.float32)
    colour = mix(np.array(colours[0], np.float32) * jitter, np.array(colours[1], np.float32) * jitter, patches)
    contrast = 0.25 + 0.75 * smoothstep(0, 0.5, near)
    relief = 0.7 * (grain - 0.5) * contrast + rng.uniform(0.1, 0.3) * blades + 0.3 * (patches - 0.5)
    colour = colour * (1 + relief)[..., None] * (1.02 - 0.12 * near)[..., None]
    return mix(colour, haze, 0.45 * np.exp(-7 * near))
