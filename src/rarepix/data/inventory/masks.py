"""Masks as arrays: from a file of class ids, or from a grey file of each class."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from rarepix.data.inventory.reading import UNREADABLE, image_size, read_ids, unreadable
from rarepix.data.source import DataError, Item, Layers

COLOURS = ("RGB", "RGBA")


def read_mask(item: Item) -> np.ndarray:
    """Return the mask of *item* as uint8: ids H W, or H W C of 0 and 1 where it has a layer for each class.

    Where no class has a file nothing is marked, and the size is that of the image.

    Raises:
        DataError: a file is not a whole 8-bit palette or grey image, or the layers differ in size.
    """
    if not isinstance(item.mask, Layers):
        return read_ids(item.mask)
    layers = dict(read_layers(item.mask))
    rows, columns = next(iter(layers.values())).shape if layers else image_size(item.image)[::-1]
    nothing = np.zeros((rows, columns), bool)
    if item.mask.merged:
        return union([*layers.values()] or [nothing]).view(np.uint8)
    return np.stack([layers.get(number, nothing) for number in range(len(item.mask.files))], axis=2).view(np.uint8)


def read_layers(mask: Layers) -> Iterator[tuple[int, np.ndarray]]:
    """Give the number of every class that has a file, and where it is (H W bool).

    Raises:
        FileNotFoundError: a file is not there.
        DataError: a file is no whole grey image, or has another size than the first.
    """
    first: tuple[Path, tuple[int, ...]] | None = None
    for number, path in enumerate(mask.files):
        if path is None:
            continue
        layer = read_grey(path, mask.above) > mask.above
        first = first or (path, layer.shape)
        if layer.shape != first[1]:
            raise DataError(
                f"the layers of a mask must have one size, but {path} has {_words(layer.shape)} and {first[0]} has "
                f"{_words(first[1])}: put those of one image together"
            )
        yield number, layer


def read_grey(path: Path, above: int) -> np.ndarray:
    """Return the grey values of a file as H W uint8; of a palette file the indices, where *above* is 0.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: it is no whole image, or one whose grey values cannot be told.
    """
    try:
        with Image.open(path) as file:
            mode, pixels = file.mode, np.array(file.convert("L") if file.mode == "1" else file)
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        raise unreadable(path, "mask", error) from error
    if mode in COLOURS and (pixels[..., :3] == pixels[..., :1]).all():
        return np.ascontiguousarray(pixels[..., 0])
    if mode in ("L", "1") or (mode == "P" and above == 0):
        return pixels
    raise DataError(
        f"{path} must be an 8-bit grey image, in which a class is where the value is above {above}, but has mode "
        f"{mode!r}{' with colours' if mode in COLOURS else ''}: save its grey values, 8 bits each"
    )


def union(layers: list[np.ndarray]) -> np.ndarray:
    """Return where any of the layers (H W bool) is."""
    return np.logical_or.reduce(layers)


def _words(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"
