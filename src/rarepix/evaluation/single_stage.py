"""Evaluation of a network that answers with one class per pixel: confusion counts per image and split."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import lightning.pytorch as pl
import numpy as np
import pandas as pd
from torch.utils.data import DataLoader

from rarepix.evaluation.settings import EvaluateConfig
from rarepix.labels import LabelSpace
from rarepix.metrics.counts import per_class
from rarepix.metrics.scores import objective, summary


class ImageCounts(NamedTuple):
    """Confusion counts of the images of one split."""

    ids: list[str]
    confusion: np.ndarray
    """N C C: image, true class, predicted class."""


def count_images(
    trainer: pl.Trainer, module: pl.LightningModule, loaders: Mapping[str, DataLoader], checkpoint: Path
) -> dict[str, ImageCounts]:
    """Return split → counts of the network in *checkpoint* on every image of every loader."""
    trainer.test(module, list(loaders.values()), ckpt_path=str(checkpoint), weights_only=True, verbose=False)
    counts = {}
    for position, split in enumerate(loaders):
        batches = module.collected[position]
        ids = [name for names, _ in batches for name in names]
        counts[split] = ImageCounts(ids, np.concatenate([batch.cpu().numpy() for _, batch in batches]))
    return counts


def scores(confusion: np.ndarray, labels: LabelSpace, config: EvaluateConfig) -> dict[str, float]:
    """Return miou, rare_iou, worst_iou, ``iou/<class>`` and the ``objective`` of pooled confusion counts C C."""
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
