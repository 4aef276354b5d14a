"""Pixel counts per image and class, of all images, with everything that is wrong with them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from rarepix.data.images import image_size
from rarepix.data.inventory.cache import cache_file, load_table, store_table
from rarepix.data.inventory.palettes import check_palettes
from rarepix.data.inventory.problems import Problem, ProblemKind, refuse
from rarepix.data.inventory.threads import Advance, in_threads
from rarepix.data.source import DataError, Item
from rarepix.labels import LabelSpace

BORDER = "border"
"""Column of the pixels that are ignored."""
SIZES = ("height", "width")


class Inventory(NamedTuple):
    """The counts of a dataset, and what is wrong with it."""

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
        cache: folder in which the table is stored; the stored one is returned while ids, the content of the masks and
            the lengths of the images' files are the same, wherever the files are.
        progress: called with the number of images that were counted since the last call.

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
    reserved = sorted({BORDER, *SIZES} & set(labels.names))
    if reserved:
        raise DataError(
            f"no class may be called {BORDER}, height or width, but got {reserved}: rename it in dataset.json"
        )
    columns = [*labels.names, BORDER, *SIZES]
    file = cache_file(cache, items, labels, ".parquet")
    stored = load_table(file, columns)
    if stored is not None and stored.index.tolist() == [item.id for item in items]:
        return Inventory(stored, check_palettes(items, stored, labels).contradicting)
    rows, problems = {}, []
    for item, result in zip(items, in_threads(lambda item: _count(item, labels), items, progress), strict=True):
        if isinstance(result[0], Problem):
            problems += result
        else:
            rows[item.id] = result
    table = pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), name="image"), columns=columns, dtype="int64")
    if file and not problems:
        store_table(table, file)
    return Inventory(table, problems + check_palettes(items, table, labels).contradicting)


def inventory_hash(table: pd.DataFrame) -> str:
    """Return a hash of the counts themselves: the same on every machine that has the same masks."""
    return hashlib.sha256(table.sort_index().to_csv().encode()).hexdigest()[:16]


def _count(item: Item, labels: LabelSpace) -> list[int] | list[Problem]:
    """Return the item's row, or everything that is wrong with it."""
    counts, size, problems, image_problems = None, None, [], []
    try:
        size = image_size(item.image, item.bands)[::-1]
    except DataError as error:
        unreadable = Problem(ProblemKind.IMAGE, item.id, str(error))
        image_problems = [unreadable if item.image.exists() else _missing_file(item, item.image)]
    try:
        counts = item.mask.count(labels, size)
    except FileNotFoundError:
        problems += [_missing_file(item, file) for file in item.mask.files if not file.exists()]
    except DataError as error:
        problems.append(Problem(ProblemKind.MASK, item.id, str(error)))
    problems += image_problems
    if counts and size and counts.size != size:
        message = (
            f"{item.mask.files[0]} must have the size of its image, {size[1]}×{size[0]}, but has "
            f"{counts.size[1]}×{counts.size[0]}: put the right pair together, or take {item.id} out of the list"
        )
        problems.append(Problem(ProblemKind.SIZE, item.id, message))
    if counts and counts.unknown_ids:
        message = (
            f"{item.mask.files[0]} must hold ids 0 to {labels.count - 1} or {labels.ignore} (ignored), but holds "
            f"{list(counts.unknown_ids)}: name all classes, and the ignored id, in dataset.json, or correct the mask"
        )
        problems.append(Problem(ProblemKind.IDS, item.id, message))
    return problems if counts is None or problems else [*counts.pixels, counts.ignored, *counts.size]


def _missing_file(item: Item, path: Path) -> Problem:
    message = f"{path} must exist, but does not: add it, or take {item.id} out of the list"
    return Problem(ProblemKind.MISSING, item.id, message)
