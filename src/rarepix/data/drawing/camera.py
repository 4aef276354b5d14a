"""The camera: from painted light to the pixels of a photograph."""

import cv2
import numpy as np


def photograph(rng: np.random.Generator, canvas: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """See *canvas*, (H, W, 3) float32, as a picture of *size* (h, w): (h, w, 3) uint8.

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
