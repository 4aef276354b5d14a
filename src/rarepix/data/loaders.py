"""Loaders: batches of equal size for the network, padded where needed."""

import os

import cv2
import torch
from torch.nn.functional import pad
from torch.utils.data import DataLoader, Sampler

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.samplers import Share
from rarepix.data.transforms.settings import STRIDE

WHOLE = Share()


class Collate:
    """Stacks samples; pads rows and columns at the far end to the largest of the batch, rounded up to the stride.

    Padding is 0 in the image and the ignore id in the mask, so that counts stay those of the images.
    """

    def __init__(self, ignore: int) -> None:
        self.ignore = ignore

    def __call__(self, samples: list[dict]) -> dict:
        """Return ``{"image": N 3 H W uint8, "mask": N H W uint8, "id": list}``, maybe ``"paste": N int64``."""
        rows = _round_up(max(sample["image"].shape[1] for sample in samples))
        columns = _round_up(max(sample["image"].shape[2] for sample in samples))
        images, masks = [], []
        for sample in samples:
            image, mask = sample["image"], sample["mask"]
            edge = (0, columns - image.shape[2], 0, rows - image.shape[1])
            images.append(pad(image, edge) if any(edge) else image)
            masks.append(pad(mask, edge, value=self.ignore) if any(edge) else mask)
        batch = {"image": torch.stack(images), "mask": torch.stack(masks), "id": [sample["id"] for sample in samples]}
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
    sampler: Sampler | None = None,
    share: Share = WHOLE,
) -> DataLoader:
    """Return a loader; with a *sampler* (training) the last batch is left out if it is not full.

    Without one it gives all images in their order, or the batches of them that fall to a *share*.
    """
    if sampler is None and share.size > 1:
        batches = {"batch_sampler": share.of_all_batches(len(dataset), batch_size)}
    else:
        batches = {"batch_size": batch_size, "sampler": sampler, "drop_last": sampler is not None}
    if workers:
        # Loader processes, which share the cores, inherit it. Set in them it hangs if OpenCV had threads before.
        cv2.setNumThreads(1)
    return DataLoader(
        dataset,
        **batches,
        collate_fn=Collate(ignore),
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=pin_memory,
    )


def worker_count(wanted: int | str, *, gpu: bool, devices: int = 1) -> int:
    """Return the number of loader processes of each device that ``data.workers`` stands for on this machine."""
    if wanted != "auto":
        return int(wanted)
    return min(8, max(1, (os.cpu_count() or 1) // devices)) if gpu else 0


def _round_up(side: int) -> int:
    return -(-side // STRIDE) * STRIDE
