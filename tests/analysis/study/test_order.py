"""Claims about pairs as an order in words."""

from itertools import combinations

import pytest

from analysis.study.order import order_text, tiers


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ([("a", "b"), ("a", "c"), ("b", "c")], [["a"], ["b"], ["c"]]),
        ([("a", "b"), ("a", "c")], [["a"], ["b", "c"]]),
        ([("a", "c"), ("b", "c")], [["a", "b"], ["c"]]),
        ([("a", "c")], None),  # b is neither above nor below anything
        ([("a", "b"), ("b", "c")], None),  # a and c are not decided
        ([("a", "b"), ("b", "c"), ("c", "a")], None),
        ([], None),
    ],
)
def test_claims_make_tiers_only_if_every_pair_of_two_tiers_is_claimed(claims, expected):
    assert tiers(claims, ["a", "b", "c"]) == expected


def test_an_order_is_written_as_one():
    whole = [("dice", "ce+dice"), ("dice", "ce"), ("ce+dice", "ce")]
    assert order_text(whole, ["ce", "ce+dice", "dice"]) == "dice above ce+dice above ce"
    assert order_text(whole[:2], ["ce", "ce+dice", "dice"]) == "dice above ce and ce+dice"
    assert order_text(whole[:1], ["ce", "ce+dice", "dice"]) == "dice above ce+dice"


def test_many_levels_are_counted():
    levels = list(range(10))
    assert order_text([(9, other) for other in range(9)], levels) == "9 above all 9 others"
    whole = [(b, a) for a, b in combinations(levels, 2)]
    assert order_text(whole, levels) == "9 above 8 above 7 above 7 others, in order"


def test_claims_that_form_no_order_are_grouped_by_the_higher_level():
    levels = ["a", "b", "c", "d"]
    assert order_text([("a", "b"), ("c", "d")], levels) == "a above b and c above d"
    assert order_text([("a", "b"), ("b", "c"), ("a", "d")], levels) == "a above b and d and b above c"
    numbers = list(range(10))
    claims = [(9, other) for other in range(9)] + [(8, other) for other in range(5)] + [(7, 0), (6, 0), (5, 0)]
    text = "9 above all 9 others, 8 above 5 of 9 others, 7 above 0 and 2 more"
    assert order_text(claims, numbers) == text


def test_against_the_default_it_stands_last():
    claims = [("dice", "ce"), ("focal", "ce"), ("ce", "mse")]
    levels = ["ce", "dice", "focal", "mse", "x"]
    assert order_text(claims, levels, "ce") == "dice and focal above and mse below the default ce"


def test_a_name_with_a_space_is_quoted():
    assert order_text([("the recipe as it is", "a")], ["a", "the recipe as it is"]) == "'the recipe as it is' above a"
