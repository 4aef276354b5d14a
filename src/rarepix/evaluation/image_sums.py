"""Sums of every image of every split, which a trial takes after training, as a table and as its record keeps them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from rarepix.engine import distributed
from rarepix.labels import LabelSpace
from rarepix.metrics.sums import CONFUSION, OF_A_BATCH
from rarepix.record_splits import ANY_CLASS, ClassCounts, PresenceHistogram, SplitSums
from rarepix.scores import KINDS, KINDS_OF, by_kind, pool

if TYPE_CHECKING:
    import lightning.pytorch as pl


class ImageSums(NamedTuple):
    """Sums of the images of one split."""

    ids: list[str]
    sums: dict[str, np.ndarray]
    """Name → array whose first axis is the image, see ``metrics.sums.image_sums``; a row of those ``OF_A_BATCH`` is of
    several images."""

    @property
    def pooled(self) -> dict[str, np.ndarray]:
        """The sums over all images."""
        return pool(self.sums)


def sum_images(
    trainer: "pl.Trainer", module: "pl.LightningModule", loaders: Mapping[str, DataLoader], checkpoint: Path
) -> dict[str, ImageSums]:
    """Return for each split the sums of the network in *checkpoint* on every image, in the order of its loader.

    With several processes each takes those of its share of the images, and all return the sums of all images.
    """
    trainer.test(module, list(loaders.values()), ckpt_path=str(checkpoint), weights_only=True, verbose=False)
    splits = {}
    for position, split in enumerate(loaders):
        splits[split] = joined(module.collected[position], [item.id for item in loaders[split].dataset.items])
    return splits


def joined(batches: Sequence[tuple[list[str], dict[str, Tensor]]], all_ids: list[str]) -> ImageSums:
    """Return the sums of the images *all_ids* of a split, of which *batches* are (ids, sums by name).

    With several processes each has the batches of its share of the images, and all return the sums of all images.
    """
    ids = [name for names, _ in batches for name in names]
    sums = {name: torch.cat([batch[name] for _, batch in batches]) for name in batches[0][1]}
    if distributed.world_size() > 1:
        ids, sums = all_ids, _gather(ids, sums, all_ids)
    return ImageSums(ids, {name: values.cpu().numpy() for name, values in sums.items()})


def _gather(ids: list[str], sums: Mapping[str, Tensor], all_ids: list[str]) -> dict[str, Tensor]:
    """Return the sums of all images in the order of *all_ids*, of which this process has those of *ids*."""
    row_of = {name: row for row, name in enumerate(all_ids)}
    rows = torch.tensor([row_of[name] for name in ids], device=next(iter(sums.values())).device)
    times = torch.zeros(len(all_ids), dtype=torch.long, device=rows.device)
    times.index_add_(0, rows, torch.ones_like(rows))
    assert (distributed.all_reduce_sum(times) == 1).all(), "every image must be counted by exactly one process"
    gathered = {}
    for name, values in sums.items():
        whole = values.sum(dim=0, keepdim=True)
        if name not in OF_A_BATCH:
            whole = values.new_zeros(len(all_ids), *values.shape[1:]).index_add_(0, rows, values)
        gathered[name] = distributed.all_reduce_sum(whole)
    return gathered


def image_table(splits: Mapping[str, ImageSums], labels: LabelSpace) -> pd.DataFrame:
    """Return a row per split, image and class with the integers tp, fp, fn, tn of pixels."""
    tables = {split: class_rows(ids, sums["pixels"], labels.names) for split, (ids, sums) in splits.items()}
    return pd.concat(tables, names=["split"]).reset_index("split").reset_index(drop=True)


def class_rows(ids: Sequence[str], counts: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Return a row per image and class of counts N C 4 of the classes *names*: image, class, tp, fp, fn, tn."""
    table = pd.DataFrame({kind: values.ravel() for kind, values in by_kind(counts).items()})
    table.insert(0, "class", np.tile(names, len(ids)))
    table.insert(0, "image", np.repeat(ids, len(names)))
    return table


def class_counts(images: ImageSums, labels: LabelSpace) -> dict[str, ClassCounts]:
    """Return class → pixels over all images, as a record keeps them."""
    return _counts_by_class(images.pooled["pixels"], labels.names)


def split_sums(images: ImageSums, labels: LabelSpace) -> SplitSums:
    """Return the sums over all images beside those of ``class_counts``, as a record keeps them."""
    pooled, foreground = images.pooled, labels.presence_names
    confusion, histogram = pooled.get(CONFUSION), pooled.get("presence_histogram")
    counts = {
        kind: _counts_by_class(pooled[kind], foreground) for kind in ("presence", "positive_pixels") if kind in pooled
    }
    floats = {
        kind: {
            name: dict(zip(KINDS_OF[kind], row, strict=True))
            for name, row in zip(names, pooled[kind].tolist(), strict=True)
        }
        for kind, names in (("soft", labels.names), ("surface", labels.names), ("image_dice", foreground))
        if kind in pooled
    }
    return SplitSums(
        confusion=None if confusion is None else tuple(map(tuple, confusion.tolist())),
        foreground=_class_counts(pooled["foreground"]) if "foreground" in pooled else None,
        presence_histogram=None if histogram is None else _histograms(histogram, foreground),
        **counts,
        **floats,
    )


def _histograms(histogram: np.ndarray, names: Sequence[str]) -> dict[str, PresenceHistogram]:
    """Return the bins with images of histograms K+1 B 2 of the classes *names* and, last, of any class."""
    histograms = {}
    for name, images in zip([*names, ANY_CLASS], histogram, strict=True):
        bins = np.flatnonzero(images.any(axis=-1))
        negatives, positives = images[bins].T.tolist()
        histograms[name] = PresenceHistogram(bins=bins.tolist(), negatives=negatives, positives=positives)
    return histograms


def _counts_by_class(counts: np.ndarray, names: Sequence[str]) -> dict[str, ClassCounts]:
    return {name: _class_counts(row) for name, row in zip(names, counts, strict=True)}


def _class_counts(counts: np.ndarray) -> ClassCounts:
    return ClassCounts(**dict(zip(KINDS, counts.tolist(), strict=True)))
