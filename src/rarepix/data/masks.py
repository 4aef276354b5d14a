"""Masks from their files: one file of class ids, or one grey file for each class."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from rarepix.data.images import image_size, reading
from rarepix.data.source import ClassMasks, DataError, Item

COLOUR_MODES = ("RGB", "RGBA")


def read_mask(item: Item) -> np.ndarray:
    """Return the mask of *item* as uint8: ids H W, or H W C of 0 and 1 where it has a file for each class.

    Where no class has a file the mask is empty and has the size of the image.

    Raises:
        DataError: a file is not a complete 8-bit palette or grey image, or the files differ in size.
    """
    if not isinstance(item.mask, ClassMasks):
        return read_id_mask(item.mask)
    masks = dict(read_class_masks(item.mask))
    rows, columns = next(iter(masks.values())).shape if masks else image_size(item.image)[::-1]
    empty = np.zeros((rows, columns), bool)
    if item.mask.binarize:
        return np.logical_or.reduce([*masks.values()] or [empty]).view(np.uint8)
    return np.stack([masks.get(number, empty) for number in range(len(item.mask.files))], axis=2).view(np.uint8)


def read_id_mask(path: Path) -> np.ndarray:
    """Return the ids of a mask as H W uint8 (of a palette file the indices, not the colours).

    Raises:
        DataError: the file is not a complete 8-bit palette or grey image.
    """
    with reading(path, "mask"), Image.open(path) as mask:
        ids = np.array(mask)
        _check_holds_ids(path, mask.mode)
    return ids.astype(np.uint8)


def count_ids(path: Path) -> tuple[list[int], tuple[int, int]]:
    """Return how many pixels have each of the 256 ids in a mask, and its width and height.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: the file is not a complete 8-bit palette or grey image.
    """
    with reading(path, "mask", FileNotFoundError), Image.open(path) as mask:
        _check_holds_ids(path, mask.mode)
        counts = mask.histogram()
        if mask.mode == "1":  # Pillow stores True as 255
            counts[1], counts[255] = counts[255], 0
        return counts, mask.size


def read_class_masks(masks: ClassMasks) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number of every class that has a file, and its mask (H W bool).

    Raises:
        FileNotFoundError: a file is missing.
        DataError: a file is no complete grey image, or has another size than the first.
    """
    first: tuple[Path, tuple[int, ...]] | None = None
    for number, path in enumerate(masks.files):
        if path is None:
            continue
        mask = _read_grey(path, masks.threshold) > masks.threshold
        first = first or (path, mask.shape)
        if mask.shape != first[1]:
            sizes = [f"{file} has {columns}×{rows}" for file, (rows, columns) in ((path, mask.shape), first)]
            raise DataError(
                f"the masks of one image must have one size, but {' and '.join(sizes)}: put those of one image together"
            )
        yield number, mask


def _read_grey(path: Path, threshold: int) -> np.ndarray:
    """Return the grey values of a file as H W uint8; of a palette file the indices, where *threshold* is 0."""
    with reading(path, "mask", FileNotFoundError), Image.open(path) as file:
        mode, pixels = file.mode, np.array(file.convert("L") if file.mode == "1" else file)
    if mode in COLOUR_MODES and (pixels[..., :3] == pixels[..., :1]).all():
        return np.ascontiguousarray(pixels[..., 0])
    if mode in ("L", "1") or (mode == "P" and threshold == 0):
        return pixels
    raise DataError(
        f"{path} must be an 8-bit grey image, in which a class is where the value is above {threshold}, but has mode "
        f"{mode!r}{' with colours' if mode in COLOUR_MODES else ''}: save its grey values, 8 bits each"
    )


def _check_holds_ids(path: Path, mode: str) -> None:
    if mode not in ("P", "L", "1"):
        raise DataError(
            f"{path} must be an 8-bit palette or grey image of class ids, but has mode {mode!r}: "
            f"save the ids themselves as its pixels, 8 bits each, not their colours"
        )
