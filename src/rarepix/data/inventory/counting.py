"""Pixel counts per image and class, of all images, with everything that is wrong with them."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from rarepix.data.inventory.cache import content_key, recall, store
from rarepix.data.inventory.headers import plain_rows
from rarepix.data.inventory.masks import read_layers, union
from rarepix.data.inventory.problems import Problem, ProblemKind, refuse
from rarepix.data.inventory.raw import whole
from rarepix.data.inventory.reading import UNREADABLE, check_mode, image_size, unreadable
from rarepix.data.inventory.threads import Advance, in_threads
from rarepix.data.source import DataError, Item, Layers
from rarepix.labels import LabelSpace

BORDER = "border"
"""Column of the pixels that are ignored."""
SIZES = ("height", "width")


class Inventory(NamedTuple):
    """What was found out about a dataset."""

    counts: pd.DataFrame
    """One row an item that can be used (index: id), one column a class, then ``border``, ``height``, ``width``."""
    problems: list[Problem]


def take_inventory(
    items: Sequence[Item], labels: LabelSpace, *, cache: Path | None = None, progress: Advance | None = None
) -> pd.DataFrame:
    """Return pixel counts, one row an item (index: id) and one column a class, then ``border``, ``height``, ``width``.

    Args:
        items: what to count, each id once.
        labels: what the ids mean.
        cache: folder in which the table is kept; it is read back while ids, the content of the masks and the lengths
            of the images' files are the same, wherever the files lie.
        progress: is told how many more images are counted.

    Raises:
        DataError: names the files that are unreadable, of another size than their image, or have ids outside *labels*
            (the first ten of them).
    """
    counts, problems = examine(items, labels, cache=cache, progress=progress)
    refuse(problems)
    return counts


def examine(
    items: Sequence[Item], labels: LabelSpace, *, cache: Path | None = None, progress: Advance | None = None
) -> Inventory:
    """Return the counts of the items that can be used, and what is wrong with the others; see ``take_inventory``.

    Raises:
        DataError: a class is called like another column.
    """
    taken = sorted({BORDER, *SIZES} & set(labels.names))
    if taken:
        raise DataError(f"no class may be called {BORDER}, height or width, but got {taken}: rename it in dataset.json")
    columns = [*labels.names, BORDER, *SIZES]
    key = content_key(items, labels) if cache else None
    stored = cache / f"{key}.parquet" if cache and key else None
    known = recall(stored, columns) if stored else None
    if known is not None and known.index.tolist() == [item.id for item in items]:
        return Inventory(known, [])
    rows, problems = {}, []
    for item, found in zip(items, in_threads(lambda item: _count(item, labels), items, progress), strict=True):
        if isinstance(found[0], Problem):
            problems += found
        else:
            rows[item.id] = found
    table = pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), name="image"), columns=columns, dtype="int64")
    if stored and not problems:
        store(table, stored)
    return Inventory(table, problems)


def inventory_hash(table: pd.DataFrame) -> str:
    """Return a hash of the counts themselves: the same on every machine that has the same masks."""
    return hashlib.sha256(table.sort_index().to_csv().encode()).hexdigest()[:16]


class Marked(NamedTuple):
    """What a mask holds."""

    pixels: list[int]
    """Of every class."""
    ignored: int
    size: tuple[int, int]
    """Width and height."""
    strange: tuple[int, ...] = ()
    """Ids that mean nothing."""


def _count(item: Item, labels: LabelSpace) -> list[int] | list[Problem]:
    """Return the item's row, or everything that is wrong with it."""
    marked, size, of_image, problems = None, None, [], []
    try:
        size = image_size(item.image)
    except DataError as error:
        gone = not item.image.exists()
        of_image = [_missing(item, item.image) if gone else Problem(ProblemKind.IMAGE, item.id, str(error))]
    try:
        marked = _of_layers(item.mask, size) if isinstance(item.mask, Layers) else _of_ids(item.mask, labels)
    except FileNotFoundError:
        problems += [_missing(item, file) for file in item.mask_files if not file.exists()]
    except DataError as error:
        problems.append(Problem(ProblemKind.MASK, item.id, str(error)))
    problems += of_image
    if marked and size and marked.size != size:
        text = (
            f"{item.mask_files[0]} must have the size of its image, {size[0]}×{size[1]}, but has "
            f"{marked.size[0]}×{marked.size[1]}: put the right pair together, or take {item.id} out of the list"
        )
        problems.append(Problem(ProblemKind.SIZE, item.id, text))
    if marked and marked.strange:
        text = (
            f"{item.mask} must hold ids 0 to {labels.count - 1} or {labels.ignore} (ignored), but holds "
            f"{list(marked.strange)}: name all classes, and the ignored id, in dataset.json, or correct the mask"
        )
        problems.append(Problem(ProblemKind.IDS, item.id, text))
    return problems if marked is None or problems else [*marked.pixels, marked.ignored, *marked.size[::-1]]


def _of_ids(path: Path, labels: LabelSpace) -> Marked:
    ids, size = count_ids(path)
    pixels, ignored, strange = ids[: labels.count], ids[labels.ignore], ()
    if sum(pixels) + ignored != size[0] * size[1]:
        strange = tuple(number for number, count in enumerate(ids) if count and _is_outside(number, labels))
    return Marked(pixels, ignored, size, strange)


def _of_layers(mask: Layers, size: tuple[int, int] | None) -> Marked | None:
    """Count the layers; where no class has a file the mask has the *size* of its image, if that is known."""
    layers = dict(read_layers(mask))
    if layers:
        rows, columns = next(iter(layers.values())).shape
        size = (columns, rows)
    if size is None:
        return None
    if mask.merged:
        found = int(np.count_nonzero(union([*layers.values()]))) if layers else 0
        return Marked([size[0] * size[1] - found, found], 0, size)
    return Marked([int(np.count_nonzero(layers.get(number, 0))) for number in range(len(mask.files))], 0, size)


def count_ids(path: Path) -> tuple[list[int], tuple[int, int]]:
    """Return how many pixels have each of the 256 ids in a mask, and its width and height.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: the file is not a whole 8-bit palette or grey image.
    """
    try:
        data = whole(path)
        plain = plain_rows(data)
        if plain:
            rows, width, height = plain
            counts = Image.frombuffer("L", (width + 1, height), rows, "raw", "L", 0, 1).histogram()
            counts[0] -= height
            return counts, (width, height)
        with Image.open(io.BytesIO(data)) as mask:
            check_mode(path, mask.mode)
            counts = mask.histogram()
            if mask.mode == "1":  # Pillow holds True as 255
                counts[1], counts[255] = counts[255], 0
            return counts, mask.size
    except (FileNotFoundError, DataError):
        raise
    except UNREADABLE as error:
        raise unreadable(path, "mask", error) from error


def _is_outside(number: int, labels: LabelSpace) -> bool:
    return number >= labels.count and number != labels.ignore


def _missing(item: Item, path: Path) -> Problem:
    text = f"{path} must exist, but does not: add it, or take {item.id} out of the list"
    return Problem(ProblemKind.MISSING, item.id, text)
