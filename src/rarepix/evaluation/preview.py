"""What the network is shown: training images as sampling, crop, paste and augmentation leave them."""

from itertools import islice
from pathlib import Path

from rarepix.config import TrialConfig
from rarepix.data.transforms.outcomes import PasteOutcome
from rarepix.files import replacing
from rarepix.settings import ConfigError
from rarepix.viz.contact_sheet import Tile, contact_sheet, image_and_mask, overlay
from rarepix.wiring import Data, build_data

PICTURES = (".png", ".jpg", ".jpeg")
COLUMNS = 4
SIDE = 200
"""Pixels of the shorter side of one picture, at least."""


def draw_preview(config: TrialConfig, path: Path, *, images: int) -> int:
    """Draw the first *images* training images of the first epoch, their classes in colour, and write them to *path*.

    Returns how many these are: fewer than *images* where the epoch is shorter.

    Raises:
        ConfigError: *path* is called like no picture that can be written; and as ``wiring.build_data``.
        FileNotFoundError, DataError: as ``wiring.build_data``.
    """
    if path.suffix.lower() not in PICTURES:
        raise ConfigError(
            f"the preview must be written to a file that ends with {', '.join(PICTURES)}, but got {path}: "
            f"call it {path.with_suffix(PICTURES[0])}"
        )
    data = build_data(config, gpu=False)
    tiles = preview(data, images)
    rows = [tiles[first : first + COLUMNS] for first in range(0, len(tiles), COLUMNS)]
    with replacing(path) as temporary:
        contact_sheet(rows, data.labels, side=SIDE).save(temporary)
    return len(tiles)


def preview(data: Data, images: int) -> list[Tile]:
    """Return the first *images* draws of the first epoch, each captioned with the image and what was done to it."""
    loader = data.loaders["train"]
    samples = (loader.dataset[draw] for draw in loader.sampler)
    return [_tile(sample, data) for sample in islice(samples, images)]


def _tile(sample: dict, data: Data) -> Tile:
    image, mask = image_and_mask(sample)
    done = f" · {PasteOutcome(sample['paste']).name.lower().replace('_', ' ')}" if data.paste is not None else ""
    return Tile(overlay(image, mask, data.labels), f"{sample['id']}{done}")
