"""Noise and shading: what makes drawn surfaces look like photographed ones.

Legend: h, w are pixels; every array is float32, colours lie in 0..1.
"""

import cv2
import numpy as np


def fractal_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    cells: tuple[int, int] = (4, 4),
    octaves: int = 5,
    roughness: float = 0.55,
) -> np.ndarray:
    """Random relief with detail on several scales, (h, w) stretched to 0..1.

    *cells* counts the bumps of the coarsest octave down and across; each later one doubles them and keeps *roughness*
    of the amplitude.
    """
    h, w = shape
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        # A grid finer than the picture would only be thrown away by the resize.
        rows, columns = (min(n * 2**octave, side) + 1 for n, side in zip(cells, shape, strict=True))
        grid = rng.random((rows, columns), dtype=np.float32)
        total += roughness**octave * cv2.resize(grid, (w, h), interpolation=cv2.INTER_CUBIC)
    return cv2.normalize(total, None, 0, 1, cv2.NORM_MINMAX)


def lambert(relief: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Brightness 0..1 of a matt surface whose height over the picture plane is *relief*, (h, w), in pixels.

    *light*, (3,), is the unit vector from the surface to the sun (right, down, towards the viewer).
    """
    down, right = np.gradient(relief)
    facing = light[2] - right * light[0] - down * light[1]
    return np.clip(facing / np.sqrt(1 + right**2 + down**2), 0, 1).astype(np.float32)


def mix(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Blend colours, (h, w, 3) or (3,); ``share``, (h, w) in 0..1, is how much of the second."""
    # Merged planes multiply three times faster than a broadcast last axis.
    return first + (second - first) * cv2.merge([share.astype(np.float32)] * 3)


def between(rng: np.random.Generator, first: tuple[float, ...], second: tuple[float, ...]) -> np.ndarray:
    """A random colour, (3,), on the line between two."""
    return np.array(first, np.float32) + np.float32(rng.random()) * (np.array(second, np.float32) - np.float32(first))


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, and a soft S between them."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
