"""Which window of a training image is shown, and the cut itself. What reaches beyond the image is ignored."""

from collections.abc import Callable
from functools import partial

import numpy as np

from rarepix.choices import pick
from rarepix.data.source import DataError
from rarepix.data.transforms.classes import count_classes, pixels_of
from rarepix.data.transforms.settings import CropConfig
from rarepix.labels import LabelSpace, Task

TRIES = 10
"""Windows that ``mixed`` looks at, at most; the number of mmsegmentation's ``cat_max_ratio``."""

Size = tuple[int, int]
"""Rows and columns."""
Place = tuple[int, int]
"""Row and column of a window's first pixel in the image; negative where the image is smaller than the window."""
Crop = Callable[[np.ndarray, Size, np.random.Generator], Place]
"""From a mask H W (or H W C), the window's size and a source of randomness to the window's place."""


def random_window(mask: np.ndarray, size: Size, random: np.random.Generator) -> Place:
    """Return one of all places at which the window lies in the image (or the image in the window)."""
    (low_row, low_column), (high_row, high_column) = _limits(mask.shape[:2], size)
    return int(random.integers(low_row, high_row + 1)), int(random.integers(low_column, high_column + 1))


def foreground_window(
    mask: np.ndarray, size: Size, random: np.random.Generator, *, probability: float, classes: tuple[int, ...]
) -> Place:
    """With *probability* return a window that holds a pixel drawn from all of *classes* (Isensee et al. 2021).

    Where in the window the pixel lies is random, too. Without such a pixel the window is a random one.
    """
    pixel = None
    if random.random() < probability:
        pixel = _draw_pixel(pixels_of(mask, classes), random)
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
) -> Place:
    """With *probability* draw one of *classes* that the image holds, then one of its pixels: the window's centre.

    The window stays in the image. Without such a class it is a random one.
    """
    held = np.flatnonzero(count_classes(mask)[list(classes)]) if random.random() < probability else ()
    if not len(held):
        return random_window(mask, size, random)
    pixel = _draw_pixel(pixels_of(mask, (classes[random.choice(held)],)), random)
    lows, highs = _limits(mask.shape[:2], size)
    row, column = (
        min(max(at - side // 2, low), high) for at, side, low, high in zip(pixel, size, lows, highs, strict=True)
    )
    return row, column


def mixed_window(mask: np.ndarray, size: Size, random: np.random.Generator, *, ratio: float, ignore: int) -> Place:
    """Return the first of up to ``TRIES`` random windows with two classes or more, none above *ratio*; else the last.

    The ratio is that of the labelled pixels in the window. Where classes are layers, no class counts as one more.
    """
    for _ in range(TRIES):
        row, column = random_window(mask, size, random)
        shown = mask[max(row, 0) : row + size[0], max(column, 0) : column + size[1]]
        pixels = count_classes(shown, ignore=ignore)
        if np.count_nonzero(pixels) > 1 and pixels.max() <= ratio * pixels.sum():
            break
    return row, column


def cut(image: np.ndarray, mask: np.ndarray, place: Place, size: Size, *, ignore: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the window of image and mask: a view, or a copy with 0 and *ignore* outside the image.

    Args:
        image: H W 3.
        mask: H W or H W C.
        place: row and column of the window's first pixel.
        size: rows and columns of the window.
        ignore: id that is not counted.
    """
    rows, columns = (slice(max(at, 0), at + side) for at, side in zip(place, size, strict=True))
    image, mask = image[rows, columns], mask[rows, columns]
    if mask.shape[:2] == size:
        return image, mask
    top, left = (max(-at, 0) for at in place)
    whole_image, whole_mask = np.zeros((*size, 3), image.dtype), np.full((*size, *mask.shape[2:]), ignore, mask.dtype)
    inside = slice(top, top + mask.shape[0]), slice(left, left + mask.shape[1])
    whole_image[inside], whole_mask[inside] = image, mask
    return whole_image, whole_mask


def _build_random(parameters: dict, labels: LabelSpace) -> Crop:
    return random_window


def _build_foreground(parameters: dict, labels: LabelSpace) -> Crop:
    return partial(foreground_window, **parameters | {"classes": _forced(parameters["classes"], labels)})


def _build_class_centred(parameters: dict, labels: LabelSpace) -> Crop:
    return partial(class_centred_window, **parameters | {"classes": _forced(parameters["classes"], labels)})


def _build_mixed(parameters: dict, labels: LabelSpace) -> Crop:
    return partial(mixed_window, **parameters, ignore=labels.ignore)


CROPS: dict[str, Callable[[dict, LabelSpace], Crop]] = {
    "random": _build_random,
    "foreground": _build_foreground,
    "class_centred": _build_class_centred,
    "mixed": _build_mixed,
}
"""``crop.kind`` → what makes the choice of a window from the kind's parameters and the classes."""


def build_crop(config: CropConfig, labels: LabelSpace) -> Crop:
    """Return the choice of a window that *config* names.

    Raises:
        ChoiceError: ``crop.classes`` names a class that the dataset does not have.
        DataError: nothing says which classes are to be forced into the window.
    """
    return pick(CROPS, config.kind, "crop.kind")(config.parameters(), labels)


def _forced(names: tuple[str, ...], labels: LabelSpace) -> tuple[int, ...]:
    """Return the ids of *names*; of none, those of all classes but the background.

    Without a background it is the rare ones, unless the classes are layers: then there is one, where no class is.
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


def _limits(shape: Size, size: Size) -> tuple[Place, Place]:
    """Return the first and the last place of a window in an image, by row and column."""
    slack = [side - window for side, window in zip(shape, size, strict=True)]
    return (min(0, slack[0]), min(0, slack[1])), (max(0, slack[0]), max(0, slack[1]))


def _draw_pixel(chosen: np.ndarray, random: np.random.Generator) -> Place | None:
    """Return row and column of one of the pixels that are not zero, or None."""
    pixels = np.flatnonzero(chosen)
    if not len(pixels):
        return None
    row, column = divmod(int(pixels[random.integers(len(pixels))]), chosen.shape[1])
    return row, column
