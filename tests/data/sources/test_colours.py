"""Colour masks: what the tables say, and colours that are no class."""

import json

import numpy as np
import pytest
from PIL import Image

from rarepix.data.masks import read_mask
from rarepix.data.source import DataError
from rarepix.data.sources import open_source
from tests.layouts import lines, picture, save

SKY, ROAD, VOID = (128, 128, 128), (128, 64, 128), (0, 0, 0)
ROWS = (("sky", SKY), ("road", ROAD), ("void", VOID))
EXPECTED = np.array([[0, 0, 0], [1, 1, 255]], np.uint8)


def write(root, table="class_dict.csv", *rows):
    rows = rows or ("name,r,g,b", "sky,128,128,128", "road,128,64,128", "Void,0,0,0")
    save(picture(0, (2, 3)), root / "train" / "a.png")
    save(np.array([[SKY] * 3, [ROAD, ROAD, VOID]], np.uint8), root / "train_labels" / "a_L.png")
    lines(root / table, *rows)
    return root


def read(root, **parameters):
    return read_mask(open_source("colours", root, **parameters).items("train")[0])


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("class_dict.csv", ("name,r,g,b", "sky,128,128,128", "road,128,64,128", "Void,0,0,0")),
        ("class_dict.csv", ("r, g, b, name", "128, 128, 128, sky", "128, 64, 128, road", "0, 0, 0, unlabelled")),
        ("labelmap.txt", ("# label:color_rgb:parts:actions", "sky:128,128,128::", "road:128,64,128::", "void:0,0,0::")),
        ("label_colors.txt", ("128 128 128\tsky", "128 64 128\troad", "0 0 0\tVoid")),
        ("colormap.json", ('{"sky": [128, 128, 128], "road": [128, 64, 128], "void": [0, 0, 0]}',)),
        ("classes.json", (json.dumps([{"label": name, "rgb": colour} for name, colour in ROWS]),)),
    ],
)  # fmt: skip
def test_every_table_gives_the_same_mask(tmp_path, table, rows):
    source = open_source("colours", write(tmp_path, table, *rows))
    assert source.labels.names == ("sky", "road")
    assert source.labels.palette == (SKY, ROAD)
    assert (read_mask(source.items("train")[0]) == EXPECTED).all()
    assert "is taken for ignored; if not, write data.ignored: []" in source.assumed


def test_the_palette_of_dataset_json_is_a_table(tmp_path):
    write(tmp_path, "dataset.json", json.dumps({"classes": ["sky", "road", "hole"], "palette": [SKY, ROAD, VOID]}))
    assert (read(tmp_path) == np.where(EXPECTED == 255, 2, EXPECTED)).all()


def test_what_is_ignored_is_named_by_the_recipe(tmp_path):
    write(tmp_path)
    assert open_source("colours", tmp_path, ignored=()).labels.names == ("sky", "road", "Void")
    assert (read(tmp_path, ignored=("sky",)) == np.array([[255] * 3, [0, 0, 1]])).all()
    with pytest.raises(DataError, match=r"data.ignored must name rows of .*, but roof is none of sky, road, Void"):
        read(tmp_path, ignored=("roof",))


def test_a_palette_image_counts_by_its_colours_and_not_by_its_indices(tmp_path):
    write(tmp_path)
    reordered = Image.fromarray(np.array([[2, 2, 2], [0, 0, 1]], np.uint8))
    reordered.putpalette([*ROAD, *VOID, *SKY])
    reordered.save(tmp_path / "train_labels" / "a_L.png")
    assert (read(tmp_path) == EXPECTED).all()


def test_a_colour_that_is_no_class_is_named_with_the_nearest(tmp_path):
    write(tmp_path)
    save(np.array([[SKY] * 3, [ROAD, (130, 64, 128), VOID]], np.uint8), tmp_path / "train_labels" / "a_L.png")
    with pytest.raises(
        DataError, match=r"a_L.png .*\(130, 64, 128\) in 1 pixels \(nearest: \(128, 64, 128\), id 1\): name the colour"
    ):
        read(tmp_path)


def test_jpeg_masks_are_refused(tmp_path):
    write(tmp_path)
    save(np.zeros((2, 3, 3), np.uint8), tmp_path / "train_labels" / "a_L.jpg")
    (tmp_path / "train_labels" / "a_L.png").unlink()
    with pytest.raises(DataError, match=r"saved without loss, but 1 are JPEG .*, which blurs colours"):
        open_source("colours", tmp_path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("name,r,g", "sky,1,2"), "the first row must name the columns name, r, g, b, but is name,r,g"),
        (("name,r,g,b", "sky,1,2,300"), "a colour has values from 0 to 255, but one is 1, 2, 300"),
        (("name,r,g,b", "sky,1,2,x"), "invalid literal"),
        (("name,r,g,b", "sky,1,2"), "line 2 has 3 of 4 cells"),
        (("name,r,g,b", "sky,1,2,3", "sky,1,2,4"), "must name every class once, but names 'sky' more often"),
        (("name,r,g,b", "sky,1,2,3", "sea,1,2,3"), r"must name every colour once, but names \(1, 2, 3\) more often"),
        (("name,r,g,b",), "has none"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, rows, message):
    with pytest.raises(DataError, match=rf"class_dict.csv.*{message}"):
        read(write(tmp_path, "class_dict.csv", *rows))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"name": "sky"}]', "'color'"),
        ('["sky", "road"]', "has no attribute 'get'"),
        ('{"sky": "804080"}', "a colour is three numbers, but one is '804080'"),
    ],
)
def test_a_json_table_without_colours_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=rf"classes.json must name a class and its red, .*{message}"):
        read(write(tmp_path, "classes.json", text))


def test_without_a_table_it_says_which_are_known(tmp_path):
    write(tmp_path)
    (tmp_path / "class_dict.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"class_dict.csv, labelmap.txt, .*: write one, or name it"):
        read(tmp_path)
