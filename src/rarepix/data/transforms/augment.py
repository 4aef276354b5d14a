"""Augmentation of a whole training image: geometry before the paste, colour after it, by albumentations.

What a transform fills is 0 in the image and the ignore id in the mask, never background. Ids are never interpolated;
shares of a soft mask are, linearly (see ``interpolate``).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from rarepix.data.bands import RGB, Bands
from rarepix.data.source import Size
from rarepix.data.transforms.crops import Crop, build_crop, cut
from rarepix.data.transforms.resizing import ImageAndMask, interpolate, resize_image, resize_mask
from rarepix.data.transforms.settings import AugmentConfig, CropConfig
from rarepix.labels import LabelSpace, hard_mask
from rarepix.seeding import generator, stable_hash
from rarepix.settings import ConfigError

if TYPE_CHECKING:
    from albumentations import BasicTransform, Compose

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # otherwise its import looks for a newer version on the network

NOISE = (0.0125, 0.0275)
"""Standard deviation of the noise, as a share of the full range: 3 to 7 of 255; the default hides the scene."""
TONE_LIMIT = 0.2
"""Contrast and brightness of ``augment.tone``, as a share of the full range."""


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random transforms of one image (H W C, uint8 or float32 from 0 to 1) and its mask (H W or H W C uint8).

    They are not modified.

    The same seed gives the same result, whatever was called before.
    """

    factors: tuple[float, float] | None
    """Range of the factor by which an image is resized before its window is cut; None: not resized."""
    motion_probability: float
    """Probability of that resize, and of *with_motion* in place of *without_motion*."""
    with_motion: "Compose | None"
    """Flip, warp, rotation and shift."""
    without_motion: "Compose | None"
    """Flip and warp."""
    whole_probability: float
    """Probability that the whole image is resized to *size*, in place of *factors* and *window*."""
    size: Size | None
    window: Callable[[np.ndarray, np.ndarray, int], ImageAndMask] | None
    """Cuts a window of *size* from image and mask, by a seed; None: images stay whole."""
    colours: "Compose | None"
    soft: bool = False
    """Whether masks are soft."""

    def transform_geometry(self, image: np.ndarray, mask: np.ndarray, seed: int) -> ImageAndMask:
        """Return image and mask resized, flipped, warped, rotated and shifted, and the window cut out of them."""
        moves = self.motion_probability == 1 or generator(seed, "motion").random() < self.motion_probability
        is_whole = self.whole_probability > 0 and generator(seed, "whole").random() < self.whole_probability
        if is_whole:
            image, mask = resize_image(image, self.size), resize_mask(mask, self.size, soft=self.soft)
        elif self.factors and moves:
            image, mask = resize_by(image, mask, generator(seed, "scale").uniform(*self.factors), soft=self.soft)
        image, mask = _apply(self.with_motion if moves else self.without_motion, image, mask, seed, soft=self.soft)
        return (image, mask) if is_whole or not self.window else self.window(image, mask, seed)

    def transform_colour(self, image: np.ndarray, seed: int) -> np.ndarray:
        """Return the image with other brightness, contrast and colours, or another texture."""
        if not self.colours:
            return image
        self.colours.set_random_seed(stable_hash(seed, "colour") % 2**32)  # independent of the geometry
        return self.colours(image=image)["image"]


def build_augment(config: AugmentConfig, crop: CropConfig, *, labels: LabelSpace, bands: Bands = RGB) -> Augment:
    """Return the augmentation that *config* and *crop* describe.

    With a crop the image is resized before the window is cut; without one it keeps its size, and an enlarged image is
    cut off at its border. Hue has a meaning in three bands only, and so has the equalised contrast of
    ``augment.texture``, which is left out of the others' textures.

    Raises:
        ChoiceError, DataError: the crop needs classes that the dataset does not have.
        ConfigError: ``augment.whole`` needs ``crop.size``, but it is not given; ``augment.hue`` needs three bands.
    """
    if config.hue and bands.channels != 3:
        raise ConfigError(
            f"augment.hue={config.hue} changes red, green and blue, so that data.channels must be 3, but it is "
            f"{bands.channels}: leave augment.hue out; brightness, tone and texture take any bands"
        )
    if config.whole and not crop.size:
        raise ConfigError(
            f"augment.whole={config.whole} resizes whole images to crop.size, but that is not given: give crop.size, "
            f"or data.resize for images that are all shown whole"
        )
    factors = config.scale if isinstance(config.scale, tuple) else (1 - config.scale, 1 + config.scale)
    resized = crop.size is not None and factors != (1, 1)
    masks = {"fill_mask": labels.ignore}
    if labels.is_soft:
        masks = {"fill_mask": 0, "mask_interpolation": cv2.INTER_LINEAR}  # of the shares and of their weights
    flip_and_warp = _flip_and_warp(config, masks)
    motion = _motion(config, (1, 1) if resized else factors, masks)
    return Augment(
        factors=factors if resized else None,
        motion_probability=config.motion,
        with_motion=_compose([*flip_and_warp, *motion]),
        without_motion=_compose(flip_and_warp),
        whole_probability=config.whole,
        size=crop.size,
        window=partial(_cut_window, build_crop(crop, labels), crop.size, labels) if crop.size else None,
        colours=_compose(_colours(config, bands)),
        soft=labels.is_soft,
    )


