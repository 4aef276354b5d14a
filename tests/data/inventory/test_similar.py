"""Nearly equal images and films: what is found among photographs that ship with packages, and what is not."""

import io
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import sklearn
import tifffile
from PIL import Image, ImageEnhance

from rarepix.data.bands import Bands
from rarepix.data.inventory.duplicates import find_similar
from rarepix.data.inventory.fingerprints import fingerprint
from rarepix.data.inventory.problems import ProblemKind
from rarepix.data.inventory.similar import similar_groups
from rarepix.data.masks import IdMask
from rarepix.data.source import Item

PHOTOGRAPHS = (
    Path(sklearn.__file__).parent / "datasets" / "images" / "china.jpg",
    Path(sklearn.__file__).parent / "datasets" / "images" / "flower.jpg",
    Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg",
)
PARTS = 3


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    """Parts of the photographs that do not overlap, which count as different photographs."""
    parts = []
    for file in PHOTOGRAPHS:
        with Image.open(file) as image:
            width, height = image.size
            for row, column in np.ndindex(PARTS, PARTS):
                box = (width * column, height * row, width * (column + 1), height * (row + 1))
                parts.append(image.convert("RGB").crop(tuple(side // PARTS for side in box)))
    return parts


def encoded(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream)


def scaled(image: Image.Image, factor: float) -> Image.Image:
    return image.resize(tuple(round(side * factor) for side in image.size), Image.Resampling.BICUBIC)


def cropped(image: Image.Image, left: float, upper: float, right: float, lower: float) -> Image.Image:
    width, height = image.size
    return image.crop((int(left * width), int(upper * height), int((1 - right) * width), int((1 - lower) * height)))


CHANGES = {
    "JPEG of quality 30": lambda image: encoded(image, 30),
    "JPEG of quality 70": lambda image: encoded(image, 70),
    "half as large": lambda image: scaled(image, 0.5),
    "half as large again": lambda image: scaled(image, 1.5),
    "5 % cut off at each border": lambda image: cropped(image, 0.05, 0.05, 0.05, 0.05),
    "5 % cut off at a corner": lambda image: cropped(image, 0.05, 0.05, 0, 0),
    "8 % cut off at the right": lambda image: cropped(image, 0, 0, 0.08, 0),
    "darker by 30 %": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "brighter by 20 %": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "darker, cut and encoded": lambda image: encoded(
        cropped(ImageEnhance.Brightness(image).enhance(0.85), 0.02, 0.03, 0.03, 0.02), 60
    ),
}


def item(folder: Path, name: str, image: Image.Image) -> Item:
    image.save(folder / f"{name}.png")
    return Item(name, folder / f"{name}.png", IdMask(folder / f"{name}.png"))


@pytest.fixture(scope="module")
def found(photographs, tmp_path_factory) -> set[frozenset[str]]:
    """The pairs that are found among all photographs and all changed ones; names: photograph, change."""
    folder = tmp_path_factory.mktemp("photographs")
    images = {"as it is": lambda image: image} | CHANGES
    items = [
        item(folder, f"{number} {change}", images[change](photograph))
        for number, photograph in enumerate(photographs)
        for change in images
    ]
    groups = similar_groups(items).groupby("near")["image"]
    return {frozenset(pair) for _, names in groups for pair in combinations(names, 2)}


def found_share(photographs, found, *changes: str) -> float:
    numbers = range(len(photographs))
    pairs = [frozenset((f"{number} as it is", f"{number} {change}")) for number in numbers for change in changes]
    return sum(pair in found for pair in pairs) / len(pairs)


def test_changed_photographs_are_found(photographs, found):
    assert found_share(photographs, found, *CHANGES) >= 0.95


@pytest.mark.parametrize("change", CHANGES)
def test_no_kind_of_change_hides_many(photographs, found, change):
    assert found_share(photographs, found, change) >= 0.85


def test_different_photographs_are_not(photographs, found):
    names = [(number, change) for number in range(len(photographs)) for change in ("as it is", *CHANGES)]
    different = [
        frozenset((f"{a} {first}", f"{b} {second}")) for (a, first), (b, second) in combinations(names, 2) if a != b
    ]
    assert len(different) > 40_000
    assert sum(pair in found for pair in different) <= 0.01 * len(different)


def drift(photograph: Image.Image, steps: int) -> list[Image.Image]:
    """A film: a window that moves over a photograph."""
    width, height = photograph.size
    window = (width // 2, height // 2)
    starts = [round((width - window[0]) * step / (steps - 1)) for step in range(steps)]
    return [photograph.crop((start, 0, start + window[0], window[1])) for start in starts]


def test_the_images_of_a_film_are_one_group_and_numbered_photographs_are_none(photographs, tmp_path):
    with Image.open(PHOTOGRAPHS[0]) as china:
        film = drift(china.convert("RGB"), 12)
    items = [item(tmp_path, f"china_{10 * number:05}", frame) for number, frame in enumerate(film)]
    items += [item(tmp_path, f"photo_{number}", photograph) for number, photograph in enumerate(photographs[9:])]
    table = similar_groups(items).set_index("image")
    frames = [name for name in table.index if name.startswith("china")]
    assert table.loc[frames, "group"].nunique() == 1
    assert table.loc[frames, "near"].nunique() > 1
    assert table.drop(frames)["group"].nunique() >= len(items) - len(frames) - 1


def test_images_of_one_colour_and_unreadable_ones_are_alone(tmp_path):
    items = [item(tmp_path, name, Image.new("RGB", (40, 30), (90, 90, 90))) for name in "abc"]
    items[2].image.write_bytes(b"no image")
    assert similar_groups(items)["group"].tolist() == [0, 1, 2]
    assert fingerprint(items[0]) is None


def test_fewer_than_two_images(tmp_path, photographs):
    assert similar_groups([])["group"].tolist() == []
    assert similar_groups([item(tmp_path, "a", photographs[0])])["group"].tolist() == [0]


def test_the_stored_table_is_of_the_content(tmp_path, photographs):
    (tmp_path / "cache").mkdir()
    items = [item(tmp_path, "a", photographs[0]), item(tmp_path, "b", photographs[0])]
    first = similar_groups(items, cache=tmp_path / "cache")
    assert first["near"].tolist() == [0, 0]
    assert similar_groups(items, cache=tmp_path / "cache").equals(first)
    photographs[12].save(items[1].image)
    assert similar_groups(items, cache=tmp_path / "cache")["near"].tolist() == [0, 1]


def test_groups_are_told_once_and_leaks_first(tmp_path, photographs):
    changed = [encoded(photographs[0], 50), scaled(photographs[0], 0.5)]
    items = [item(tmp_path, f"x{number}", image) for number, image in enumerate([photographs[0], *changed])]
    items += [item(tmp_path, "y", photographs[12]), item(tmp_path, "z", cropped(photographs[12], 0.03, 0, 0, 0))]
    lists = {name: ["train"] for name in ("x0", "x1", "y", "z")} | {"x2": ["val"]}
    leak, twins = find_similar(items, lists, similar_groups(items))
    assert (leak.kind, twins.kind) == (ProblemKind.NEAR_LEAK, ProblemKind.NEAR)
    assert "nearly equal: x0 (train), x1 (train), x2 (val): what is tested was nearly trained on" in leak.message
    assert "nearly equal: y (train), z (train): keep them in one fold with data.groups: auto" in twins.message


def test_the_same_file_is_left_to_the_search_for_duplicates(tmp_path, photographs):
    items = [item(tmp_path, "a", photographs[0]), item(tmp_path, "b", photographs[0])]
    assert find_similar(items, {"a": ["train"], "b": ["val"]}, similar_groups(items)) == []


def test_deep_images_of_four_bands_are_compared_in_the_bands_and_range_that_are_stated(photographs, tmp_path):
    items = []
    for number, image in enumerate((photographs[0], photographs[1], photographs[0])):
        pixels = np.asarray(image).astype(np.uint16) * 16
        four = np.dstack([pixels, pixels[..., :1]])
        tifffile.imwrite(tmp_path / f"{number}.tif", four, photometric="rgb", extrasamples=["unspecified"])
        item = Item(f"image {number}", tmp_path / f"{number}.tif", IdMask(tmp_path / "mask.png"))
        items.append(replace(item, bands=Bands(channels=4, range=(0, 4095))))
    table = similar_groups(items, cache=tmp_path / "cache")
    assert table["near"].tolist() == [0, 1, 0]
    unreadable = [replace(item, bands=Bands()) for item in items]
    assert similar_groups(unreadable, cache=tmp_path / "cache")["near"].tolist() == [0, 1, 2]
