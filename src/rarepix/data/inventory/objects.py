"""The objects of a dataset: connected regions of one class, and how many pixels they have."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from rarepix.data.inventory.cache import cache_file, load_table, store_table
from rarepix.data.inventory.threads import Advance, in_threads
from rarepix.data.masks import read_mask
from rarepix.data.source import Item, Size
from rarepix.labels import LabelSpace, hard_mask

COLUMNS = ["image", "class", "pixels"]


def find_objects(
    items: Sequence[Item],
    labels: LabelSpace,
    *,
    sizes: Mapping[str, Size] | None = None,
    cache: Path | None = None,
    progress: Advance | None = None,
) -> pd.DataFrame:
    """Return a table with a row for each object: image, class, pixels.

    An object is a region of one class whose pixels touch at a side or a corner. The background has none. Two things
    of a class that touch are one object, and one thing behind a pole is two: semantic masks do not tell them apart.
    Where classes overlap, each has its own objects. Of a soft mask an object is where ``is_on``.

    All *items* must be usable. *sizes* has the rows and columns of each image by its id; without it they are read. The
    other arguments are those of ``take_inventory``.

    Raises:
        DataError: a mask cannot be read.
    """
    file = cache_file(cache, items, labels, ".objects.parquet")
    stored = load_table(file, COLUMNS)
    if stored is not None:
        return stored

    def objects_of(item: Item) -> dict[int, np.ndarray]:
        return object_sizes(item.mask.read(sizes[item.id]) if sizes else read_mask(item), labels)

    rows = [
        (item.id, labels.names[number], pixels)
        for item, objects in zip(items, in_threads(objects_of, items, progress), strict=True)
        for number, of_class in objects.items()
        for pixels in of_class.tolist()
    ]
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"pixels": np.int64})
    if file:
        store_table(table, file)
    return table


def object_sizes(mask: np.ndarray, labels: LabelSpace) -> dict[int, np.ndarray]:
    """Return class id → pixels of each of its objects in *mask* (see ``Mask.read``), without the background."""
    mask = hard_mask(mask, labels)
    if mask.ndim == 3:
        return {number: _region_sizes(mask[..., number] == 1) for number in range(mask.shape[2])}
    present = np.flatnonzero(np.bincount(mask.ravel(), minlength=labels.count)[: labels.count])
    return {int(number): _region_sizes(mask == number) for number in present if number != labels.background}


def _region_sizes(region: np.ndarray) -> np.ndarray:
    """Return the number of pixels of every 8-connected component of *region*, H W bool."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(region.view(np.uint8), connectivity=8)
    return stats[1:, cv2.CC_STAT_AREA]  # the first one is everything outside the region
