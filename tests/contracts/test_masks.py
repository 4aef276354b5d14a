"""What every kind of mask must do, whatever its files are. Add how a small one is written to ``KINDS``."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rarepix.data.colour_masks import ColourMask
from rarepix.data.drawn import DrawnMask
from rarepix.data.grey_masks import UNKNOWN, GreyMask
from rarepix.data.inventory import examine
from rarepix.data.inventory.cache import content_key
from rarepix.data.inventory.problems import ProblemKind
from rarepix.data.masks import IdMask, LayerMask
from rarepix.data.polygons import Polygons, box
from rarepix.data.source import DataError, Item, Mask
from rarepix.data.sources.yolo import YoloMask
from rarepix.labels import SOFT_SCALE, LabelSpace, Task

SIZE = (6, 9)
IDS = LabelSpace(names=("ground", "a", "b"), background=0)
LAYERS = LabelSpace(names=("a", "b", "c"), task=Task.MULTILABEL)
MERGED = LabelSpace(names=("background", "any"), background=0, task=Task.BINARY)
SOFT, SOFT_MERGED = replace(LAYERS, scale=SOFT_SCALE), replace(MERGED, scale=SOFT_SCALE)


@dataclass(frozen=True)
class Runs(Mask):
    """A mask of another kind: a line of a text file has an id, and how many pixels in reading order are of it."""

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def read(self, size: tuple[int, int]) -> np.ndarray:
        try:
            runs = [tuple(map(int, line.split())) for line in self.path.read_text().splitlines()]
            return np.repeat(*np.array(runs).T).astype(np.uint8).reshape(size)
        except (ValueError, TypeError) as error:
            raise DataError(f"{self.path} must hold an id and a number a line, but: {error}") from error

    def fingerprint(self) -> str:
        return self.path.read_text()


def grey(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, SIZE, dtype=np.uint8)


def write_ids(folder: Path, seed: int) -> Mask:
    ids = np.random.default_rng(seed).choice(np.array([0, 1, 2, 255], np.uint8), SIZE)
    Image.fromarray(ids).save(folder / "ids.png")
    return IdMask(folder / "ids.png")


def write_runs(folder: Path, seed: int) -> Mask:
    (folder / "runs.txt").write_text(f"0 20\n1 {10 + seed}\n2 {15 - seed}\n255 9\n")
    return Runs(folder / "runs.txt")


def write_layers(folder: Path, seed: int, **how: object) -> Mask:
    for number in (0, 2):
        Image.fromarray(grey(seed + number)).save(folder / f"layer{number}.png")
    return LayerMask((folder / "layer0.png", None, folder / "layer2.png"), **how)


def write_grey(folder: Path, seed: int) -> Mask:
    values = np.random.default_rng(seed).choice(np.array([0, 100, 200, 255], np.uint8), SIZE)
    Image.fromarray(values).save(folder / "grey.png")
    table = {0: 0, 100: 1, 200: 2, 255: 255}
    return GreyMask(folder / "grey.png", tuple(table.get(value, UNKNOWN) for value in range(256)))


def write_colours(folder: Path, seed: int) -> Mask:
    colours = {(0, 0, 0): 0, (200, 0, 0): 1, (0, 200, 0): 2, (9, 9, 9): 255}
    pixels = np.random.default_rng(seed).choice(np.array([*colours], np.uint8), SIZE)
    Image.fromarray(pixels).save(folder / "colours.png")
    return ColourMask(folder / "colours.png", tuple(colours.items()))


def write_yolo(folder: Path, seed: int) -> Mask:
    (folder / "x.txt").write_text(f"0 0.5 0.5 0.5 {0.5 + seed / 4}\n1 0 0 0.4 0 0.4 0.5\n")
    return YoloMask(folder / "x.txt", (1, 2))


def write_drawn(folder: Path, seed: int) -> Mask:
    (folder / "annotations.json").write_text("{}")
    boxes = {1: box(0, 0, 4, 3 + seed), 2: box(3, 1, 4, 4), 255: box(2, 2, 6, 4)}
    shapes = tuple(Polygons(number, f"annotation {number}", (corners,)) for number, corners in boxes.items())
    return DrawnMask(folder / "annotations.json", shapes)


KINDS: dict[str, tuple[LabelSpace, Callable[[Path, int], Mask]]] = {
    "ids": (IDS, write_ids),
    "runs, counted by being read": (IDS, write_runs),
    "grey values": (IDS, write_grey),
    "colours": (IDS, write_colours),
    "yolo": (IDS, write_yolo),
    "drawn": (IDS, write_drawn),
    "layers": (LAYERS, lambda folder, seed: write_layers(folder, seed, threshold=127)),
    "merged layers": (MERGED, lambda folder, seed: write_layers(folder, seed, threshold=200, merge=True)),
    "soft layers": (SOFT, lambda folder, seed: write_layers(folder, seed, soft=True)),
    "soft merged layers": (SOFT_MERGED, lambda folder, seed: write_layers(folder, seed, soft=True, merge=True)),
}
"""Name → the classes, and what writes the files of a mask into a folder."""

READ_BEFORE = {"drawn"}
"""Kinds of which the file was read before the mask was made."""
every_kind = pytest.mark.parametrize("kind", KINDS)


def write(kind: str, folder: Path, seed: int = 0) -> Mask:
    folder.mkdir(exist_ok=True)
    return KINDS[kind][1](folder, seed)


@every_kind
def test_its_files_exist_and_it_has_the_shape_of_the_task(kind, tmp_path):
    labels, mask = KINDS[kind][0], write(kind, tmp_path)
    assert mask.files
    assert all(file.is_file() for file in mask.files)
    read = mask.read(SIZE)
    assert read.dtype == np.uint8
    assert read.shape == (*SIZE, *([labels.count] if labels.task is Task.MULTILABEL else []))
    known = {*range(labels.scale + 1 if labels.task is not Task.MULTICLASS else labels.count), labels.ignore}
    assert set(np.unique(read).tolist()) <= known


@every_kind
def test_reading_twice_gives_equal_arrays_of_their_own(kind, tmp_path):
    mask = write(kind, tmp_path)
    first = mask.read(SIZE)
    expected = first.copy()
    first[:] = 99
    assert (mask.read(SIZE) == expected).all()


@every_kind
def test_the_counts_are_those_of_what_is_read(kind, tmp_path):
    labels, mask = KINDS[kind][0], write(kind, tmp_path)
    read, counts = mask.read(SIZE), mask.count(labels, SIZE)
    if labels.task is Task.MULTILABEL:
        pixels = [int((layer > labels.scale / 2).sum()) for layer in read.transpose(2, 0, 1)]
    else:
        ids = np.where(read > labels.scale / 2, 1, 0) if labels.is_soft else read
        pixels = np.bincount(ids.ravel(), minlength=256)[: labels.count].tolist()
    assert sum(pixels) > 0
    assert counts == (pixels, int((read == labels.ignore).sum()), SIZE, ())


@every_kind
def test_its_fingerprint_is_of_the_content_and_not_of_the_path(kind, tmp_path):
    mask, copy, other = (write(kind, tmp_path / name, seed) for name, seed in (("a", 0), ("copy", 0), ("b", 1)))
    assert mask != copy
    assert mask.fingerprint() == copy.fingerprint() != other.fingerprint()


@every_kind
def test_it_is_equal_to_one_of_the_same_files(kind, tmp_path):
    assert write(kind, tmp_path) == write(kind, tmp_path)
    assert len({write(kind, tmp_path), write(kind, tmp_path)}) == 1


@every_kind
def test_a_missing_file_is_named(kind, tmp_path):
    labels, mask = KINDS[kind][0], write(kind, tmp_path)
    mask.files[-1].unlink()
    with pytest.raises((DataError, FileNotFoundError), match=mask.files[-1].name):
        mask.read(SIZE)
    with pytest.raises(FileNotFoundError):
        mask.count(labels, SIZE)
    with pytest.raises(OSError, match=mask.files[-1].name):
        mask.fingerprint()


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - READ_BEFORE))
def test_a_damaged_file_is_named(kind, tmp_path):
    labels, mask = KINDS[kind][0], write(kind, tmp_path)
    mask.files[-1].write_bytes(b"nothing of the kind")
    for attempt in (mask.read, lambda size: mask.count(labels, size)):
        with pytest.raises(DataError, match=mask.files[-1].name):
            attempt(SIZE)


@every_kind
def test_the_inventory_knows_its_problems_and_its_key(kind, tmp_path):
    labels, mask = KINDS[kind][0], write(kind, tmp_path)
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "x.png")
    item = Item("x", tmp_path / "x.png", mask)
    counts, problems = examine([item], labels)
    assert (len(counts), problems) == (1, [])
    key = content_key([item], labels)
    shutil.copytree(tmp_path, tmp_path / "copy")
    assert content_key([Item("x", tmp_path / "copy" / "x.png", mask)], labels) == key
    mask.files[0].unlink()
    assert [problem.kind for problem in examine([item], labels).problems] == [ProblemKind.MISSING]
    assert content_key([item], labels) is None


def test_ids_that_mean_nothing_are_found_in_a_mask_that_is_counted_by_being_read(tmp_path):
    (tmp_path / "runs.txt").write_text("0 50\n9 2\n7 2\n")
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "x.png")
    item = Item("x", tmp_path / "x.png", Runs(tmp_path / "runs.txt"))
    (problem,) = examine([item], IDS).problems
    assert problem.kind is ProblemKind.IDS
    assert "runs.txt must hold ids 0 to 2 or 255 (ignored), but holds [7, 9]" in problem.message
