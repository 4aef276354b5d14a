"""Measure how fast a dataset is counted, against the rate at which the same threads can decode its masks.

    python -m bench.inventory                          # drawn data, a few seconds
    python -m bench.inventory --root data/camvid       # your own, in VOC layout

counting against decoding: the whole inventory without its cache (masks read, decoded, counted and checked; sizes and
                           ends of the images checked; the table built) over Pillow decoding the masks and no more,
                           with as many threads and as many files a turn, in alternating pairs
second call:               seconds of an inventory that finds its table stored, against the first
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from bench.ratios import Pair, describe, rate
from rarepix.data.inventory import take_inventory
from rarepix.data.inventory.threads import in_threads
from rarepix.data.source import Item, Source
from rarepix.data.sources import open_source
from rarepix.data.synthetic import draw_voc

CPU = torch.device("cpu")


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw data unless some are given, measure, print."""
    given = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        size = (given.size, given.size)
        root = given.root or draw_voc(Path(folder) / "data", images=given.images, size=size, seed=0)
        source = open_source("voc", root)
        items = list({item.id: item for name in source.lists() for item in source.items(name)}.values())
        print(describe("counting against decoding", measure(items, source, given.pairs)), flush=True)
        first, second = (_seconds(items, source, Path(folder) / "cache") for _ in range(2))
        print(f"second call: {second:.3f} s against {first:.3f} s for {len(items)} images")


def measure(items: Sequence[Item], source: Source, pairs: int) -> list[Pair]:
    """Return the rates of counting and of decoding, in turn; a first pair warms up and is left out."""

    def count() -> int:
        return len(take_inventory(items, source.labels))

    def decode() -> int:
        return len(list(in_threads(_decode, items)))

    return [Pair(rate(count, CPU), rate(decode, CPU)) for _ in range(pairs + 1)][1:]


def _decode(item: Item) -> None:
    with Image.open(*item.mask.files) as mask:
        mask.load()


def _seconds(items: Sequence[Item], source: Source, cache: Path) -> float:
    began = time.perf_counter()
    take_inventory(items, source.labels, cache=cache)
    return time.perf_counter() - began


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.inventory", description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, help="folder of a dataset in VOC layout; default: drawn data")
    parser.add_argument("--images", type=int, default=400, help="images to draw")
    parser.add_argument("--size", type=int, default=384, help="rows and columns of a drawn image")
    parser.add_argument("--pairs", type=int, default=15, help="pairs that are counted")
    return parser


if __name__ == "__main__":
    main()
