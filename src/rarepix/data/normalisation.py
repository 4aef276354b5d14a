"""Mean and standard deviation of each band, measured on the training part and cached with the content of its images."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from rarepix.data.images import read_pixels, scaled
from rarepix.data.inventory.cache import load_table, store_table
from rarepix.data.inventory.threads import in_threads
from rarepix.data.source import Item
from rarepix.files import sha256

COLUMNS = ["mean", "std", "outside"]


class Normalisation(NamedTuple):
    """How a network's input is normalised, as shares of ``Bands.full_scale``."""

    mean: tuple[float, ...]
    """Of each band, over all pixels of all images."""
    std: tuple[float, ...]
    """Standard deviation of each band; 1 of a band that is the same everywhere."""
    outside: float = 0.0
    """Share of the values that are outside the range of the recipe, which become 0 or 1."""

    def by_name(self) -> dict[str, list[float]]:
        """Return ``mean`` and ``std`` of each band, as a checkpoint keeps them."""
        return {"mean": list(self.mean), "std": list(self.std)}


class _Sums(NamedTuple):
    pixels: int
    total: np.ndarray
    """Sum of each band."""
    squares: np.ndarray
    outside: int
    """Values outside the range, of all bands."""


def measure_normalisation(items: Sequence[Item], *, cache: Path | None = None) -> Normalisation:
    """Return mean and standard deviation of each band over the images of *items*, one or more.

    Images are read one after the other, and only sums are kept. In the folder *cache* the result is stored under a hash
    of the images' content.

    Raises:
        DataError: an image cannot be read.
    """
    file = cache / f"bands-{_content_key(items)}.parquet" if cache else None
    table = load_table(file, COLUMNS)
    if table is None:
        table = _measure(items)
        if file:
            store_table(table, file)
    return Normalisation(tuple(table["mean"]), tuple(table["std"]), float(table["outside"].iloc[0]))


def _measure(items: Sequence[Item]) -> pd.DataFrame:
    # added up in the order of the items, so that the result is the same on every machine
    pixels, total, squares, outside = (sum(part) for part in zip(*in_threads(_sums, items), strict=True))
    mean = total / pixels
    std = np.sqrt(np.maximum(squares / pixels - mean**2, 0))
    std[std <= 1e-6 * np.maximum(np.abs(mean), 1e-6)] = 1.0  # a band that is the same everywhere, but for rounding
    return pd.DataFrame({"mean": mean, "std": std, "outside": outside / (pixels * len(mean))})


def _sums(item: Item) -> _Sums:
    decoded = read_pixels(item.image, item.bands)
    values = scaled(decoded, item.bands, item.image).astype(np.float64) / item.bands.full_scale
    outside = 0
    if item.bands.range:
        low, high = item.bands.range
        outside = int(((decoded.pixels < low) | (decoded.pixels > high)).sum())
    rows, columns, _ = values.shape
    return _Sums(rows * columns, values.sum(axis=(0, 1)), np.einsum("hwc,hwc->c", values, values), outside)


def _content_key(items: Sequence[Item]) -> str:
    digest = hashlib.sha256()
    for item, content in zip(items, in_threads(lambda item: sha256(item.image), items), strict=True):
        digest.update(f"{item.bands}|{content}\n".encode())
    return digest.hexdigest()[:32]
