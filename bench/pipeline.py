"""Measure what a paste costs the loader: images per second with it and without it, in turn.

    python -m bench.pipeline                          # drawn scenes of 360×480, about a minute
    python -m bench.pipeline --root FOLDER            # a dataset in VOC layout, its list train

Both with the standard augmentation (flip, resize, turn, shift, brightness, texture) and the same crop, decoded in
memory and read from disk. The first pair warms up the loader processes and is not counted.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from bench.ratios import Pair, describe, rate
from rarepix.data.dataset import SegmentationDataset
from rarepix.data.inventory import take_inventory
from rarepix.data.loaders import build_loader
from rarepix.data.samplers import EpochSampler, SamplingMode
from rarepix.data.source import Item
from rarepix.data.sources import open_source
from rarepix.data.synthetic import draw_voc
from rarepix.data.transforms.augment import build_augment
from rarepix.data.transforms.paste import build_paste
from rarepix.data.transforms.settings import PASTE_PARAMETERS, AugmentConfig, CropConfig, PasteConfig
from rarepix.labels import LabelSpace

STANDARD = AugmentConfig(scale=(0.8, 2.0), rotate=15, shift=0.0625, brightness=0.2, texture=0.5)
"""That of the VOC imbalance study."""
CPU = torch.device("cpu")


def main() -> None:
    """Draw the data if none are given, measure, print."""
    given = _parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = given.root or draw_voc(Path(folder) / "data", images=given.images, size=(360, 480), seed=0)
        source = open_source("voc", root)
        items, labels = source.items("train"), source.labels
        print(
            f"{source.name}, {len(items)} images, crop {given.crop}, {given.workers} workers, p = {given.probability}",
            flush=True,
        )
        for kind in given.paste:
            for in_memory in (True, False):
                work = [_epoch(items, labels, name, given, in_memory) for name in (kind, "none")]
                pairs = [Pair(*(rate(each, CPU) for each in work)) for _ in range(given.repeats + 1)][1:]
                print(describe(f"{kind}, {'in memory' if in_memory else 'from disk'}", pairs), flush=True)


def _epoch(
    items: list[Item], labels: LabelSpace, kind: str, given: argparse.Namespace, in_memory: bool
) -> Callable[[], int]:
    """Return what loads one epoch and returns its images."""
    size = given.crop[0], given.crop[1]
    counts = take_inventory(items, labels)[[*labels.names]]
    paste = PasteConfig() if kind == "none" else PasteConfig(kind=kind, probability=given.probability)
    dataset = SegmentationDataset(
        items,
        augment=build_augment(STANDARD, CropConfig(size=size), labels=labels),
        paste=build_paste(paste, counts, labels=labels),
        in_memory=in_memory,
    )
    sampler = EpochSampler(counts.any(axis=1).to_numpy() / len(items), len(items), mode=SamplingMode.SHUFFLED, seed=0)
    loader: DataLoader = build_loader(
        dataset, batch_size=8, ignore=labels.ignore, workers=given.workers, pin_memory=False, sampler=sampler
    )

    def load() -> int:
        sampler.set_epoch(sampler.epoch + 1)
        return sum(len(batch["id"]) for batch in loader)

    return load


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, help="folder of a dataset in VOC layout (default: one is drawn)")
    parser.add_argument("--images", type=int, default=320, help="images to draw")
    parser.add_argument("--crop", type=int, nargs=2, default=[320, 320], metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--workers", type=int, default=2, help="loader processes")
    parser.add_argument("--repeats", type=int, default=5, help="pairs that are counted")
    kinds = [kind for kind in PASTE_PARAMETERS if kind != "none"]
    parser.add_argument("--paste", choices=kinds, nargs="+", default=["copy_paste"], help="kinds of paste")
    parser.add_argument("--probability", type=float, default=0.5, help="of an image to be pasted into")
    return parser


if __name__ == "__main__":
    main()
