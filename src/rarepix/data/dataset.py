"""The dataset: from an item to a sample of tensors (read, resize, geometry, paste, colour)."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from torch.utils.data import Dataset

from rarepix.data.images import read_image
from rarepix.data.masks import read_mask
from rarepix.data.samplers import SampleIndex
from rarepix.data.source import Item, Size
from rarepix.data.transforms.augment import Augment
from rarepix.data.transforms.paste import Paste
from rarepix.data.transforms.resizing import fitted, resize_image, resize_mask
from rarepix.seeding import stable_hash


class SegmentationDataset(Dataset):
    """Samples ``{"image": C H W uint8 or float32, "mask": H W uint8 ids (multilabel: C H W of 0 and 1), "id": str}``.

    Values of soft masks are shares, see ``LabelSpace.scale``.

    Indexed by a ``SampleIndex`` (training) or by a plain index (evaluation, nothing random). With a *paste*, a training
    sample also has ``"paste"``, the number of its ``PasteOutcome``.

    Args:
        items: what to read.
        augment: geometry, applied before the paste, and colour, applied after it.
        paste: what of other items is pasted into an item.
        in_memory: decode all items now, once.
        resize: rows and columns, or the longest side, to which images are resized before anything else. The mask of a
            training sample is resized with its image; for evaluation a mask keeps its own size.
        soft: masks are soft, and so are interpolated where they are resized.
    """

    def __init__(
        self,
        items: Sequence[Item],
        *,
        augment: Augment | None = None,
        paste: Paste | None = None,
        in_memory: bool = False,
        resize: int | Size | None = None,
        soft: bool = False,
    ) -> None:
        self.items = list(items)
        self.augment, self.paste, self.resize, self.soft = augment, paste, resize, soft
        self._native_masks = augment is None and paste is None  # an evaluation dataset
        self.decoded: list[tuple[np.ndarray, np.ndarray]] | None = None
        if in_memory:
            # decoded before the loader's workers are forked, so that they share one copy
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                self.decoded = list(pool.map(partial(self._read, native=self._native_masks), self.items))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, sample_index: SampleIndex | int) -> dict:
        index, seed = sample_index if isinstance(sample_index, tuple) else (sample_index, None)
        image, mask = self._decode(index, native=seed is None)
        outcome = None
        if seed is not None:
            image, mask, outcome = self._transform(image, mask, seed)
        sample = {
            "image": torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1),
            "mask": torch.from_numpy(np.ascontiguousarray(mask if mask.ndim == 2 else mask.transpose(2, 0, 1))),
            "id": self.items[index].id,
        }
        return sample if outcome is None else sample | {"paste": int(outcome)}

    def _transform(self, image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, int | None]:
        outcome = None
        if self.augment is not None:
            image, mask = self.augment.transform_geometry(image, mask, seed)
        if self.paste is not None:
            image, mask, outcome = self.paste(image, mask, partial(self._donor, seed=seed), seed)
        if self.augment is not None:
            image = self.augment.transform_colour(image, seed)
        return image, mask, outcome

    def _donor(self, index: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        image, mask = self._decode(index, native=False)
        if self.augment is None or not self.paste.whole_donors:
            return image, mask
        return self.augment.transform_geometry(image, mask, stable_hash(seed, "donor") % 2**32)

    def _decode(self, index: int, *, native: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return an image and its mask, the mask in its own size (*native*) or in that of the image."""
        if self.decoded is None:
            return self._read(self.items[index], native=native)
        image, mask = self.decoded[index]
        if native and not self._native_masks and self.resize is not None:
            mask = read_mask(self.items[index])
        return image, mask if native else resize_mask(mask, image.shape[:2], soft=self.soft)

    def _read(self, item: Item, *, native: bool) -> tuple[np.ndarray, np.ndarray]:
        image = read_image(item.image, item.bands)
        mask = item.mask.read(image.shape[:2])
        if self.resize is not None:
            image = resize_image(image, fitted(image.shape[:2], self.resize))
        return image, mask if native else resize_mask(mask, image.shape[:2], soft=self.soft)


def decoded_gib(
    heights: np.ndarray,
    widths: np.ndarray,
    *,
    layers: int = 1,
    bytes_per_pixel: int = 3,
    resize: int | Size | None = None,
    native_masks: bool = False,
) -> float:
    """Return the memory, in GiB, that decoded images of these rows and columns take, with masks of so many *layers*.

    *bytes_per_pixel* are those of an image, see ``Bands``; *resize*: rows and columns, or the longest side, that images
    are resized to; with *native_masks*, as in evaluation, masks keep their own size.
    """
    images = native = heights.astype(np.int64) * widths
    if resize is not None:
        sizes = [fitted(shape, resize) for shape in zip(heights.tolist(), widths.tolist(), strict=True)]
        images = np.array([rows * columns for rows, columns in sizes], np.int64)
    return float((images * bytes_per_pixel + (native if native_masks else images) * layers).sum()) / 2**30
