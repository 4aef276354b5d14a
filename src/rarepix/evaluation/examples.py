"""A picture for people: image, truth and prediction of the validation images that show the rarest classes best."""

from colorsys import hsv_to_rgb
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageDraw, ImageFont

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.loaders import Collate
from rarepix.files import replacing
from rarepix.labels import LabelSpace

ROWS = 4
COLUMNS = ("image", "truth", "prediction")
SIDE = 240
"""Pixels of the shorter side of one picture, at least."""
MARGIN = 8
LINE = 18
INK, PAPER, IGNORED = (25, 25, 25), (255, 255, 255), (224, 224, 224)


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
    height, width = rows[0][0].shape[:2]
    zoom = max(1, -(-SIDE // min(height, width)))
    tiles = [[_enlarged(tile, zoom) for tile in row] for row in rows]
    with replacing(path) as temporary:
        _sheet(tiles, labels).save(temporary)


def colours(labels: LabelSpace) -> np.ndarray:
    """Return the colour of every id, 256 × 3 uint8: the dataset's palette where it has one."""
    table = np.full((256, 3), IGNORED, np.uint8)
    given = labels.palette or [_hue(index, labels.count) for index in range(labels.count)]
    table[: labels.count] = np.asarray(given, np.uint8)[: labels.count]
    table[labels.ignore] = IGNORED
    return table


@torch.no_grad()
def _row(module: pl.LightningModule, sample: dict, labels: LabelSpace) -> list[np.ndarray]:
    batch = Collate(labels.ignore)([sample])
    height, width = sample["mask"].shape
    module.eval()
    prediction = module(batch["image"].to(module.device)).argmax(dim=1)[0, :height, :width].cpu().numpy()
    table, truth = colours(labels), sample["mask"].numpy()
    return [sample["image"].permute(1, 2, 0).numpy(), table[truth], table[prediction]]


def _enlarged(tile: np.ndarray, zoom: int) -> Image.Image:
    return Image.fromarray(tile).resize((tile.shape[1] * zoom, tile.shape[0] * zoom), Image.Resampling.NEAREST)


def _sheet(tiles: list[list[Image.Image]], labels: LabelSpace) -> Image.Image:
    """Put the tiles under their headings, the legend below."""
    wide = max(tile.width for row in tiles for tile in row)
    heights = [row[0].height for row in tiles]
    total = 3 * wide + 4 * MARGIN
    legend = _legend(labels, total)
    sheet = Image.new("RGB", (total, LINE + MARGIN + sum(heights) + MARGIN * len(tiles) + legend.height), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, heading in enumerate(COLUMNS):
        draw.text((MARGIN + column * (wide + MARGIN), 4), heading, INK, font)
    top = LINE + MARGIN
    for row, height in zip(tiles, heights, strict=True):
        for column, tile in enumerate(row):
            sheet.paste(tile, (MARGIN + column * (wide + MARGIN), top))
        top += height + MARGIN
    sheet.paste(legend, (0, top))
    return sheet


def _legend(labels: LabelSpace, width: int) -> Image.Image:
    """Return a strip that names the colours, as many lines as it needs."""
    font, table = ImageFont.load_default(13), colours(labels)
    entries = [*((name, table[index]) for index, name in enumerate(labels.names)), ("ignored", table[labels.ignore])]
    places, x, y = [], MARGIN, 0
    for name, colour in entries:
        needed = 20 + int(font.getlength(name)) + 14
        if x + needed > width and x > MARGIN:
            x, y = MARGIN, y + LINE + 4
        places.append((x, y, name, colour))
        x += needed
    strip = Image.new("RGB", (width, y + LINE + MARGIN), PAPER)
    draw = ImageDraw.Draw(strip)
    for x, y, name, colour in places:
        draw.rectangle((x, y + 2, x + 13, y + 15), tuple(int(c) for c in colour), INK)
        draw.text((x + 19, y), name, INK, font)
    return strip


def _hue(index: int, count: int) -> tuple[int, int, int]:
    red, green, blue = hsv_to_rgb(index / count, 0.65, 0.9 if index % 2 else 0.7)
    return round(red * 255), round(green * 255), round(blue * 255)
