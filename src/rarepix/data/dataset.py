"""Items to samples: read (or take from memory), augment, turn into tensors."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch.utils.data import Dataset

from rarepix.data.augment import Augment
from rarepix.data.inventory import read_image, read_mask
from rarepix.data.samplers import Draw
from rarepix.data.source import DataError, Item


class SegmentationDataset(Dataset):
    """Samples ``{"image": 3 H W uint8, "mask": H W uint8 ids, "id": str}``.

    Indexed by a ``Draw`` (training) or by a plain index (evaluation, nothing random).
    """

    def __init__(self, items: Sequence[Item], *, augment: Augment | None = None, in_memory: bool = False) -> None:
        self.items = list(items)
        self.augment = augment
        self.decoded: list[tuple[np.ndarray, np.ndarray]] | None = None
        if in_memory:
            # decoded before the loader's workers are forked, so that they share one copy
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                self.decoded = list(pool.map(_read, self.items))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, draw: Draw | int) -> dict:
        index, seed = draw if isinstance(draw, tuple) else (draw, None)
        image, mask = self.decoded[index] if self.decoded is not None else _read(self.items[index])
        if self.augment is not None and seed is not None:
            image, mask = self.augment(image, mask, seed)
        return {
            "image": torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1),
            "mask": torch.from_numpy(np.ascontiguousarray(mask)),
            "id": self.items[index].id,
        }


def decoded_gib(heights: np.ndarray, widths: np.ndarray) -> float:
    """Return the memory that images and masks of these sizes take when decoded, in GiB."""
    return float((heights.astype(np.int64) * widths * 4).sum()) / 2**30


def check_crop(items: Sequence[Item], heights: np.ndarray, widths: np.ndarray, crop: tuple[int, int] | None) -> None:
    """Raise ``DataError`` if an image is smaller than the crop."""
    if crop is None:
        return
    small = np.flatnonzero((heights < crop[0]) | (widths < crop[1]))
    if len(small):
        first = small[0]
        raise DataError(
            f"every image must be at least as large as augment.crop = {crop[0]}×{crop[1]} (rows × columns), but "
            f"{items[first].image} is {heights[first]}×{widths[first]} ({len(small)} such images): "
            f"use a smaller crop or augment.crop=null"
        )


def _read(item: Item) -> tuple[np.ndarray, np.ndarray]:
    return read_image(item.image), read_mask(item.mask)
