"""Which window of a training image is used, and the cut itself. What is outside the image gets the ignore id."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import cv2
import numpy as np

from rarepix.choices import pick
from rarepix.data.source import DataError, Size
from rarepix.data.transforms.settings import CropConfig
from rarepix.labels import LabelSpace, Task

MAX_TRIES = 10
"""Windows that ``mixed`` tries; the number of mmsegmentation's ``cat_max_ratio``."""

Location = tuple[int, int]
"""Row and column of a window's first pixel in the image; negative where the image is smaller than the window."""
Crop = Callable[[np.ndarray, Size, np.random.Generator], Location]
"""From a mask H W (or H W C), the window's size and a source of randomness to the window's location.

Of a soft mask a window is chosen by its ``hard_mask``.
"""


def random_window(mask: np.ndarray, size: Size, random: np.random.Generator) -> Location:
    """Return a random location at which the window is inside the image (or the image inside the window)."""
    (low_row, low_column), (high_row, high_column) = _limits(mask.shape[:2], size)
    return int(random.integers(low_row, high_row + 1)), int(random.integers(low_column, high_column + 1))


def foreground_window(
    mask: np.ndarray, size: Size, random: np.random.Generator, *, probability: float, classes: tuple[int, ...]
) -> Location:
    """With *probability* return a window that contains a random pixel of *classes* (Isensee et al. 2021, nnU-Net).

    The position of the pixel in the window is random, too. Without such a pixel the window is random.
    """
    pixel = _draw_pixel(class_pixels(mask, classes), random) if random.random() < probability else None
    if pixel is None:
        return random_window(mask, size, random)
    lows, highs = _limits(mask.shape[:2], size)
    row, column = (
        int(random.integers(max(low, at - side + 1), min(high, at) + 1))
        for at, side, low, high in zip(pixel, size, lows, highs, strict=True)
    )
    return row, column


