import numpy as np
import pandas as pd

from analysis.plots.class_differences import difference_matrix, draw_differences
from analysis.plots.style import styled

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
).assign(floor_adjusted=0.001)


def test_classes_stand_rarest_first_and_comparisons_as_they_came():
    values, shown, _, total = difference_matrix(ROWS)
    assert list(values) == ["kite", "car", "sky"]
    assert list(values.index) == [("loss", "ce", "dice"), ("loss", "ce", "focal"), ("loss", "dice", "focal")]
    np.testing.assert_array_equal(values.iloc[0], [0.05, np.nan, 0.01])
    np.testing.assert_array_equal(shown.iloc[0], [True, False, False])
    assert total == 3


def test_what_was_shown_comes_before_what_is_large():
    values, _, _, total = difference_matrix(ROWS, most=2)
    assert list(values.index) == [("loss", "ce", "dice"), ("loss", "ce", "focal")]
    assert total == 3
    assert list(difference_matrix(ROWS, most=1).values.index) == [("loss", "ce", "dice")]


def test_no_difference_is_no_map():
    assert draw_differences(pd.DataFrame()) is None
    assert draw_differences(ROWS.assign(difference=np.nan)) is None


def test_what_could_not_be_decided_is_hatched_and_the_legend_says_so():
    floors = [0.001, 0.001, 0.333, np.nan, 0.333, 0.001]
    rows = ROWS.assign(floor_adjusted=floors)
    result = difference_matrix(rows)
    expected = pd.DataFrame([[False] * 3, [False, False, True], [False, False, True]])
    np.testing.assert_array_equal(result.undecidable, expected)
    figure = draw_differences(rows)
    assert len(figure.axes[0].patches) == 2
    assert all(patch.get_hatch() for patch in figure.axes[0].patches)
    (legend,) = figure.legends
    assert legend.get_texts()[0].get_text() == "cannot be decided with so few, whatever comes out"
    decidable = draw_differences(ROWS)
    assert not decidable.legends
    assert not decidable.axes[0].patches


def test_what_rounds_to_zero_is_written_without_a_sign():
    texts = [
        text.get_text() for text in draw_differences(ROWS.assign(difference=[-0.001] * 3 + [0.2] * 3)).axes[0].texts
    ]
    assert sorted({text for text in texts if "." in text}) == ["+.20", ".00"]


def test_the_order_of_the_classes_is_called_what_it_is():
    def title(rows):
        with styled():
            return draw_differences(rows).axes[0].get_title(loc="left")

    assert "rarest class first" in title(ROWS)
    assert "classes in the order of the file" in title(ROWS.assign(train_pixels=np.nan))
