"""What is a table of counts, and proportion and major class, by hand."""

import numpy as np
import pandas as pd
import pytest

from rarepix.data.tables import checked, major_class, proportion

COUNTS = pd.DataFrame(
    {"background": [6, 3, 8, 0, 0], "cat": [1, 4, 0, 0, 0], "dog": [1, 4, 0, 0, 0], "border": [2, 9, 2, 5, 0]},
    index=list("vwxyz"),
)


def test_a_table_of_counts_is_returned_as_it_is():
    pd.testing.assert_frame_equal(checked(COUNTS), COUNTS)
    pd.testing.assert_frame_equal(checked(COUNTS.astype(float), ["dog", "cat"]), COUNTS[["dog", "cat"]].astype(float))


def test_of_the_columns_that_are_not_chosen_nothing_is_asked():
    assert checked(COUNTS.assign(path="a.png", area=np.nan), ["cat"]).columns.tolist() == ["cat"]


@pytest.mark.parametrize(
    ("counts", "columns", "message"),
    [
        (COUNTS, "cat", r"the classes must be a list of names, but got 'cat': write \['cat'\]"),
        (COUNTS, [], r"the classes must name at least one class, but got \[\]"),
        (COUNTS, ["cat", "dog", "cat"], r"must name each class once, but \['cat'\] come more than once"),
        (COUNTS, ["cat", "dgo"], r"must be in the table, but 'dgo' is not: did you mean 'dog'\? valid: background"),
        (COUNTS[[]], None, "must have a column for each class, but has none"),
        (pd.concat([COUNTS, COUNTS[:1]]), ["cat"], r"each image must be in the table once, .* come again: \['v'\]"),
        (pd.concat([COUNTS, COUNTS[["cat"]]], axis=1), None, r"each column must be .* these come again: \['cat'\]"),
        (COUNTS.assign(cat="7"), ["cat"], "must hold integers .*, but the column 'cat' holds (object|str)"),
        (COUNTS > 0, None, "must hold integers .*, but the column 'background' holds bool"),
        (COUNTS.astype("Int64"), None, "must hold integers .*, but the column 'background' holds Int64"),
        (COUNTS.assign(dog=[0, 1, np.nan, 0, 0]), None, "finite and not negative, but 'dog' of the image 'x' is nan"),
        (COUNTS.assign(dog=[0, 1, 0, np.inf, 0]), None, "finite and not negative, but 'dog' of the image 'y' is inf"),
        (COUNTS.assign(dog=[0, 1, 0, 0, -2]), ["dog"], "finite and not negative, but 'dog' of the image 'z' is -2"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_counts(counts, columns, message):
    with pytest.raises(ValueError, match=message):
        checked(counts, columns, what="the classes")


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
