"""What is done to a training image as a whole: geometry before the paste, colour after it.

Whatever is filled gets the ignore id, never background.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rarepix.data.transforms import steps
from rarepix.data.transforms.crops import build_crop, cut
from rarepix.data.transforms.resizing import Size, resize_image, resize_mask
from rarepix.data.transforms.settings import AugmentConfig, CropConfig
from rarepix.labels import LabelSpace
from rarepix.seeding import generator, stable_hash
from rarepix.settings import ConfigError

if TYPE_CHECKING:
    from albumentations import Compose

Pair = tuple[np.ndarray, np.ndarray]
"""Image and mask."""


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random transformations of one image (H W 3 uint8) and its mask (H W or H W C uint8); what comes in stays as it
    is.

    The same seed gives the same result, whatever was done before.
    """

    factors: tuple[float, float] | None
    """Range of the factor by which an image is resized before its window is cut; None: it is not."""
    motion: float
    """Probability of that, and of *moving*."""
    moving: "Compose | None"
    still: "Compose | None"
    """Flips and the like, with and without rotation and shift."""
    whole: float
    """Probability that the image is resized to *size*, in place of *factors* and *window*."""
    size: Size | None
    window: Callable[[np.ndarray, np.ndarray, int], Pair] | None
    """Cuts a window of *size*; None: images stay whole."""
    colours: "Compose | None"

    def place(self, image: np.ndarray, mask: np.ndarray, seed: int) -> Pair:
        """Resize, flip, warp, turn and shift, and cut the window."""
        moves = self.motion == 1 or generator(seed, "motion").random() < self.motion
        is_whole = self.whole > 0 and generator(seed, "whole").random() < self.whole
        if is_whole:
            image, mask = resize_image(image, self.size), resize_mask(mask, self.size)
        elif self.factors and moves:
            image, mask = resize(image, mask, generator(seed, "scale").uniform(*self.factors))
        image, mask = _applied(self.moving if moves else self.still, image, mask, seed)
        return (image, mask) if is_whole or not self.window else self.window(image, mask, seed)

    def colour(self, image: np.ndarray, seed: int) -> np.ndarray:
        """Change brightness, contrast and colours, or texture."""
        if not self.colours:
            return image
        self.colours.set_random_seed(stable_hash(seed, "colour") % 2**32)  # not the numbers that the geometry has used
        return self.colours(image=image)["image"]


def build_augment(config: AugmentConfig, crop: CropConfig, *, labels: LabelSpace) -> Augment:
    """Return what *config* and *crop* ask for.

    With a crop the image is resized before the window is cut; without one it keeps its size, and what is enlarged is
    cut off at its border.

    Raises:
        ChoiceError, DataError: the crop asks for classes that the dataset does not have.
        ConfigError: whole images are to have the size of a crop, but there is none.
    """
    if config.whole and not crop.size:
        raise ConfigError(
            f"augment.whole={config.whole} resizes whole images to crop.size, but that is not given: give crop.size, "
            f"or data.resize for images that are all shown whole"
        )
    factors = config.scale if isinstance(config.scale, tuple) else (1 - config.scale, 1 + config.scale)
    resized = crop.size is not None and factors != (1, 1)
    still = steps.still(config, labels.ignore)
    return Augment(
        factors=factors if resized else None,
        motion=config.motion,
        moving=steps.composed([*still, *steps.motion(config, (1, 1) if resized else factors, labels.ignore)]),
        still=steps.composed(still),
        whole=config.whole,
        size=crop.size,
        window=_window(crop, crop.size, labels) if crop.size else None,
        colours=steps.composed(steps.colours(config)),
    )


def resize(image: np.ndarray, mask: np.ndarray, factor: float) -> Pair:
    """Return image and mask with sides *factor* times as long, rounded, but at least a pixel."""
    rows, columns = (max(1, round(side * factor)) for side in mask.shape[:2])
    smooth = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return smooth, resize_mask(mask, (rows, columns))


def _window(crop: CropConfig, size: Size, labels: LabelSpace) -> Callable[[np.ndarray, np.ndarray, int], Pair]:
    choose = build_crop(crop, labels)

    def window(image: np.ndarray, mask: np.ndarray, seed: int) -> Pair:
        return cut(image, mask, choose(mask, size, generator(seed, "crop")), size, ignore=labels.ignore)

    return window


def _applied(compose: "Compose | None", image: np.ndarray, mask: np.ndarray, seed: int) -> Pair:
    if compose is None:
        return image, mask
    compose.set_random_seed(seed)
    if mask.ndim == 2:
        placed = compose(image=image, mask=mask)
        return placed["image"], placed["mask"]
    # layer by layer: of layers in one array, warps fill every fourth with the ignore id, and the others with 0
    layers = [np.ascontiguousarray(mask[..., number]) for number in range(mask.shape[2])]
    placed = compose(image=image, masks=layers)
    return placed["image"], np.stack(placed["masks"], axis=2)
