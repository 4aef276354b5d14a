"""Data loaders: samples stacked into batches, padded to a common size."""

import os
from collections.abc import Callable

import cv2
import torch
from torch.nn.functional import pad
from torch.utils.data import DataLoader, Sampler

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.samplers import RankShard
from rarepix.settings import STRIDE

WHOLE = RankShard()


class Collate:
    """Stacks samples; pads images at the bottom and right to the largest of the batch, rounded up to the stride.

    Masks are padded to the same size, or, if one has another size than its image, to the largest mask of the batch.
    Padding is 0 in the image and the ignore id in the mask, so that it is not counted.
    """

    def __init__(self, ignore: int, stride: int = STRIDE) -> None:
        self.ignore, self.stride = ignore, stride

    def __call__(self, samples: list[dict]) -> dict:
        """Return ``{"image": N 3 H W uint8, "mask": N H W (multilabel: N C H W) uint8, "id": list}``.

        Also ``"image_size"`` and ``"mask_size"``, lists of rows and columns before padding, and with a paste
        ``"paste"``, N int64.
        """
        images, masks = ([sample[key] for sample in samples] for key in ("image", "mask"))
        padded_size = tuple(round_up(side, self.stride) for side in _largest(images))
        same_sizes = all(image.shape[-2:] == mask.shape[-2:] for image, mask in zip(images, masks, strict=True))
        mask_size = padded_size if same_sizes else _largest(masks)
        batch = {
            "image": torch.stack([padded(image, padded_size, 0) for image in images]),
            "mask": torch.stack([padded(mask, mask_size, self.ignore) for mask in masks]),
            "id": [sample["id"] for sample in samples],
            "image_size": [tuple(image.shape[-2:]) for image in images],
            "mask_size": [tuple(mask.shape[-2:]) for mask in masks],
        }
        if "paste" in samples[0]:
            batch["paste"] = torch.tensor([sample["paste"] for sample in samples])
        return batch


def build_loader(
    dataset: SegmentationDataset,
    *,
    batch_size: int,
    ignore: int,
    workers: int,
    pin_memory: bool,
    stride: int = STRIDE,
    sampler: Sampler | None = None,
    share: RankShard = WHOLE,
    collate: Callable[[list[dict]], dict] | None = None,
) -> DataLoader:
    """Return a loader; with a *sampler* (training) an incomplete last batch is dropped.

    Without one (evaluation) it yields all images in their order, or, on several devices, the batches of one *share*.

    Args:
        ignore: id that masks are padded with.
        workers: loader processes; 0: load in this process.
        pin_memory: whether batches are in pinned memory, for faster copies to a GPU.
        stride: of the network; images are padded to multiples of it.
        sampler: order of the training samples.
        share: of this device; without a sampler only.
        collate: makes a batch of samples; None: ``Collate``.
    """
    if sampler is None and share.size > 1:
        batches = {"batch_sampler": share.of_all_batches(len(dataset), batch_size)}
    else:
        batches = {"batch_size": batch_size, "sampler": sampler, "drop_last": sampler is not None}
    if workers:
        # Inherited by the loader processes, which share the cores. Set there, it hangs if OpenCV had threads before.
        cv2.setNumThreads(1)
    return DataLoader(
        dataset,
        **batches,
        collate_fn=collate or Collate(ignore, stride),
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=pin_memory,
    )


def worker_count(wanted: int | str, *, gpu: bool, devices: int = 1) -> int:
    """Return the number of loader processes of each device for a value of ``data.workers`` on this machine."""
    if wanted != "auto":
        return int(wanted)
    return min(8, max(1, (os.cpu_count() or 1) // devices)) if gpu else 0


def _largest(tensors: list[torch.Tensor]) -> tuple[int, int]:
    """Return the largest number of rows and of columns of the tensors (… H W)."""
    rows, columns = (max(tensor.shape[axis] for tensor in tensors) for axis in (-2, -1))
    return rows, columns


def padded(tensor: torch.Tensor, size: tuple[int, ...], value: int) -> torch.Tensor:
    """Return a tensor … H W padded with *value* at the bottom and right to *size* (rows, columns)."""
    edge = (0, size[1] - tensor.shape[-1], 0, size[0] - tensor.shape[-2])
    return pad(tensor, edge, value=value) if any(edge) else tensor


def round_up(side: int, stride: int) -> int:
    """Return *side* rounded up to a multiple of *stride*."""
    return -(-side // stride) * stride
