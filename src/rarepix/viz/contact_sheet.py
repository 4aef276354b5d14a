"""Pictures for people: tiles in rows, each under its caption, and a legend of the classes below."""

from collections.abc import Sequence
from colorsys import hsv_to_rgb
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rarepix.labels import LabelSpace, Task

MARGIN = 8
LINE = 18
FONT = 13
INK, PAPER, IGNORED, NOTHING = (25, 25, 25), (255, 255, 255), (224, 224, 224), (60, 60, 66)
"""The last one: of pixels that are of no class."""
VEIL = 0.45
"""Share of the class colour where an image is seen through it."""


Entry = tuple[str, tuple[int, int, int] | None]
"""Words of a legend, and the colour that they explain (none: a remark)."""


class Tile(NamedTuple):
    """One picture, H W 3 uint8, and the words above it (none if empty)."""

    pixels: np.ndarray
    caption: str = ""


def image_and_mask(sample: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return the image, H W 3 uint8, and the mask, H W ids or H W C layers, of a dataset's sample."""
    image, mask = sample["image"].permute(1, 2, 0).numpy(), sample["mask"]
    return image, (mask if mask.ndim == 2 else mask.permute(1, 2, 0)).numpy()


def class_colors(labels: LabelSpace) -> np.ndarray:
    """Return the colour of every id, 256 × 3 uint8: the dataset's palette where it has one."""
    table = np.full((256, 3), IGNORED, np.uint8)
    given = labels.palette or [_hue(index, labels.count) for index in range(labels.count)]
    table[: labels.count] = np.asarray(given, np.uint8)[: labels.count]
    if labels.task is Task.BINARY and not labels.palette:
        table[labels.background] = NOTHING
    table[labels.ignore] = IGNORED
    return table


def colorize(mask: np.ndarray, labels: LabelSpace) -> np.ndarray:
    """Return a mask, H W ids or H W C layers, in the colours of its classes, H W 3 uint8.

    Of layers that overlap the smallest is on top.
    """
    table = class_colors(labels)
    if mask.ndim == 2:
        return table[mask]
    picture = np.full((*mask.shape[:2], 3), NOTHING, np.uint8)
    picture[(mask == labels.ignore).any(axis=2)] = table[labels.ignore]
    for layer in np.argsort(-(mask == 1).sum(axis=(0, 1)), kind="stable"):
        picture[mask[..., layer] == 1] = table[layer]
    return picture


def overlay(image: np.ndarray, mask: np.ndarray, labels: LabelSpace) -> np.ndarray:
    """Return an image H W 3 uint8 with the colours of its mask's classes over it; background and nothing stay clear."""
    if mask.ndim == 2:
        clear = np.zeros(mask.shape, bool) if labels.background is None else mask == labels.background
    else:
        clear = (mask == 0).all(axis=2)
    mixed = ((1 - VEIL) * image + VEIL * colorize(mask, labels)).astype(np.uint8)
    return np.where(clear[..., None], image, mixed)


def contact_sheet(
    rows: Sequence[Sequence[Tile]],
    labels: LabelSpace,
    *,
    side: int,
    headings: Sequence[str] = (),
    more: Sequence[Entry] = (),
) -> Image.Image:
    """Return the rows of tiles as one picture; the shorter side of the first tile gets at least *side* pixels.

    Args:
        rows: the tiles.
        labels: the classes, which the legend names.
        side: pixels.
        headings: words above the columns.
        more: what the legend says besides.
    """
    zoom = max(1, -(-side // min(rows[0][0].pixels.shape[:2])))
    wide = max(tile.pixels.shape[1] for row in rows for tile in row) * zoom
    heads = [LINE if any(tile.caption for tile in row) else 0 for row in rows]
    heights = [max(tile.pixels.shape[0] for tile in row) * zoom for row in rows]
    total = max(map(len, rows)) * (wide + MARGIN) + MARGIN
    legend = _legend(labels, total, more)
    above = LINE if headings else 0
    tall = above + sum(heads) + sum(heights) + MARGIN * (len(rows) + 1)
    paper = Image.new("RGB", (total, tall + legend.height), PAPER)
    draw, font = ImageDraw.Draw(paper), ImageFont.load_default(FONT)
    for column, heading in enumerate(headings):
        draw.text((MARGIN + column * (wide + MARGIN), MARGIN - 4), heading, INK, font)
    top = MARGIN + above
    for row, head, height in zip(rows, heads, heights, strict=True):
        for column, tile in enumerate(row):
            left = MARGIN + column * (wide + MARGIN)
            draw.text((left, top - 4), tile.caption, INK, font)
            paper.paste(_enlarged(tile.pixels, zoom), (left, top + head))
        top += head + height + MARGIN
    paper.paste(legend, (0, top))
    return paper


def _enlarged(pixels: np.ndarray, zoom: int) -> Image.Image:
    return Image.fromarray(pixels).resize((pixels.shape[1] * zoom, pixels.shape[0] * zoom), Image.Resampling.NEAREST)


def _legend(labels: LabelSpace, width: int, more: Sequence[Entry]) -> Image.Image:
    """Return a strip that names the colours, as many lines as it needs."""
    font, table = ImageFont.load_default(FONT), class_colors(labels)
    entries = [*((name, table[index]) for index, name in enumerate(labels.names)), ("ignored", table[labels.ignore])]
    if labels.task is Task.MULTILABEL:
        entries.append(("none", NOTHING))
    entries += more
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
        if colour is not None:
            draw.rectangle((x, y + 2, x + 13, y + 15), tuple(int(c) for c in colour), INK)
        draw.text((x + 19 if colour is not None else x, y), name, INK, font)
    return strip


def _hue(index: int, count: int) -> tuple[int, int, int]:
    red, green, blue = hsv_to_rgb(index / count, 0.65, 0.9 if index % 2 else 0.7)
    return round(red * 255), round(green * 255), round(blue * 255)
