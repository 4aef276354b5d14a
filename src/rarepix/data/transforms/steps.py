"""The single steps of augmentation, from albumentations. What they fill is 0 in the image and ignored in the mask."""

import os
from typing import TYPE_CHECKING, Any

from rarepix.data.transforms.settings import AugmentConfig

if TYPE_CHECKING:
    from albumentations import BasicTransform, Compose

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks the network for a newer version when imported

NOISE = (0.0125, 0.0275)
"""Standard deviation of the noise, as a share of the full range: 3 to 7 of 255; the library's own hides the scene."""
ALPHA, SIGMA = 120, 6
"""Of the elastic deformation: how far pixels move, and over how many of them the movement is smoothed."""
BEND = 2.0
"""Largest coefficient of the optical distortion."""
TONE = 0.2
"""Contrast and brightness of ``augment.tone``, as a share of the full range."""


def composed(transforms: "list[BasicTransform]") -> "Compose | None":
    """Return the steps as one; None for no step."""
    import albumentations as A

    return A.Compose(transforms) if transforms else None


def still(config: AugmentConfig, ignore: int) -> "list[BasicTransform]":
    """Return what does not depend on ``augment.motion``: flip and warp."""
    import albumentations as A

    found: list[A.BasicTransform] = []
    if config.flip:
        found.append(A.HorizontalFlip(p=config.flip))
    if config.warp:
        warps = [
            A.ElasticTransform(alpha=ALPHA, sigma=SIGMA, fill_mask=ignore, p=1),
            A.GridDistortion(fill_mask=ignore, p=1),
            A.OpticalDistortion(distort_limit=(-BEND, BEND), fill_mask=ignore, p=1),
        ]
        found.append(A.OneOf(warps, p=config.warp))
    return found


def motion(config: AugmentConfig, factors: tuple[float, float], ignore: int) -> "list[BasicTransform]":
    """Return resizing by one of *factors* within the image, rotation and shift."""
    import albumentations as A

    motion: dict[str, Any] = {}
    if factors != (1, 1):
        motion |= {"scale": factors, "keep_ratio": True}
    if config.rotate:
        motion |= {"rotate": (-config.rotate, config.rotate)}
    if config.shift:
        motion |= {"translate_percent": dict.fromkeys("xy", (-config.shift, config.shift))}
    return [A.Affine(**motion, fill_mask=ignore, p=1.0)] if motion else []


def colours(config: AugmentConfig) -> "list[BasicTransform]":
    """Return what changes the image alone."""
    import albumentations as A

    found: list[A.BasicTransform] = []
    if config.brightness:
        found.append(A.RandomBrightnessContrast(config.brightness, config.brightness, p=0.5))
    if config.tone:
        contrast, brightness = (A.RandomBrightnessContrast(*limits, p=1) for limits in ((0, TONE), (TONE, 0)))
        found.append(A.OneOf([contrast, A.RandomGamma(p=1), brightness], p=config.tone))
    if config.hue:
        found.append(A.HueSaturationValue(p=config.hue))
    if config.texture:
        kinds = [A.CLAHE(p=1), A.GaussNoise(std_range=NOISE, p=1), A.RandomGamma(p=1), A.Sharpen(p=1)]
        kinds += [A.Blur(blur_limit=(3, 3), p=1), A.MotionBlur(blur_limit=(3, 3), p=1)]
        found.append(A.OneOf(kinds, p=config.texture))
    return found
