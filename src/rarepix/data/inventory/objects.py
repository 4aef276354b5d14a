"""The objects of a dataset: connected regions of one class, and how many pixels they have."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rarepix.data.inventory.cache import content_key, recall, store
from rarepix.data.inventory.masks import read_mask
from rarepix.data.inventory.threads import Advance, in_threads
from rarepix.data.source import Item
from rarepix.labels import LabelSpace

COLUMNS = ["image", "class", "pixels"]


def find_objects(
    items: Sequence[Item], labels: LabelSpace, *, cache: Path | None = None, progress: Advance | None = None
) -> pd.DataFrame:
    """Return a table with a row for each object: image, class, pixels.

    An object is a region of one class whose pixels touch at a side or a corner. The background has none. Two things
    of a class that touch are one object, and one thing behind a pole is two: masks of classes cannot tell. Where
    classes are layers, each layer has its own objects.

    Args:
        items: whose masks to read; all of them must be usable.
        labels: what the ids mean.
        cache: folder in which the table is kept; see ``take_inventory``.
        progress: is told how many more masks are done.

    Raises:
        DataError: a mask cannot be read.
    """
    key = content_key(items, labels) if cache else None
    stored = cache / f"{key}.objects.parquet" if cache and key else None
    known = recall(stored, COLUMNS) if stored else None
    if known is not None:
        return known
    images, classes, pixels = [], [], []
    found = in_threads(lambda item: _objects(read_mask(item), labels), items, progress)
    for item, (ids, sizes) in zip(items, found, strict=True):
        images += [item.id] * len(ids)
        classes += [labels.names[number] for number in ids]
        pixels += sizes.tolist()
    table = pd.DataFrame({"image": images, "class": classes, "pixels": np.array(pixels, np.int64)}, columns=COLUMNS)
    if stored:
        store(table, stored)
    return table


def _objects(mask: np.ndarray, labels: LabelSpace) -> tuple[np.ndarray, np.ndarray]:
    """Return the class and the number of pixels of every object."""
    if mask.ndim == 3:
        of_each = [regions(np.ascontiguousarray(mask[..., number])) for number in range(mask.shape[2])]
        sizes = [pixels[ids == 1] for ids, pixels in of_each]
        return np.repeat(np.arange(len(sizes)), [len(pixels) for pixels in sizes]), np.concatenate(sizes)
    ids, sizes = regions(mask)
    real = (ids < labels.count) & (ids != (labels.ignore if labels.background is None else labels.background))
    return ids[real], sizes[real]


def regions(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the id and the number of pixels of every connected region of one id (pixels touch at sides or corners).

    All ids at once: the runs of equal ids in the rows are nodes of a graph, those that touch are joined.

    Args:
        mask: H W uint8.
    """
    width, flat = mask.shape[1], mask.ravel()
    change = flat[1:] != flat[:-1]
    change[width - 1 :: width] = True  # a run ends with its row
    starts = np.concatenate([[0], np.flatnonzero(change) + 1])
    ends = np.append(starts[1:], flat.size)
    ids = flat[starts]
    upper, lower = _touching(starts, ends, width)
    same = ids[upper] == ids[lower]
    graph = coo_array((np.ones(same.sum(), bool), (upper[same], lower[same])), shape=(len(starts), len(starts)))
    count, region = connected_components(graph, directed=False)
    region_ids = np.empty(count, np.uint8)
    region_ids[region] = ids
    return region_ids, np.bincount(region, weights=ends - starts, minlength=count).astype(np.int64)


def _touching(starts: np.ndarray, ends: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of runs of which the second lies below the first and touches it, at least at a corner.

    Args:
        starts: first pixel of every run, counted row by row from 0.
        ends: one past the last pixel.
        width: pixels in a row.
    """
    above = np.flatnonzero(starts + width < ends[-1])
    row_below = (starts[above] // width + 1) * width
    leftmost = np.maximum(starts[above] + width - 1, row_below)
    rightmost = np.minimum(ends[above] + width, row_below + width - 1)
    first = np.searchsorted(starts, leftmost, side="right") - 1
    count = np.searchsorted(starts, rightmost, side="right") - first
    before = np.cumsum(count) - count
    return np.repeat(above, count), np.arange(count.sum()) + np.repeat(first - before, count)
