"""The table of classes and their co-occurrence, by hand."""

import math

import pandas as pd
import pytest

from rarepix.data.inventory.formatting import number, percent
from rarepix.data.inventory.summary import class_table, co_occurrence

COUNTS = pd.DataFrame(
    {
        "cat": [1, 0, 3, 0],
        "sky": [8, 10, 2, 10],
        "dog": [1, 0, 0, 0],
        "elk": [0, 0, 0, 0],
        "border": [0, 0, 5, 0],
        "height": [2, 2, 2, 2],
        "width": [5, 5, 5, 5],
    },
    index=list("wxyz"),
)
CLASSES = ["cat", "sky", "dog", "elk"]
OBJECTS = pd.DataFrame({"image": ["w", "w", "y", "y"], "class": ["cat", "dog", "cat", "cat"], "pixels": [1, 1, 1, 2]})


def test_the_table_of_classes():
    table = class_table(COUNTS, OBJECTS, CLASSES)
    assert table.index.tolist() == ["sky", "cat", "dog", "elk", "border"]
    assert table["images"].tolist() == [4, 2, 1, 0, 1]
    assert table["image_share"].tolist() == [1, 0.5, 0.25, 0, 0.25]
    assert table["pixels"].tolist() == [30, 4, 1, 0, 5]
    assert table["pixel_share"].tolist() == pytest.approx([0.75, 0.1, 0.025, 0, 0.125])
    assert table["objects"].tolist() == [0, 3, 1, 0, 0]
    assert table["object_pixels"].tolist()[1:3] == [1, 1]
    assert table["object_pixels"].isna().tolist() == [True, False, False, True, True]


def test_co_occurrence_is_of_the_rows_class():
    together = co_occurrence(COUNTS[CLASSES])
    assert together.loc["cat"].tolist()[:3] == [1, 1, 0.5]
    assert together.loc["sky"].tolist() == [0.5, 1, 0.25, 0]
    assert together.loc["dog"].tolist() == [1, 1, 1, 0]
    assert together.loc["elk"].isna().all()  # no image holds it: there is nothing to say


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"), (1, "100 %"), (0.9996, "100 %"), (0.413, "41.3 %"), (0.1, "10 %"), (0.0991, "9.9 %"), (0.01, "1 %"),
        (0.0029, "0.29 %"), (0.0000012, "0.00012 %"), (math.nan, "–"),
    ],
)  # fmt: skip
def test_percent(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (37, "37"), (41.5, "41.5"), (999, "999"), (1000, "1k"), (61594, "61.6k"), (3e6, "3M"), (2.5e9, "2.5G"),
     (math.nan, "–")],
)  # fmt: skip
def test_number(value, text):
    assert number(value) == text
