"""The table of classes and their co-occurrence, by hand."""

import pandas as pd
import pytest

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
