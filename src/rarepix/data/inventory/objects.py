"""The objects of a dataset: connected regions of one class, and how many pixels they have."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from rarepix.data.inventory.cache import cache_file, load_table, store_table
from rarepix.data.inventory.threads import Advance, in_threads
from rarepix.data.masks import read_mask
from rarepix.data.source import Item
from rarepix.labels import LabelSpace

COLUMNS = ["image", "class", "pixels"]


def find_objects(
    items: Sequence[Item], labels: LabelSpace, *, cache: Path | None = None, progress: Advance | None = None
) -> pd.DataFrame:
    """Return a table with a row for each object: image, class, pixels.

    An object is a region of one class whose pixels touch at a side or a corner. The background has none. Two things
    of a class that touch are one object, and one thing behind a pole is two: semantic masks do not tell them apart.
    Where a mask has a file for each class, each class has its own objects.

    All *items* must be usable. The arguments are those of ``take_inventory``.

    Raises:
        DataError: a mask cannot be read.
    """
    file = cache_file(cache, items, labels, ".objects.parquet")
    stored = load_table(file, COLUMNS)
    if stored is not None:
        return stored
    sizes_of_items = in_threads(lambda item: object_sizes(read_mask(item), labels), items, progress)
    rows = [
        (item.id, labels.names[number], pixels)
        for item, sizes in zip(items, sizes_of_items, strict=True)
        for number, of_class in sizes.items()
        for pixels in of_class.tolist()
    ]
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"pixels": np.int64})
    if file:
        store_table(table, file)
    return table


def object_sizes(mask: np.ndarray, labels: LabelSpace) -> dict[int, np.ndarray]:
    """Return class id → pixels of each of its objects in *mask* (H W uint8 ids, or H W C of 0 and 1), no background."""
    if mask.ndim == 3:
        return {number: _region_sizes(mask[..., number] == 1) for number in range(mask.shape[2])}
    present = np.flatnonzero(np.bincount(mask.ravel(), minlength=labels.count)[: labels.count])
    return {int(number): _region_sizes(mask == number) for number in present if number != labels.background}


def _region_sizes(region: np.ndarray) -> np.ndarray:
    """Return the number of pixels of every 8-connected component of *region*, H W bool."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(region.view(np.uint8), connectivity=8)
    return stats[1:, cv2.CC_STAT_AREA]  # the first one is everything outside the region
