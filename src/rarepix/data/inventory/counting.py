"""Pixel counts per image and class, of all images, with everything that is wrong with them."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from PIL import Image

from rarepix.data.inventory.headers import plain_rows
from rarepix.data.inventory.problems import Kind, Problem, refuse
from rarepix.data.inventory.raw import whole
from rarepix.data.inventory.reading import UNREADABLE, check_mode, image_size, unreadable
from rarepix.data.inventory.stored import content_key, recall, store
from rarepix.data.inventory.threads import Advance, in_threads
from rarepix.data.source import DataError, Item
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


def _count(item: Item, labels: LabelSpace) -> list[int] | list[Problem]:
    """Return the item's row, or everything that is wrong with it."""
    problems, ids, size, wanted = [], None, None, None
    try:
        ids, size = count_ids(item.mask)
    except FileNotFoundError:
        problems.append(_missing(item, item.mask))
    except DataError as error:
        problems.append(Problem(Kind.MASK, item.id, str(error)))
    try:
        wanted = image_size(item.image)
    except DataError as error:
        gone = not item.image.exists()
        problems.append(_missing(item, item.image) if gone else Problem(Kind.IMAGE, item.id, str(error)))
    if size and wanted and size != wanted:
        text = (
            f"{item.mask} must have the size of its image, {wanted[0]}×{wanted[1]}, but has {size[0]}×{size[1]}: "
            f"put the right pair together, or take {item.id} out of the list"
        )
        problems.append(Problem(Kind.SIZE, item.id, text))
    if ids and sum(ids[: labels.count]) + ids[labels.ignore] != size[0] * size[1]:
        strange = [number for number, pixels in enumerate(ids) if pixels and _is_outside(number, labels)]
        known = f"ids 0 to {labels.count - 1} or {labels.ignore} (ignored)"
        text = (
            f"{item.mask} must hold {known}, but holds {strange}: "
            f"name all classes, and the ignored id, in dataset.json, or correct the mask"
        )
        problems.append(Problem(Kind.IDS, item.id, text))
    return problems or [*ids[: labels.count], ids[labels.ignore], size[1], size[0]]


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
    return Problem(Kind.MISSING, item.id, text)
