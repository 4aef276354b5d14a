"""Preview: the training images as the network gets them, after sampling, crop, paste and augmentation."""

from itertools import islice
from pathlib import Path

from rarepix.config import TrialConfig
from rarepix.data.transforms.paste import PasteOutcome
from rarepix.evaluation.examples import image_and_mask
from rarepix.files import replacing
from rarepix.settings import ConfigError
from rarepix.viz.contact_sheet import Tile, contact_sheet
from rarepix.viz.overlays import overlay
from rarepix.wiring import Data, build_data

SUFFIXES = (".png", ".jpg", ".jpeg")
COLUMNS = 4
SIDE = 200
"""Pixels of the shorter side of one image, at least."""


def draw_preview(config: TrialConfig, path: Path, *, images: int) -> int:
    """Write the first *images* training images of the first epoch, with their masks over them, to *path*.

    Returns how many these are: fewer than *images* if the epoch is shorter.

    Raises:
        ConfigError: *path* has another suffix than those of ``SUFFIXES``; and as ``wiring.build_data``.
        FileNotFoundError, DataError: as ``wiring.build_data``.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"the preview must be written to a file that ends with {', '.join(SUFFIXES)}, but got {path}: "
            f"call it {path.with_suffix(SUFFIXES[0])}"
        )
    data = build_data(config, gpu=False)
    tiles = preview(data, images)
    rows = [tiles[first : first + COLUMNS] for first in range(0, len(tiles), COLUMNS)]
    with replacing(path) as temporary:
        contact_sheet(rows, data.labels, side=SIDE).save(temporary)
    return len(tiles)


def preview(data: Data, images: int) -> list[Tile]:
    """Return the first *images* samples of the first epoch, captioned with image id and outcome of copy-paste."""
    loader = data.loaders["train"]
    tiles = []
    for index in islice(loader.sampler, images):
        sample = loader.dataset[index]
        outcome = f" · {PasteOutcome(sample['paste']).name.lower().replace('_', ' ')}" if data.paste else ""
        tiles.append(Tile(overlay(*image_and_mask(sample, data.labels), data.labels), f"{sample['id']}{outcome}"))
    return tiles
