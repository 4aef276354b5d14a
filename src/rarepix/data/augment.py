"""Augmentation of training images with albumentations. Whatever is filled gets the ignore id, never background."""

import os
from typing import Protocol

import numpy as np

from rarepix.data.settings import AugmentConfig

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks the network for a newer version when imported


class Augment(Protocol):
    """A random transformation of one image and its mask."""

    def __call__(self, image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return image (H W 3 uint8) and mask (H W uint8); the same *seed* gives the same result."""
        ...


def build_augment(config: AugmentConfig, *, ignore: int) -> Augment:
    """Return the pipeline: flip, resize and rotate, crop, brightness and contrast."""
    import albumentations as A

    steps: list[A.BasicTransform] = []
    if config.flip:
        steps.append(A.HorizontalFlip(p=config.flip))
    if config.scale or config.rotate:
        steps.append(
            A.Affine(
                scale=(1 - config.scale, 1 + config.scale),
                rotate=(-config.rotate, config.rotate),
                keep_ratio=True,
                fill_mask=ignore,
                p=1.0,
            )
        )
    if config.crop:
        steps.append(A.RandomCrop(*config.crop))
    if config.brightness:
        steps.append(A.RandomBrightnessContrast(config.brightness, config.brightness, p=0.5))
    pipeline = A.Compose(steps)

    def augment(image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        pipeline.set_random_seed(seed)
        result = pipeline(image=image, mask=mask)
        return result["image"], result["mask"]

    return augment
