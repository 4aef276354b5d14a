"""A picture for people: image, truth and prediction of the validation images that show the rarest classes best."""

from collections.abc import Sequence
from pathlib import Path

import lightning.pytorch as pl
import pandas as pd
import torch

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.loaders import Collate
from rarepix.evaluation.decoding import decode, masks_of
from rarepix.evaluation.sheets import Tile, arrays, painted, sheet
from rarepix.files import replacing
from rarepix.labels import LabelSpace

ROWS = 4
COLUMNS = ("image", "truth", "prediction")
SIDE = 240
"""Pixels of the shorter side of one picture, at least."""


def worst(table: pd.DataFrame, rows: int = ROWS) -> list[str]:
    """Return the ids of up to *rows* images: those with the lowest mean IoU of the classes that they hold, or got.

    Args:
        table: a row per image and class with the columns image and iou (NaN where the class is absent).
    """
    means = table.groupby("image", sort=False)["iou"].mean().dropna()
    return means.sort_values(kind="stable").index[:rows].tolist()


def choose(counts: pd.DataFrame, rows: int = ROWS) -> list[str]:
    """Return the ids of up to *rows* images: of each class, the rarest by images first, the one that shows most of it.

    If no image shows any class, these are the first ones.

    Args:
        counts: image × class table of pixel counts (classes only).
    """
    present = counts.columns[(counts > 0).any()]
    by_rarity = sorted(present, key=lambda name: (counts[name] > 0).sum())
    chosen: list[str] = []
    for name in by_rarity:
        best = counts[name].drop(index=chosen).idxmax() if len(chosen) < len(counts) else None
        if best is not None and counts.loc[best, name] > 0:
            chosen.append(best)
        if len(chosen) == rows:
            break
    return chosen or counts.index[:rows].tolist()


def draw_examples(
    module: pl.LightningModule,
    dataset: SegmentationDataset,
    names: Sequence[str],
    labels: LabelSpace,
    path: Path,
    *,
    threshold: float,
) -> None:
    """Predict the images of *dataset* with these ids and write the picture to *path*; ignored pixels are grey."""
    position = {item.id: index for index, item in enumerate(dataset.items)}
    rows = [_row(module, dataset[position[name]], labels, threshold) for name in names]
    rows[0] = [tile._replace(caption=heading) for tile, heading in zip(rows[0], COLUMNS, strict=True)]
    with replacing(path) as temporary:
        sheet(rows, labels, side=SIDE).save(temporary)


@torch.inference_mode()
def _row(module: pl.LightningModule, sample: dict, labels: LabelSpace, threshold: float) -> list[Tile]:
    batch = Collate(labels.ignore)([sample])
    module.eval()
    logits = module.infer(module, batch | {"image": batch["image"].to(module.device)})
    image, truth = arrays(sample)
    said = masks_of(decode(logits, task=labels.task, threshold=threshold), [truth.shape[:2]])[0]
    return [Tile(image), Tile(painted(truth, labels)), Tile(painted(said, labels))]
