"""What is done to a training image as a whole: geometry before the paste, colour after it.

Whatever is filled gets the ignore id, never background.
"""

import os
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from rarepix.data.transforms.crops import build_crop, cut
from rarepix.data.transforms.settings import AugmentConfig, CropConfig
from rarepix.labels import LabelSpace
from rarepix.seeding import generator, stable_hash

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks the network for a newer version when imported

NOISE = (0.0125, 0.0275)
"""Standard deviation of the noise, as a share of the full range: 3 to 7 of 255; the library's own hides the scene."""


class Augment:
    """Random transformations of one image (H W 3 uint8) and its mask (H W uint8); what comes in stays as it is.

    The same seed gives the same result, whatever was done before.
    """

    def __init__(
        self, factors: tuple[float, float] | None, geometry: list, window: Callable | None, colours: list
    ) -> None:
        import albumentations as A

        self._factors = factors
        self._geometry = A.Compose(geometry) if geometry else None
        self._window = window
        self._colours = A.Compose(colours) if colours else None

    def place(self, image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Resize, flip, turn and shift, and cut the window."""
        if self._factors:
            image, mask = resize(image, mask, generator(seed, "scale").uniform(*self._factors))
        if self._geometry:
            self._geometry.set_random_seed(seed)
            placed = self._geometry(image=image, mask=mask)
            image, mask = placed["image"], placed["mask"]
        return self._window(image, mask, seed) if self._window else (image, mask)

    def colour(self, image: np.ndarray, seed: int) -> np.ndarray:
        """Change brightness and contrast, or texture."""
        if not self._colours:
            return image
        self._colours.set_random_seed(stable_hash(seed, "colour") % 2**32)  # not the numbers that the geometry has used
        return self._colours(image=image)["image"]


def build_augment(config: AugmentConfig, crop: CropConfig, *, labels: LabelSpace) -> Augment:
    """Return what *config* and *crop* ask for.

    With a crop the image is resized before the window is cut; without one it keeps its size, and what is enlarged is
    cut off at its border.

    Raises:
        ChoiceError, DataError: the crop asks for classes that the dataset does not have.
    """
    window = None
    if crop.size:
        choose, size = build_crop(crop, labels), crop.size

        def window(image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
            return cut(image, mask, choose(mask, size, generator(seed, "crop")), size, ignore=labels.ignore)

    factors = config.scale if isinstance(config.scale, tuple) else (1 - config.scale, 1 + config.scale)
    resized = crop.size is not None and factors != (1, 1)
    geometry = _geometry(config, (1, 1) if resized else factors, labels.ignore)
    return Augment(factors if resized else None, geometry, window, _colours(config))


def resize(image: np.ndarray, mask: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return image and mask with sides *factor* times as long, rounded, but at least a pixel."""
    sides = [max(1, round(side * factor)) for side in mask.shape[::-1]]
    smooth = cv2.resize(image, sides, interpolation=cv2.INTER_LINEAR)
    return smooth, cv2.resize(
        mask, sides, interpolation=cv2.INTER_NEAREST_EXACT
    )  # the other one is off by half a pixel


def _geometry(config: AugmentConfig, factors: tuple[float, float], ignore: int) -> list:
    import albumentations as A

    steps: list[A.BasicTransform] = []
    if config.flip:
        steps.append(A.HorizontalFlip(p=config.flip))
    motion: dict[str, Any] = {}
    if factors != (1, 1):
        motion |= {"scale": factors, "keep_ratio": True}
    if config.rotate:
        motion |= {"rotate": (-config.rotate, config.rotate)}
    if config.shift:
        motion |= {"translate_percent": dict.fromkeys("xy", (-config.shift, config.shift))}
    if motion:
        steps.append(A.Affine(**motion, fill_mask=ignore, p=1.0))
    return steps


def _colours(config: AugmentConfig) -> list:
    import albumentations as A

    steps: list[A.BasicTransform] = []
    if config.brightness:
        steps.append(A.RandomBrightnessContrast(config.brightness, config.brightness, p=0.5))
    if config.texture:
        kinds = [A.CLAHE(p=1), A.GaussNoise(std_range=NOISE, p=1), A.RandomGamma(p=1), A.Sharpen(p=1)]
        kinds += [A.Blur(blur_limit=(3, 3), p=1), A.MotionBlur(blur_limit=(3, 3), p=1)]
        steps.append(A.OneOf(kinds, p=config.texture))
    return steps
