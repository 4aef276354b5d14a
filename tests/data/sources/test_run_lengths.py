"""Tables of run lengths: the dialects by hand, the columns of competitions, and rows that cannot be drawn."""

import numpy as np
import pytest

from rarepix.data.masks import read_mask
from rarepix.data.source import DataError
from rarepix.data.sources import open_source
from rarepix.labels import Task
from tests.layouts import lines, picture, save

SIZE = (4, 5)
"""Rows and columns: pixel 1 is the upper left one, pixel 5 begins the second column, or pixel 6 the second row."""


def write(root, *rows, table="train.csv", folder="train_images", images=("a.jpg",)):
    for seed, name in enumerate(images):
        save(picture(seed, SIZE), root / folder / name)
    lines(root / table, *rows)
    return root


def read(root, **parameters):
    return read_mask(open_source("run_lengths", root, **parameters).items("train")[0])


def mask(*pixels, value=1):
    """The mask with these pixels, each (row, column) from 0."""
    expected = np.zeros(SIZE, np.uint8)
    for row, column in pixels:
        expected[row, column] = value
    return expected


def test_severstal_counts_from_1_down_the_columns(tmp_path):
    """1 3: the first three of column 0. 10 2: pixels 10 and 11, the second and third of column 2."""
    write(tmp_path, "ImageId,ClassId,EncodedPixels", "a.jpg,3,1 3 10 2")
    source = open_source("run_lengths", tmp_path)
    assert source.labels.names == ("background", "class 3")
    assert (read_mask(source.items("train")[0]) == mask((0, 0), (1, 0), (2, 0), (1, 2), (2, 2))).all()
    assert "absolute starts from 1, along columns" in source.assumed


def test_siim_counts_from_the_end_of_the_run_before(tmp_path):
    """1 2: after one pixel, two (1 and 2). 4 3: after four more (3 to 6), three (7, 8, 9)."""
    write(tmp_path, "ImageId, EncodedPixels", "a, 1 2 4 3", "b, -1", table="train-rle.csv", images=("a.png", "b.png"))
    source = open_source("run_lengths", tmp_path, encoding="relative")
    first, second = source.items("train")
    assert (read_mask(first) == mask((1, 0), (2, 0), (3, 1), (0, 2), (1, 2))).all()
    assert not read_mask(second).any()
    assert source.labels.task is Task.BINARY


def test_carvana_counts_along_the_rows(tmp_path):
    write(tmp_path, "img,rle_mask", "a.jpg,5 2 20 1", table="train_masks.csv", folder="train")
    assert (read(tmp_path) == mask((0, 4), (1, 0), (3, 4))).all()


def test_the_recipe_says_how_runs_are_meant(tmp_path):
    write(tmp_path, "id,rle", "a.jpg,0 2")
    assert (read(tmp_path, start=0, order="rows") == mask((0, 0), (0, 1))).all()
    assert (read(tmp_path, start=0, order="columns") == mask((0, 0), (1, 0))).all()
    with pytest.raises(DataError, match=r"line 2 must have runs within its image of 5×4 .*, 20 pixels, but run 1 covers"
                       r" pixels -1 to 0"):  # fmt: skip
        read(tmp_path)


def test_starts_that_go_back_are_recognised_as_relative(tmp_path):
    write(tmp_path, "ImageId,EncodedPixels", "a.jpg,9 1 2 1")
    source = open_source("run_lengths", tmp_path)
    assert "relative starts from 0, along columns; if they are meant otherwise" in source.assumed
    assert (read_mask(source.items("train")[0]) == mask((1, 2), (0, 3))).all()
    with pytest.raises(DataError, match=r"run 2 begins before the one before it ends: .*data.encoding=relative"):
        read(tmp_path, dialect="severstal")


@pytest.mark.parametrize("column", ["ImageId_ClassId", "Image_Label"])
def test_image_and_class_may_share_a_column(tmp_path, column):
    write(tmp_path, f"{column},EncodedPixels", "x_a.jpg_Fish,1 1", "x_a.jpg_Sugar,", images=("x_a.jpg",))
    source = open_source("run_lengths", tmp_path)
    assert source.labels.names == ("background", "Fish", "Sugar")
    (item,) = source.items("train")
    assert (read_mask(item) == mask((0, 0))).all()


def test_rows_of_one_image_are_put_together_and_the_smaller_is_on_top(tmp_path):
    write(tmp_path, "ImageId,ClassId,EncodedPixels", "a.jpg,2,1 1", "a.jpg,10,1 4", "a.jpg,2,20 1")
    expected = mask((1, 0), (2, 0), (3, 0), value=2) + mask((0, 0), (3, 4))
    assert (read(tmp_path) == expected).all()
    assert open_source("run_lengths", tmp_path).labels.names == ("background", "class 2", "class 10")


