import numpy as np
import pandas as pd

from analysis.plots.differences import difference_matrix, draw_differences

COLUMNS = ["treatment", "a", "b", "class", "difference", "p_adjusted", "train_pixels"]
ROWS = pd.DataFrame(
    [
        ("loss", "ce", "dice", "sky", 0.01, 0.9, 1000),
        ("loss", "ce", "dice", "kite", 0.05, 0.01, 10),
        ("loss", "ce", "focal", "sky", -0.30, 0.2, 1000),
        ("loss", "ce", "focal", "kite", np.nan, np.nan, 10),
        ("loss", "dice", "focal", "sky", 0.02, 0.5, 1000),
        ("loss", "dice", "focal", "car", 0.02, 0.5, 100),
    ],
    columns=COLUMNS,
)


def test_classes_stand_rarest_first_and_comparisons_as_they_came():
    values, p, total = difference_matrix(ROWS)
    assert list(values) == ["kite", "car", "sky"]
    assert list(values.index) == [("loss", "ce", "dice"), ("loss", "ce", "focal"), ("loss", "dice", "focal")]
    np.testing.assert_array_equal(values.iloc[0], [0.05, np.nan, 0.01])
    np.testing.assert_array_equal(p.iloc[0], [0.01, np.nan, 0.9])
    assert total == 3


def test_what_was_shown_comes_before_what_is_large():
    values, _, total = difference_matrix(ROWS, most=2)
    assert list(values.index) == [("loss", "ce", "dice"), ("loss", "ce", "focal")]
    assert total == 3
    assert list(difference_matrix(ROWS, most=1)[0].index) == [("loss", "ce", "dice")]


def test_no_difference_is_no_map():
    assert draw_differences(pd.DataFrame()) is None
    assert draw_differences(ROWS.assign(difference=np.nan)) is None
