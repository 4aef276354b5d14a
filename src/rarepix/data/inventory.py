"""The inventory: pixel counts per image and class, integers only. Presence and shares are functions of it."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rarepix.data.source import DataError, Item
from rarepix.files import replacing
from rarepix.labels import LabelSpace

BORDER = "border"
"""Column of the pixels that are ignored."""
NAMED_AT_MOST = 10
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises for a file that is no whole image."""
ENDING = 1024
ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
"""What the last bytes of a whole file hold: a cheap sign, decoding every image would take many times longer."""


def read_image(path: Path) -> np.ndarray:
    """Return an image as H W 3 uint8.

    Raises:
        DataError: the file is not a whole image.
    """
    try:
        with Image.open(path) as file:
            return np.array(file.convert("RGB"))
    except UNREADABLE as error:
        raise DataError(
            f"{path} must be a readable image, but: {error}: repair it, or take it out of the list"
        ) from error


def read_mask(path: Path) -> np.ndarray:
    """Return the ids of a mask as H W uint8 (for a palette file the indices, not the colours).

    Raises:
        DataError: the file is not a whole 8-bit palette or grey image.
    """
    try:
        with Image.open(path) as file:
            mode, ids = file.mode, np.array(file)
    except UNREADABLE as error:
        raise DataError(
            f"{path} must be a readable mask, but: {error}: repair it, or take it out of the list"
        ) from error
    if mode not in ("P", "L", "1"):
        raise DataError(f"{path} must be an 8-bit palette or grey image of class ids, but has mode {mode!r}")
    return ids.astype(np.uint8)


def take_inventory(items: Sequence[Item], labels: LabelSpace, *, cache: Path | None = None) -> pd.DataFrame:
    """Return pixel counts, one row an item (index: id) and one column a class, then ``border``, ``height``, ``width``.

    Args:
        items: what to count, each id once.
        labels: what the ids mean.
        cache: folder in which the table is kept; it is read back while names, sizes and times of all files are
            the same.

    Raises:
        DataError: names every file that is unreadable, of another size than its image, or has ids outside *labels*.
    """
    taken = sorted({BORDER, "height", "width"} & set(labels.names))
    if taken:
        raise DataError(f"no class may be called {BORDER}, height or width, but got {taken}: rename it in dataset.json")
    stored = cache / f"{_fingerprint(items, labels)}.parquet" if cache else None
    if stored and stored.is_file():
        return pd.read_parquet(stored)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(lambda item: _count(item, labels), items))
    problems = [row for row in rows if isinstance(row, str)]
    if problems:
        more = f"\n… and {len(problems) - NAMED_AT_MOST} more" if len(problems) > NAMED_AT_MOST else ""
        raise DataError("\n".join(problems[:NAMED_AT_MOST]) + more)
    columns = [*labels.names, BORDER, "height", "width"]
    table = pd.DataFrame(rows, columns=columns, index=pd.Index([item.id for item in items], name="image"))
    if stored:
        with replacing(stored) as temporary:
            table.to_parquet(temporary)
    return table


def inventory_hash(table: pd.DataFrame) -> str:
    """Return a hash of the counts themselves: the same on every machine that has the same masks."""
    return hashlib.sha256(table.sort_index().to_csv().encode()).hexdigest()[:16]


def _count(item: Item, labels: LabelSpace) -> np.ndarray | str:
    """Return the item's row, or what is wrong with it."""
    try:
        mask = read_mask(item.mask)
        width, height = _size(item.image)
    except DataError as error:
        return str(error)
    except UNREADABLE as error:
        return f"{item.image} must be a readable image, but: {error}: repair it, or take it out of the list"
    if mask.shape != (height, width):
        return f"{item.mask} must have the size of its image, {width}×{height}, but has {mask.shape[1]}×{mask.shape[0]}"
    counts = np.bincount(mask.ravel(), minlength=256)
    known = counts[: labels.count].sum() + counts[labels.ignore]
    if known != mask.size:
        strange = [int(i) for i in np.flatnonzero(counts) if i >= labels.count and i != labels.ignore]
        return f"{item.mask} must hold ids 0 to {labels.count - 1} or {labels.ignore} (ignored), but holds {strange}"
    return np.array([*counts[: labels.count], counts[labels.ignore], height, width], dtype=np.int64)


def _size(path: Path) -> tuple[int, int]:
    """Return width and height of an image from its header; an image whose end looks cut off is decoded to be sure."""
    with Image.open(path) as image:
        size, end = image.size, ENDS.get(image.format)
    with path.open("rb") as file:
        file.seek(-min(ENDING, path.stat().st_size), os.SEEK_END)
        whole = end is None or end in file.read()
    return size if whole else read_image(path).shape[1::-1]


def _fingerprint(items: Sequence[Item], labels: LabelSpace) -> str:
    digest = hashlib.sha256(repr(labels).encode())
    for item in items:
        for path in (item.image, item.mask):
            stat = path.stat()
            digest.update(f"{item.id}|{path.absolute()}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]
