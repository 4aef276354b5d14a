"""Numbers as people read them."""

import math

import pytest

from rarepix.viz.style import number, percent


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
