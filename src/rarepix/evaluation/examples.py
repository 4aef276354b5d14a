"""A picture for people: image, truth and prediction of the validation images that show the rarest classes best."""

from pathlib import Path

import lightning.pytorch as pl
import pandas as pd
import torch

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.loaders import Collate
from rarepix.evaluation.sheets import Tile, colours, sheet
from rarepix.files import replacing
from rarepix.labels import LabelSpace

ROWS = 4
COLUMNS = ("image", "truth", "prediction")
SIDE = 240
"""Pixels of the shorter side of one picture, at least."""


def choose(counts: pd.DataFrame, rows: int = ROWS) -> list[str]:
    """Return the ids of up to *rows* images: of each class, the rarest by images first, the one that shows most of it.

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
    return chosen


def draw_examples(
    module: pl.LightningModule, dataset: SegmentationDataset, counts: pd.DataFrame, labels: LabelSpace, path: Path
) -> None:
    """Predict the chosen images of *dataset* and write the picture to *path*; ignored pixels are grey."""
    position = {item.id: index for index, item in enumerate(dataset.items)}
    rows = [_row(module, dataset[position[name]], labels) for name in choose(counts)]
    rows[0] = [tile._replace(caption=heading) for tile, heading in zip(rows[0], COLUMNS, strict=True)]
    with replacing(path) as temporary:
        sheet(rows, labels, side=SIDE).save(temporary)


@torch.no_grad()
def _row(module: pl.LightningModule, sample: dict, labels: LabelSpace) -> list[Tile]:
    batch = Collate(labels.ignore)([sample])
    height, width = sample["mask"].shape
    module.eval()
    prediction = module(batch["image"].to(module.device)).argmax(dim=1)[0, :height, :width].cpu().numpy()
    table, truth = colours(labels), sample["mask"].numpy()
    return [Tile(sample["image"].permute(1, 2, 0).numpy()), Tile(table[truth]), Tile(table[prediction])]
