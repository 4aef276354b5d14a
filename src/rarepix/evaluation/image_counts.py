"""Confusion counts of every image of every split, which a trial takes after training."""

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
from rarepix.scores import by_kind

if TYPE_CHECKING:
    import lightning.pytorch as pl


class ImageCounts(NamedTuple):
    """Confusion counts of the images of one split."""

    ids: list[str]
    counts: np.ndarray
    """N C 4: image, class, ``scores.KINDS``."""


def count_images(
    trainer: "pl.Trainer", module: "pl.LightningModule", loaders: Mapping[str, DataLoader], checkpoint: Path
) -> dict[str, ImageCounts]:
    """Return for each split the counts of the network in *checkpoint* on every image, in the order of its loader.

    With several processes each counts its share of the images, and all return the counts of all images.
    """
    trainer.test(module, list(loaders.values()), ckpt_path=str(checkpoint), weights_only=True, verbose=False)
    counts = {}
    for position, split in enumerate(loaders):
        batches = module.collected[position]
        ids = [name for names, _ in batches for name in names]
        image_counts = torch.cat([batch for _, batch in batches])
        if distributed.world_size() > 1:
            all_ids = [item.id for item in loaders[split].dataset.items]
            ids, image_counts = all_ids, _gather(ids, image_counts, all_ids)
        counts[split] = ImageCounts(ids, image_counts.cpu().numpy())
    return counts


def _gather(ids: list[str], counts: Tensor, all_ids: list[str]) -> Tensor:
    """Return the counts N C 4 of all images in the order of *all_ids*, of which this process has counted *ids*."""
    row_of = {name: row for row, name in enumerate(all_ids)}
    rows = torch.tensor([row_of[name] for name in ids], device=counts.device)
    times = torch.zeros(len(all_ids), dtype=torch.long, device=counts.device)
    times.index_add_(0, rows, torch.ones_like(rows))
    gathered = counts.new_zeros(len(all_ids), *counts.shape[1:]).index_add_(0, rows, counts)
    assert (distributed.all_reduce_sum(times) == 1).all(), "every image must be counted by exactly one process"
    return distributed.all_reduce_sum(gathered)


def image_table(counts: Mapping[str, ImageCounts], labels: LabelSpace) -> pd.DataFrame:
    """Return a row per split, image and class with the integers tp, fp, fn, tn."""
    tables = {split: class_rows(ids, image_counts, labels) for split, (ids, image_counts) in counts.items()}
    return pd.concat(tables, names=["split"]).reset_index("split").reset_index(drop=True)


def class_rows(ids: Sequence[str], counts: np.ndarray, labels: LabelSpace) -> pd.DataFrame:
    """Return a row per image and class of counts N C 4: image, class, tp, fp, fn, tn."""
    table = pd.DataFrame({kind: values.ravel() for kind, values in by_kind(counts).items()})
    table.insert(0, "class", np.tile(labels.names, len(ids)))
    table.insert(0, "image", np.repeat(ids, labels.count))
    return table
