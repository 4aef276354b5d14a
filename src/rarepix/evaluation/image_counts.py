"""Evaluation of one network: confusion counts per image and split, and the scores that follow from them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from rarepix.engine import distributed
from rarepix.labels import LabelSpace
from rarepix.metrics.counts import by_kind
from rarepix.metrics.settings import EvaluateConfig
from rarepix.scores import objective, summary

if TYPE_CHECKING:
    import lightning.pytorch as pl


class ImageCounts(NamedTuple):
    """Confusion counts of the images of one split."""

    ids: list[str]
    counts: np.ndarray
    """N C 4: image, class, ``metrics.counts.KINDS``."""


def count_images(
    trainer: "pl.Trainer", module: "pl.LightningModule", loaders: Mapping[str, DataLoader], checkpoint: Path
) -> dict[str, ImageCounts]:
    """Return split → counts of the network in *checkpoint* on every image of every loader, in their order.

    Of several processes each counts its share, and all return the whole.
    """
    trainer.test(module, list(loaders.values()), ckpt_path=str(checkpoint), weights_only=True, verbose=False)
    counts = {}
    for position, split in enumerate(loaders):
        batches = module.collected[position]
        ids = [name for names, _ in batches for name in names]
        found = torch.cat([batch for _, batch in batches])
        if distributed.size() > 1:
            ids, found = _put_together(ids, found, [item.id for item in loaders[split].dataset.items])
        counts[split] = ImageCounts(ids, found.cpu().numpy())
    return counts


def _put_together(own: list[str], counts: torch.Tensor, ids: list[str]) -> tuple[list[str], torch.Tensor]:
    """Return all *ids* and the counts N C 4 of all of them, of which this process has counted its *own*."""
    row = {name: number for number, name in enumerate(ids)}
    rows = torch.tensor([row[name] for name in own], device=counts.device)
    times = torch.zeros(len(ids), dtype=torch.long, device=counts.device).index_add_(0, rows, torch.ones_like(rows))
    whole = counts.new_zeros(len(ids), *counts.shape[1:]).index_add_(0, rows, counts)
    assert (distributed.all_reduce_sum(times) == 1).all(), "every image must be counted by exactly one process"
    return ids, distributed.all_reduce_sum(whole)


def scores(counts: np.ndarray, labels: LabelSpace, config: EvaluateConfig) -> dict[str, float]:
    """Return the scores of ``metrics.scores.summary`` and the ``objective`` of pooled counts C 4."""
    rare = config.rare or labels.rare
    values = summary(by_kind(counts), labels.names, rare)
    return {"objective": objective(config.objective, values, labels.names, rare, config.floor), **values}


def image_table(counts: Mapping[str, ImageCounts], labels: LabelSpace) -> pd.DataFrame:
    """Return a row per split, image and class with the integers tp, fp, fn, tn."""
    parts = []
    for split, (ids, found) in counts.items():
        table = pd.DataFrame({name: values.ravel() for name, values in by_kind(found).items()})
        table.insert(0, "class", np.tile(labels.names, len(ids)))
        table.insert(0, "image", np.repeat(ids, labels.count))
        table.insert(0, "split", split)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)
