"""Contact sheets: images in rows, each under its caption, and a legend of the classes below."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rarepix.labels import LabelSpace, Task
from rarepix.viz.overlays import class_colors
from rarepix.viz.style import INK, NO_CLASS, PAPER

MARGIN = 8
LINE_HEIGHT = 18
FONT_SIZE = 13
"""All three in pixels."""

LegendEntry = tuple[str, tuple[int, int, int] | None]
"""Text of a legend, and the colour that it explains (None: a remark)."""


class Tile(NamedTuple):
    """One image, H W 3 uint8, and the text above it (none if empty)."""

    pixels: np.ndarray
    caption: str = ""


def contact_sheet(
    rows: Sequence[Sequence[Tile]],
    labels: LabelSpace,
    *,
    side: int,
    headings: Sequence[str] = (),
    more: Sequence[LegendEntry] = (),
) -> Image.Image:
    """Return the rows of tiles as one image, with *headings* above the columns and a legend of *labels* and *more*.

    All tiles are enlarged so that the shorter side of the first is at least *side* pixels.
    """
    zoom = max(1, -(-side // min(rows[0][0].pixels.shape[:2])))
    tile_width = max(tile.pixels.shape[1] for row in rows for tile in row) * zoom
    caption_heights = [LINE_HEIGHT if any(tile.caption for tile in row) else 0 for row in rows]
    tile_heights = [max(tile.pixels.shape[0] for tile in row) * zoom for row in rows]
    width = max(map(len, rows)) * (tile_width + MARGIN) + MARGIN
    strip = legend(labels, width, more)
    heading_height = LINE_HEIGHT if headings else 0
    height = heading_height + sum(caption_heights) + sum(tile_heights) + MARGIN * (len(rows) + 1)
    sheet = Image.new("RGB", (width, height + strip.height), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_SIZE)
    for column, heading in enumerate(headings):
        draw.text((MARGIN + column * (tile_width + MARGIN), MARGIN - 4), heading, INK, font)
    top = MARGIN + heading_height
    for row, caption_height, tile_height in zip(rows, caption_heights, tile_heights, strict=True):
        for column, tile in enumerate(row):
            left = MARGIN + column * (tile_width + MARGIN)
            draw.text((left, top - 4), tile.caption, INK, font)
            sheet.paste(_enlarged(tile.pixels, zoom), (left, top + caption_height))
        top += caption_height + tile_height + MARGIN
    sheet.paste(strip, (0, top))
    return sheet


def legend(labels: LabelSpace, width: int, more: Sequence[LegendEntry] = ()) -> Image.Image:
    """Return a strip, *width* pixels wide, that names the colours on as many lines as it needs."""
    font, table = ImageFont.load_default(FONT_SIZE), class_colors(labels)
    entries = [*((name, table[index]) for index, name in enumerate(labels.names)), ("ignored", table[labels.ignore])]
    if labels.task is Task.MULTILABEL:
        entries.append(("none", NO_CLASS))
    entries += more
    positioned, x, y = [], MARGIN, 0
    for name, colour in entries:
        entry_width = 20 + int(font.getlength(name)) + 14
        if x + entry_width > width and x > MARGIN:
            x, y = MARGIN, y + LINE_HEIGHT + 4
        positioned.append((x, y, name, colour))
        x += entry_width
    strip = Image.new("RGB", (width, y + LINE_HEIGHT + MARGIN), PAPER)
    draw = ImageDraw.Draw(strip)
    for x, y, name, colour in positioned:
        if colour is not None:
            draw.rectangle((x, y + 2, x + 13, y + 15), tuple(int(c) for c in colour), INK)
        draw.text((x + 19 if colour is not None else x, y), name, INK, font)
    return strip


def _enlarged(pixels: np.ndarray, zoom: int) -> Image.Image:
    return Image.fromarray(pixels).resize((pixels.shape[1] * zoom, pixels.shape[0] * zoom), Image.Resampling.NEAREST)
