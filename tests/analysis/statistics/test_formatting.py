"""Numbers as a person reads them."""

import pytest

from analysis.statistics.formatting import as_text, difference, floor_text, p_text, signed


@pytest.mark.parametrize(
    ("value", "text"), [(0.00012345, "0.0001234"), (2.0, "2"), (True, "True"), (3, "3"), (1e-7, "1e-07")]
)
def test_parameters_as_text(value, text):
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0496, ".0496"), (0.0504, ".0504"), (0.04997, ".04997"), (0.05, ".050"), (0.023, ".023"), (0.0625, ".062"),
        (0.19, ".19"), (0.9999, "1"), (0.0002, "< .001"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_a_p_beside_alpha_shows_its_side(p, text):
    assert p_text(p) == text


def test_alpha_may_be_another():
    assert (p_text(0.1004, alpha=0.1), p_text(0.1004)) == (".1004", ".10")


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0625, ".0625"), (0.125, ".125"), (0.1875, ".1875"), (1.0, "1"), (1e-4, "< .001"), (0.03125, ".03125")],
)
def test_floors_keep_their_digits(p, text):
    assert floor_text(p) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0132, "+0.013"), (-0.0006, "−0.001"), (-0.00042, "−0.00042"), (0.000096, "+0.000096"), (0.0, "+0.000"),
        (-1e-17, "+0.000"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_differences_are_never_rounded_away(value, text):
    assert difference(value) == text


def test_nothing_has_no_minus():
    assert (signed(-0.0001), signed(-0.0), signed(-0.004, 2)) == ("+0.000", "+0.000", "+0.00")
