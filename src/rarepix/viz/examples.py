"""The picture of examples: image, truth, prediction and errors side by side, an example a row."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from rarepix.labels import LabelSpace
from rarepix.viz.contact_sheet import Tile, contact_sheet
from rarepix.viz.error_map import LEGEND, error_map
from rarepix.viz.overlays import colorize

COLUMNS = ("image", "truth", "prediction", "errors")
SIDE = 240
"""Pixels of the shorter side of one tile, at least."""


class ExampleRow(NamedTuple):
    """One example to draw."""

    caption: str
    image: np.ndarray
    """H W 3 uint8."""
    truth: np.ndarray
    """H W ids or H W C of 0 and 1, with the ignore id; of any size."""
    prediction: np.ndarray
    """Of the shape of *truth*."""


def examples_sheet(
    rows: Sequence[ExampleRow], labels: LabelSpace, *, rare: Sequence[str], notes: Sequence[str] = ()
) -> Image.Image:
    """Return the picture; ignored pixels are grey, and images are resized to the size of their truth.

    *rare* names the rare classes of the error map, *notes* what is not shown, for the legend.
    """
    tiles = []
    for row in rows:
        height, width = row.truth.shape[:2]
        image = np.asarray(Image.fromarray(row.image).resize((width, height), Image.Resampling.BILINEAR))
        errors = error_map(row.truth, row.prediction, labels, rare=rare)
        masks = (colorize(row.truth, labels), colorize(row.prediction, labels))
        tiles.append([Tile(image, row.caption), *(Tile(pixels) for pixels in (*masks, errors))])
    more = [("errors:", None), *LEGEND, *((f"not shown: {note}", None) for note in notes)]
    return contact_sheet(tiles, labels, side=SIDE, headings=COLUMNS, more=more)
