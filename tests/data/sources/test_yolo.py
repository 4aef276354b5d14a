"""YOLO labels: boxes and polygons as shares of the image, names of classes, and lines that cannot be drawn."""

import numpy as np
import pytest

from rarepix.data.masks import read_mask
from rarepix.data.source import DataError, FaultyList
from rarepix.data.sources import open_source
from tests.data.sources.outlines import differs_within_a_pixel, inside
from tests.layouts import lines, picture, save

SIZE = (40, 50)


def write(root, *rows, names="names: [rust, crack]", images="images/train", labels="labels/train", name="a"):
    save(picture(0, SIZE), root / images / f"{name}.jpg")
    (root / labels).mkdir(parents=True, exist_ok=True)
    lines(root / labels / f"{name}.txt", *rows)
    (root / "data.yaml").write_text(names)
    return root


def read(root, list_name="train"):
    return read_mask(open_source("yolo", root).items(list_name)[0])


def test_a_box_by_hand_is_filled_and_this_is_told(tmp_path):
    """Centre at (25, 20), 20 wide and 10 high."""
    expected = np.zeros(SIZE, np.uint8)
    expected[15:25, 15:35] = 2
    assert (read(write(tmp_path, "1 0.5 0.5 0.4 0.25")) == expected).all()
    source = open_source("yolo", tmp_path)
    assert source.labels.names == ("background", "rust", "crack")
    assert "boxes, which are filled: weak masks" in source.assumed


@pytest.mark.parametrize("seed", range(10))
def test_polygons_are_those_of_another_rasteriser_within_a_pixel(tmp_path, seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.random(rng.integers(3, 12))) * 2 * np.pi
    radii = rng.uniform(4, 18, len(angles))
    points = np.stack([25 + radii * np.cos(angles), 20 + radii * np.sin(angles)], 1)
    shares = " ".join(f"{value:.6f}" for value in (points / [50, 40]).ravel())
    mask = read(write(tmp_path, f"0 {shares}"))
    assert mask.any()
    assert differs_within_a_pixel(mask, inside(points, SIZE))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data.yaml", "names: [rust, crack]"),
        ("data.yaml", "names: {0: rust, 1: crack}"),
        ("classes.txt", "rust\ncrack\n"),
        ("obj.names", "rust\ncrack\n"),
    ],
)
def test_classes_are_named_by_a_file(tmp_path, file, text):
    write(tmp_path, "1 0.5 0.5 0.4 0.25")
    (tmp_path / "data.yaml").unlink()
    with pytest.raises(FileNotFoundError, match=r"must name the classes of its YOLO labels"):
        open_source("yolo", tmp_path)
    (tmp_path / file).write_text(text)
    assert open_source("yolo", tmp_path).labels.names == ("background", "rust", "crack")


def test_a_names_file_without_names_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"data.yaml must have names, a list or a mapping of the ids from 0 on"):
        open_source("yolo", write(tmp_path, "0 0.5 0.5 0.4 0.25", names="names: {1: rust}"))


@pytest.mark.parametrize(
    ("images", "labels", "list_name"),
    [
        ("images/train", "labels/train", "train"),
        ("train/images", "train/labels", "train"),
        ("images", "images", "all"),
        (".", ".", "all"),
    ],
)
def test_the_usual_folders_are_found(tmp_path, images, labels, list_name):
    write(tmp_path, "1 0.5 0.5 0.4 0.25", images=images, labels=labels)
    assert read(tmp_path, list_name).any()


def test_an_empty_file_is_an_image_without_objects_and_a_missing_one_is_not(tmp_path):
    write(tmp_path, "1 0.5 0.5 0.4 0.25")
    write(tmp_path, name="b")
    assert not read_mask(open_source("yolo", tmp_path).items("train")[1]).any()
    (tmp_path / "labels" / "train" / "b.txt").unlink()
    with pytest.raises(FaultyList, match=r"1 of 2 have none.*: images/train/b|train/b: add them"):
        open_source("yolo", tmp_path).items("train")
    assert not read_mask(open_source("yolo", tmp_path, missing_mask="empty").items("train")[1]).any()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2 0.5 0.5 0.4 0.25", "must begin with a class id from 0 to 1, not 2"),
        ("0.5 0.5 0.5 0.4 0.25", "must begin with a class id from 0 to 1, not 0.5"),
        ("0 5 0.5 0.4 0.25", "must have shares of width and height from 0 to 1, but has 5"),
        ("0 0.1 0.1 0.2 0.1 0.2", "must have x and y of every corner, but polygon 1 of 1 has 5 numbers, which is odd"),
        ("0 0.1 0.1", "must have at least three corners"),
        ("0 nan 0.1 0.2 0.2", "must have shares of width and height from 0 to 1, but has nan"),
        ("rust 0.1 0.1 0.2 0.2", "must hold numbers, but is 'rust 0.1 0.1 0.2 0.2'"),
    ],
)
def test_a_line_that_cannot_be_drawn_is_named(tmp_path, row, message):
    with pytest.raises(DataError, match=f"a.txt: line 2 {message}"):
        read(write(tmp_path, "0 0.5 0.5 0.4 0.25", row))
