"""Presence, proportion and major class of a table of counts, by hand."""

import pandas as pd
import pytest

from rarepix.data.tables import major_class, presence, proportion

COUNTS = pd.DataFrame(
    {"background": [6, 3, 8, 0, 0], "cat": [1, 4, 0, 0, 0], "dog": [1, 4, 0, 0, 0], "border": [2, 9, 2, 5, 0]},
    index=list("vwxyz"),
)


def test_presence():
    held = presence(COUNTS)
    assert held.loc["x"].tolist() == [True, False, False, True]
    assert {str(kind) for kind in held.dtypes} == {"bool"}


def test_proportion_of_the_columns():
    share = proportion(COUNTS)
    assert share.loc["v"].tolist() == pytest.approx([0.6, 0.1, 0.1, 0.2])
    assert share.loc["y"].tolist() == [0, 0, 0, 1]
    assert share.loc["z"].isna().all()
    assert {str(kind) for kind in share.dtypes} == {"float64"}


def test_proportion_of_an_area():
    area = pd.Series({"z": 10, "y": 10, "x": 10, "w": 40, "v": 10})  # in another order
    share = proportion(COUNTS[["cat"]], area)
    assert share["cat"].tolist() == pytest.approx([0.1, 0.1, 0, 0, 0])


def test_major_class_looks_past_background_and_border():
    expected = {"v": "cat", "w": "cat", "x": "background", "y": "border", "z": ""}
    assert major_class(COUNTS).to_dict() == expected


def test_major_class_of_all():
    assert major_class(COUNTS, ignoring=()).tolist() == ["background", "border", "background", "border", ""]


def test_nothing_but_what_is_ignored():
    assert major_class(COUNTS[["background"]]).tolist() == ["background"] * 3 + ["", ""]


def test_the_first_of_equals_is_the_first_column():
    assert major_class(COUNTS[["dog", "cat"]])["v"] == "dog"


def test_no_images():
    assert major_class(COUNTS.iloc[:0]).tolist() == []
    assert proportion(COUNTS.iloc[:0]).shape == (0, 4)
    assert presence(COUNTS.iloc[:0]).shape == (0, 4)