def test_images_without_a_row_are_empty_only_if_the_recipe_says_so(tmp_path):
    write(tmp_path, "ImageId,ClassId,EncodedPixels", "a.jpg,1,1 1", images=("a.jpg", "b.jpg"))
    source = open_source("run_lengths", tmp_path)
    assert [item.id for item in source.items("train")] == ["a"]
    assert "1 images in" in source.assumed
    assert "left out: b.jpg (data.unlisted=empty" in source.assumed
    items = open_source("run_lengths", tmp_path, unlisted="empty").items("train")
    assert [(item.id, int(read_mask(item).sum())) for item in items] == [("a", 1), ("b", 0)]


def test_one_wrong_row_does_not_change_how_the_others_are_read(tmp_path):
    write(tmp_path, "ImageId,ClassId,EncodedPixels", "a.jpg,1,1 1 3 1", "a.jpg,2,5 1 9 1", "a.jpg,3,9 2 4 1")
    source = open_source("run_lengths", tmp_path)
    assert "absolute starts from 1" in source.assumed
    with pytest.raises(DataError, match=r"train.csv: line 4 must have runs one after the other, but run 2 begins bef"):
        read_mask(source.items("train")[0])


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ("1 3 10", "must have a start and a length for every run, but has 3 numbers, which is odd"),
        (
            "19 3",
            r"must have runs within its image of 5×4 .*, 20 pixels, but run 1 covers pixels 18 to 20",
        ),
        ("1 0", "must have runs of at least one pixel"),
        ("1 x", "must have whole numbers for run lengths, but has 'x'"),
        (f"1 {2**63 - 1}", "must have runs within its image, but has 9223372036854775807, which is beyond that of any"),
        (f"{10**20} 2", "must have runs within its image, but has 100000000000000000000"),
        ("1 2.5", "must have whole numbers for run lengths, but has '2.5'"),
    ],
)
def test_a_row_that_cannot_be_drawn_is_named(tmp_path, runs, message):
    write(tmp_path, "ImageId,ClassId,EncodedPixels", "a.jpg,1,1 1", f"a.jpg,2,{runs}")
    with pytest.raises(DataError, match=f"train.csv: line 3 {message}"):
        read(tmp_path)


def test_names_without_ending_keep_their_dots(tmp_path):
    """Those of SIIM are the numbers of DICOM images."""
    rows = ("ImageId,EncodedPixels", "1.2.276.1,1 2", "1.2.276.2,3 1")
    write(tmp_path, *rows, images=("1.2.276.1.png", "1.2.276.2.png"))
    items = open_source("run_lengths", tmp_path, dialect="severstal").items("train")
    assert [item.id for item in items] == ["1.2.276.1", "1.2.276.2"]
    assert [item.image.name for item in items] == ["1.2.276.1.png", "1.2.276.2.png"]


def test_an_image_that_is_not_there_is_named(tmp_path):
    write(tmp_path, "ImageId,EncodedPixels", "a.jpg,1 1", "b.jpg,1 1")
    with pytest.raises(DataError, match=r"missing: .*b.jpg"):
        open_source("run_lengths", tmp_path).items("train")


def test_a_table_without_the_columns_is_refused_when_it_is_named(tmp_path):
    write(tmp_path, "file,width", "a.jpg,5")
    with pytest.raises(DataError, match=r"train.csv must have a column of images .* but has file, width"):
        open_source("run_lengths", tmp_path, annotations="train.csv")
    with pytest.raises(FileNotFoundError, match="must hold a table of run lengths"):
        open_source("run_lengths", tmp_path)


def test_columns_of_one_name_are_refused(tmp_path):
    write(tmp_path, "ImageId,EncodedPixels,EncodedPixels ", "a.jpg,1 2,3 4")
    with pytest.raises(DataError, match=r"train.csv must have a name of its own, but encodedpixels stands more than"):
        open_source("run_lengths", tmp_path)


@pytest.mark.parametrize("runs", ["1 -3", "1.5 3", "1 x"])
def test_a_wrong_first_row_is_named_instead_of_the_table_being_passed_over(tmp_path, runs):
    write(tmp_path, "ImageId,EncodedPixels", f"a.jpg,{runs}", "b.jpg,3 3", images=("a.jpg", "b.jpg"))
    with pytest.raises(DataError, match=r"train.csv: line 2 must have whole numbers for run lengths"):
        read_mask(open_source("auto", tmp_path).items("train")[0])