def class_centred_window(
    mask: np.ndarray, size: Size, random: np.random.Generator, *, probability: float, classes: tuple[int, ...]
) -> Location:
    """With *probability* return a window centred on a random pixel of a random one of *classes* that the image has.

    The window is shifted to stay inside the image. Without such a class it is random.
    """
    present = np.flatnonzero(count_classes(mask)[list(classes)]) if random.random() < probability else ()
    if not len(present):
        return random_window(mask, size, random)
    pixel = _draw_pixel(class_pixels(mask, (classes[random.choice(present)],)), random)
    lows, highs = _limits(mask.shape[:2], size)
    row, column = (
        min(max(at - side // 2, low), high) for at, side, low, high in zip(pixel, size, lows, highs, strict=True)
    )
    return row, column


def mixed_window(mask: np.ndarray, size: Size, random: np.random.Generator, *, ratio: float, ignore: int) -> Location:
    """Return the first of ``MAX_TRIES`` random windows with two or more classes, none above *ratio*; else the last.

    The ratio is of the labelled pixels in the window. In an H W C mask, pixels of no class count as one more class.
    """
    for _ in range(MAX_TRIES):
        row, column = random_window(mask, size, random)
        window = mask[max(row, 0) : row + size[0], max(column, 0) : column + size[1]]
        pixels = count_classes(window, ignore=ignore)
        if np.count_nonzero(pixels) > 1 and pixels.max() <= ratio * pixels.sum():
            break
    return row, column


def cut(
    image: np.ndarray, mask: np.ndarray, location: Location, size: Size, *, ignore: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the window, of *size*, of image (H W C) and mask (H W or H W C), whose first pixel is at *location*.

    It is a view, or, where the image is smaller, a copy with 0 and *ignore* outside the image.
    """
    rows, columns = (slice(max(at, 0), at + side) for at, side in zip(location, size, strict=True))
    image, mask = image[rows, columns], mask[rows, columns]
    if mask.shape[:2] == size:
        return image, mask
    top, left = (max(-at, 0) for at in location)
    padded_image, padded_mask = (
        np.full((*size, *array.shape[2:]), fill, array.dtype) for array, fill in ((image, 0), (mask, ignore))
    )
    inside = slice(top, top + mask.shape[0]), slice(left, left + mask.shape[1])
    padded_image[inside], padded_mask[inside] = image, mask
    return padded_image, padded_mask


def class_pixels(mask: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Return where any of *classes* is in a mask (ids H W, or H W C of 0 and 1): H W, not 0 there."""
    if mask.ndim == 3:
        return (mask[..., list(classes)] == 1).any(axis=2)
    return cv2.LUT(mask, id_table(classes))


def id_table(ids: Iterable[int]) -> np.ndarray:
    """Return id → 1 for *ids*, else 0, for ``cv2.LUT``."""
    table = np.zeros(256, np.uint8)
    table[list(ids)] = 1
    return table


def count_classes(mask: np.ndarray, *, ignore: int | None = None) -> np.ndarray:
    """Return the number of pixels of each of 256 ids; of an H W C mask those of every class, then of no class.

    Pixels with the id *ignore*, of an H W C mask in any class, do not count.
    """
    if mask.ndim == 2:
        pixels = cv2.calcHist([mask], [0], None, [256], [0, 256]).ravel()  # ten times as fast as bincount
        if ignore is not None:
            pixels[ignore] = 0
        return pixels
    counted = np.ones(mask.shape[:2], bool) if ignore is None else (mask != ignore).all(axis=2)
    present = (mask == 1) & counted[..., None]
    return np.append(present.sum(axis=(0, 1)), np.count_nonzero(counted & ~present.any(axis=2))).astype(float)


CROPS: dict[str, Callable[..., Location]] = {
    "random": random_window,
    "foreground": foreground_window,
    "class_centred": class_centred_window,
    "mixed": mixed_window,
}
"""``crop.kind`` → the choice of a window, as a ``Crop`` once the parameters of the kind are filled in."""


def build_crop(config: CropConfig, labels: LabelSpace) -> Crop:
    """Return the choice of a window that *config* names.

    Raises:
        ChoiceError: ``crop.classes`` names a class that the dataset does not have.
        DataError: ``crop.classes`` is missing, and so are a background and rare classes.
    """
    choose_window, parameters = pick(CROPS, config.kind, "crop.kind"), config.parameters()
    if "classes" in parameters:
        parameters["classes"] = _target_classes(parameters["classes"], labels)
    if config.kind == "mixed":
        parameters["ignore"] = labels.ignore
    return partial(choose_window, **parameters)


def _target_classes(names: tuple[str, ...], labels: LabelSpace) -> tuple[int, ...]:
    """Return the ids of *names*; without names, those of all classes but the background.

    Without a background it is the rare classes, but in a multilabel dataset all: there the background has no id.
    """
    ids = {name: number for number, name in enumerate(labels.names)}
    if names:
        return tuple(pick(ids, name, "class in crop.classes") for name in dict.fromkeys(names))
    if labels.background is not None or labels.task is Task.MULTILABEL:
        return tuple(number for number in ids.values() if number != labels.background)
    if not labels.rare:
        raise DataError(
            "crop.classes must say which classes are forced into the window, since the dataset names neither a "
            "background nor rare classes: give crop.classes, or background or rare_classes in its dataset.json"
        )
    return tuple(ids[name] for name in labels.rare)


def _limits(shape: Size, size: Size) -> tuple[Location, Location]:
    """Return the first and the last location of a window in an image, by row and column."""
    rows, columns = (side - window for side, window in zip(shape, size, strict=True))
    return (min(0, rows), min(0, columns)), (max(0, rows), max(0, columns))


def _draw_pixel(chosen: np.ndarray, random: np.random.Generator) -> Location | None:
    """Return row and column of one of the pixels that are not zero, or None."""
    pixels = np.flatnonzero(chosen)
    if not len(pixels):
        return None
    return divmod(int(pixels[random.integers(len(pixels))]), chosen.shape[1])