def resize_by(image: np.ndarray, mask: np.ndarray, factor: float, *, soft: bool = False) -> ImageAndMask:
    """Return image and mask with sides *factor* times as long, rounded, but at least a pixel."""
    rows, columns = (max(1, round(side * factor)) for side in mask.shape[:2])
    resized = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return resized.reshape(rows, columns, *image.shape[2:]), resize_mask(mask, (rows, columns), soft=soft)


def _cut_window(
    choose_window: Crop, size: Size, labels: LabelSpace, image: np.ndarray, mask: np.ndarray, seed: int
) -> ImageAndMask:
    location = choose_window(hard_mask(mask, labels), size, generator(seed, "crop"))
    return cut(image, mask, location, size, ignore=labels.ignore)


def _apply(compose: "Compose | None", image: np.ndarray, mask: np.ndarray, seed: int, *, soft: bool) -> ImageAndMask:
    if compose is None:
        return image, mask
    compose.set_random_seed(seed)
    if soft:
        return _apply_to_soft_mask(compose, image, mask)
    if mask.ndim == 2:
        transformed = compose(image=image, mask=mask)
        return transformed["image"], transformed["mask"]
    # class by class: in an array of several channels, warps fill every fourth with the ignore id, the others with 0
    masks = [np.ascontiguousarray(mask[..., number]) for number in range(mask.shape[2])]
    transformed = compose(image=image, masks=masks)
    return transformed["image"], np.stack(transformed["masks"], axis=2)


def _apply_to_soft_mask(compose: "Compose", image: np.ndarray, mask: np.ndarray) -> ImageAndMask:
    def transform(planes: list[np.ndarray]) -> list[np.ndarray]:
        nonlocal image
        transformed = compose(image=image, masks=planes)
        image = transformed["image"]
        return transformed["masks"]

    mask = interpolate(mask, transform)
    return image, mask


def _compose(transforms: "list[BasicTransform]") -> "Compose | None":
    """Return the transforms as one; None for an empty list."""
    from albumentations import Compose

    return Compose(transforms) if transforms else None


def _flip_and_warp(config: AugmentConfig, masks: dict[str, int]) -> "list[BasicTransform]":
    """Return flip and warp, which do not depend on ``augment.motion``; *masks* says how a mask is transformed."""
    import albumentations as A

    warps = [
        # alpha: how far pixels move, sigma: over how many of them the movement is smoothed
        A.ElasticTransform(alpha=120, sigma=6, **masks, p=1),
        A.GridDistortion(**masks, p=1),
        A.OpticalDistortion(distort_limit=(-2.0, 2.0), **masks, p=1),
    ]
    flip = [A.HorizontalFlip(p=config.flip)] if config.flip else []
    return [*flip, A.OneOf(warps, p=config.warp)] if config.warp else flip


def _motion(config: AugmentConfig, factors: tuple[float, float], masks: dict[str, int]) -> "list[BasicTransform]":
    """Return resizing within the image by one of *factors*, rotation and shift."""
    import albumentations as A

    parameters: dict[str, Any] = {}
    if factors != (1, 1):
        parameters |= {"scale": factors, "keep_ratio": True}
    if config.rotate:
        parameters |= {"rotate": (-config.rotate, config.rotate)}
    if config.shift:
        parameters |= {"translate_percent": dict.fromkeys("xy", (-config.shift, config.shift))}
    return [A.Affine(**parameters, **masks, p=1.0)] if parameters else []


def _colours(config: AugmentConfig, bands: Bands) -> "list[BasicTransform]":
    import albumentations as A

    transforms: list[A.BasicTransform] = []
    if config.brightness:
        transforms.append(A.RandomBrightnessContrast(config.brightness, config.brightness, p=0.5))
    if config.tone:
        contrast, brightness = (A.RandomBrightnessContrast(*at, p=1) for at in ((0, TONE_LIMIT), (TONE_LIMIT, 0)))
        transforms.append(A.OneOf([contrast, A.RandomGamma(p=1), brightness], p=config.tone))
    if config.hue:
        transforms.append(A.HueSaturationValue(p=config.hue))
    if config.texture:
        kinds = [A.CLAHE(p=1)] if bands.channels == 3 else []
        kinds += [A.GaussNoise(std_range=NOISE, p=1), A.RandomGamma(p=1), A.Sharpen(p=1)]
        kinds += [A.Blur(blur_limit=(3, 3), p=1), A.MotionBlur(blur_limit=(3, 3), p=1)]
        transforms.append(A.OneOf(kinds, p=config.texture))
    return transforms
