"""What each crop and each paste does to one photograph, four times each."""

from itertools import count, islice
from pathlib import Path

import pandas as pd

from rarepix.data.dataset import SegmentationDataset
from rarepix.data.inventory import take_inventory
from rarepix.data.samplers import Draw
from rarepix.data.source import Source
from rarepix.data.sources import open_source
from rarepix.data.transforms.augment import build_augment
from rarepix.data.transforms.paste import build_paste
from rarepix.data.transforms.settings import AugmentConfig, CropConfig, PasteConfig
from rarepix.evaluation.preview import veiled
from rarepix.evaluation.sheets import Tile, sheet
from rarepix.files import replacing

SIZE = (160, 224)
WHOLE = (416, 640)
TIMES = 4
CHINA = 0
"""Index of the photograph that is shown; the other one is the donor."""
REMEDIES: dict[str, tuple[CropConfig, PasteConfig]] = {
    "crop.kind=random": (CropConfig(size=SIZE), PasteConfig()),
    "crop.kind=foreground, probability 1": (
        CropConfig(size=SIZE, kind="foreground", probability=1.0),
        PasteConfig(),
    ),
    "crop.kind=class_centred": (CropConfig(size=SIZE, kind="class_centred"), PasteConfig()),
    "crop.kind=mixed": (CropConfig(size=SIZE, kind="mixed"), PasteConfig()),
    "paste.kind=copy_paste": (
        CropConfig(size=WHOLE),
        PasteConfig(kind="copy_paste", donors="listed", classes=("blossom",), probability=1.0, scale=(0.3, 0.7)),
    ),
    "paste.kind=classmix": (CropConfig(size=WHOLE), PasteConfig(kind="classmix", probability=1.0)),
    "paste.kind=cutmix": (CropConfig(size=WHOLE), PasteConfig(kind="cutmix", probability=1.0)),
}


def draw(root: Path, path: Path) -> None:
    """Draw the sheet of the dataset in *root* to *path*."""
    source = open_source("voc", root)
    counts = take_inventory(source.items("train"), source.labels)[[*source.labels.names]]
    rows = [_row(source, counts, name, *remedy) for name, remedy in REMEDIES.items()]
    with replacing(path) as temporary:
        sheet(rows, source.labels, side=SIZE[0]).quantize(255).save(temporary, optimize=True)


def _row(source: Source, counts: pd.DataFrame, name: str, crop: CropConfig, paste: PasteConfig) -> list[Tile]:
    augment = build_augment(AugmentConfig(flip=0.0, brightness=0.0), crop, labels=source.labels)
    build = build_paste(paste, counts, labels=source.labels)
    drawn = SegmentationDataset(source.items("train"), augment=augment, paste=build)
    draws = (Draw(CHINA, seed) for seed in count())
    blossom = source.labels.names.index("blossom")
    # where nothing fitted, or the photograph was put into itself, there is nothing to see
    telling = (draw for draw in draws if build is None or (drawn[draw]["mask"] == blossom).any())
    step = -(-crop.size[1] // SIZE[1])  # whole images are shown at a third of their size
    tiles = [_tile(drawn[draw], source, step) for draw in islice(telling, TIMES)]
    return [tiles[0]._replace(caption=name), *tiles[1:]]


def _tile(sample: dict, source: Source, step: int) -> Tile:
    shown = veiled(sample["image"].permute(1, 2, 0).numpy(), sample["mask"].numpy(), source.labels)
    return Tile(shown[::step, ::step])
