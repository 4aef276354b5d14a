"""Items to samples: read (or take from memory), place, paste, colour, turn into tensors."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from torch.utils.data import Dataset

from rarepix.data.inventory import read_image, read_mask
from rarepix.data.samplers import Draw
from rarepix.data.source import Item
from rarepix.data.transforms.augment import Augment
from rarepix.data.transforms.paste import Paste
from rarepix.seeding import stable_hash


class SegmentationDataset(Dataset):
    """Samples ``{"image": 3 H W uint8, "mask": H W uint8 ids, "id": str}``.

    Indexed by a ``Draw`` (training) or by a plain index (evaluation, nothing random). Where something may be pasted, a
    training sample has ``"paste"`` besides, the number of the ``Outcome``.

    Args:
        items: what to read.
        augment: geometry, which comes before the paste, and colour, which comes after it.
        paste: what of other items is put into an item.
        in_memory: decode all items now, once.
    """

    def __init__(
        self,
        items: Sequence[Item],
        *,
        augment: Augment | None = None,
        paste: Paste | None = None,
        in_memory: bool = False,
    ) -> None:
        self.items = list(items)
        self.augment, self.paste = augment, paste
        self.decoded: list[tuple[np.ndarray, np.ndarray]] | None = None
        if in_memory:
            # decoded before the loader's workers are forked, so that they share one copy
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                self.decoded = list(pool.map(_read, self.items))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, draw: Draw | int) -> dict:
        index, seed = draw if isinstance(draw, tuple) else (draw, None)
        image, mask = self._decode(index)
        outcome = None
        if seed is not None:
            image, mask, outcome = self._transform(image, mask, seed)
        sample = {
            "image": torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1),
            "mask": torch.from_numpy(np.ascontiguousarray(mask)),
            "id": self.items[index].id,
        }
        return sample if outcome is None else sample | {"paste": int(outcome)}

    def _transform(self, image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, int | None]:
        outcome = None
        if self.augment is not None:
            image, mask = self.augment.place(image, mask, seed)
        if self.paste is not None:
            image, mask, outcome = self.paste(image, mask, partial(self._donor, seed=seed), seed)
        if self.augment is not None:
            image = self.augment.colour(image, seed)
        return image, mask, outcome

    def _donor(self, index: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        image, mask = self._decode(index)
        if self.augment is None or not self.paste.whole_donors:
            return image, mask
        return self.augment.place(image, mask, stable_hash(seed, "donor") % 2**32)

    def _decode(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.decoded[index] if self.decoded is not None else _read(self.items[index])


def decoded_gib(heights: np.ndarray, widths: np.ndarray) -> float:
    """Return the memory that images and masks of these sizes take when decoded, in GiB."""
    return float((heights.astype(np.int64) * widths * 4).sum()) / 2**30


def _read(item: Item) -> tuple[np.ndarray, np.ndarray]:
    return read_image(item.image), read_mask(item.mask)
