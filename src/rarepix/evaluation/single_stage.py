"""Evaluation of a network that answers with one class per pixel: confusion counts per image and split."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from rarepix.engine import group
from rarepix.evaluation.settings import EvaluateConfig
from rarepix.labels import LabelSpace
from rarepix.metrics.counts import per_class
from rarepix.metrics.scores import objective, summary

if TYPE_CHECKING:
    import lightning.pytorch as pl


class ImageCounts(NamedTuple):
    """Confusion counts of the images of one split."""

    ids: list[str]
    confusion: np.ndarray
    """N C C: image, true class, predicted class."""


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
        confusion = torch.cat([batch for _, batch in batches])
        if group.size() > 1:
            ids, confusion = _put_together(ids, confusion, [item.id for item in loaders[split].dataset.items])
        counts[split] = ImageCounts(ids, confusion.cpu().numpy())
    return counts


def _put_together(own: list[str], confusion: torch.Tensor, ids: list[str]) -> tuple[list[str], torch.Tensor]:
    """Return all *ids* and the counts N C C of all of them, of which this process has counted its *own*."""
    row = {name: number for number, name in enumerate(ids)}
    rows = torch.tensor([row[name] for name in own], device=confusion.device)
    times = torch.zeros(len(ids), dtype=torch.long, device=confusion.device).index_add_(0, rows, torch.ones_like(rows))
    whole = confusion.new_zeros(len(ids), *confusion.shape[1:]).index_add_(0, rows, confusion)
    assert (group.summed(times) == 1).all(), "every image must be counted by exactly one process"
    return ids, group.summed(whole)


def scores(confusion: np.ndarray, labels: LabelSpace, config: EvaluateConfig) -> dict[str, float]:
    """Return the scores of ``metrics.scores.summary`` and the ``objective`` of pooled confusion counts C C."""
    rare = config.rare or labels.rare
    values = summary(per_class(confusion), labels.names, rare)
    return {"objective": objective(config.objective, values, labels.names, rare, config.floor), **values}


def image_table(counts: Mapping[str, ImageCounts], labels: LabelSpace) -> pd.DataFrame:
    """Return a row per split, image and class with the integers tp, fp, fn, tn."""
    parts = []
    for split, (ids, confusion) in counts.items():
        table = pd.DataFrame({name: values.ravel() for name, values in per_class(confusion).items()})
        table.insert(0, "class", np.tile(labels.names, len(ids)))
        table.insert(0, "image", np.repeat(ids, labels.count))
        table.insert(0, "split", split)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)
