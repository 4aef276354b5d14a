"""What each crop and each paste does to one photograph, four times each."""

from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.inventory import take_inventory
from rarepix.data.samplers import SampleIndex
from rarepix.data.source import Source
from rarepix.data.sources import open_source
from rarepix.data.transforms.augment import build_augment
from rarepix.data.transforms.paste import build_paste
from rarepix.data.transforms.settings import AugmentConfig, CropConfig, PasteConfig
from rarepix.files import replacing
from rarepix.viz.contact_sheet import Tile, contact_sheet
from rarepix.viz.overlays import overlay

SIZE = (160, 224)
WHOLE = (416, 640)
TIMES = 4
CHINA = 0
"""Index of the photograph that is shown; the other one is the donor."""


class Remedy(NamedTuple):
    """What is done to the photograph; nothing but this."""

    crop: CropConfig
    paste: PasteConfig = PasteConfig()
    augment: AugmentConfig = AugmentConfig(flip=0.0, brightness=0.0)


REMEDIES = {
    "crop.kind=random": Remedy(CropConfig(size=SIZE)),
    "crop.kind=foreground, probability 1": Remedy(CropConfig(size=SIZE, kind="foreground", probability=1.0)),
    "crop.kind=class_centred": Remedy(CropConfig(size=SIZE, kind="class_centred")),
    "crop.kind=mixed": Remedy(CropConfig(size=SIZE, kind="mixed")),
    "paste.kind=copy_paste": Remedy(
        CropConfig(size=WHOLE),
        PasteConfig(kind="copy_paste", donors="listed", classes=("blossom",), probability=1.0, scale=(0.3, 0.7)),
    ),
    # a class keeps its place, so with one donor only its geometry makes a difference
    "paste.kind=classmix, augment.flip=0.5, augment.scale=[1, 1.6]": Remedy(
        CropConfig(size=WHOLE),
        PasteConfig(kind="classmix", probability=1.0),
        AugmentConfig(flip=0.5, scale=(1.0, 1.6), brightness=0.0),
    ),
    "paste.kind=cutmix": Remedy(CropConfig(size=WHOLE), PasteConfig(kind="cutmix", probability=1.0)),
}


def draw(root: Path, path: Path) -> None:
    """Draw the sheet of the dataset in *root* to *path*."""
    source = open_source("voc", root)
    with replacing(path) as temporary:
        contact_sheet(rows(source), source.labels, side=SIZE[0]).quantize(255).save(temporary, optimize=True)


def rows(source: Source) -> list[list[Tile]]:
    """Return the tiles of every remedy, the first of them with its name."""
    counts = take_inventory(source.items("train"), source.labels)[[*source.labels.names]]
    return [_row(source, counts, name, remedy) for name, remedy in REMEDIES.items()]


def _row(source: Source, counts: pd.DataFrame, name: str, remedy: Remedy) -> list[Tile]:
    crop = remedy.crop
    augment = build_augment(remedy.augment, crop, labels=source.labels)
    build = build_paste(remedy.paste, counts, labels=source.labels)
    drawn = SegmentationDataset(source.items("train"), augment=augment, paste=build)
    draws = (SampleIndex(CHINA, seed) for seed in count())
    blossom = source.labels.names.index("blossom")
    # without a blossom nothing was pasted, or the photograph was pasted into itself
    with_blossom = (draw for draw in draws if build is None or (drawn[draw]["mask"] == blossom).any())
    step = -(-crop.size[1] // SIZE[1])  # whole images are shown at a third of their size
    tiles = [_tile(drawn[draw], source, step) for draw in islice(with_blossom, TIMES)]
    return [tiles[0]._replace(caption=name), *tiles[1:]]


def _tile(sample: dict, source: Source, step: int) -> Tile:
    shown = overlay(sample["image"].permute(1, 2, 0).numpy(), sample["mask"].numpy(), source.labels)
    return Tile(shown[::step, ::step])
