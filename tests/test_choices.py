"""The look-up by name and its error message."""

import pytest

from rarepix.choices import nearest, pick

TABLE = {"focal": 1, "dice": 2, "ce": 3}


@pytest.mark.parametrize(
    ("name", "close"), [("focall", "focal"), ("FOCAL", "focal"), ("dise", "dice"), ("lovasz", None), ("", None)]
)
def test_nearest_names_the_closest_unless_it_is_too_far(name, close):
    assert nearest(name, TABLE) == (f"did you mean {close!r}? " if close else "")


def test_pick_returns_the_value():
    assert [pick(TABLE, name, "loss") for name in TABLE] == [1, 2, 3]


def test_pick_returns_false_values():
    assert pick({"nothing": 0}, "nothing", "thing") == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("focl", "unknown loss 'focl': did you mean 'focal'? valid: ce, dice, focal"),
        ("tversky-x", "unknown loss 'tversky-x': valid: ce, dice, focal"),
    ],
)
def test_pick_names_the_unknown_and_the_valid_names(name, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        pick(TABLE, name, "loss")
    assert str(caught.value) == message
