"""Configuration sections: frozen, without unknown keys, and with one line per problem."""

import pytest
from pydantic import Field, ValidationError

from rarepix.settings import Settings, explain


class Inner(Settings):
    rate: float = Field(0.1, gt=0)
    name: str = "x"


class Outer(Settings):
    inner: Inner = Inner()
    count: int = 1


def lines(**tree) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Outer(**tree)
    return explain(caught.value, Outer).splitlines()


@pytest.mark.parametrize(
    ("tree", "line"),
    [
        ({"inner": {"rat": 1}}, "unknown key 'inner.rat': did you mean 'inner.rate'? valid: inner.rate, inner.name"),
        ({"cont": 1}, "unknown key 'cont': did you mean 'count'? valid: inner, count"),
        ({"inner": {"rate": 0}}, "inner.rate: Input should be greater than 0, but got 0"),
        (
            {"count": "many"},
            "count: Input should be a valid integer, unable to parse string as an integer, but got 'many'",
        ),
        ({"inner": {"rate": float("nan")}}, "inner.rate: Input should be a finite number, but got nan"),
        ({"inner": {"rate": float("inf")}}, "inner.rate: Input should be a finite number, but got inf"),
    ],
)
def test_explains(tree, line):
    assert lines(**tree) == [line]


def test_every_problem_has_its_line():
    actual = lines(cont=1, inner={"rate": -1, "nme": "y"})
    assert sorted(line.split(":")[0] for line in actual) == [
        "inner.rate",
        "unknown key 'cont'",
        "unknown key 'inner.nme'",
    ]


def test_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Outer().count = 2


class Optional(Settings):
    inner: Inner | None = None


def test_the_keys_of_an_optional_section_are_named():
    with pytest.raises(ValidationError) as caught:
        Optional(inner={"nam": "y"})
    expected = "unknown key 'inner.nam': did you mean 'inner.name'? valid: inner.rate, inner.name"
    assert explain(caught.value, Optional) == expected


def test_a_missing_key_is_named():
    class Needed(Settings):
        root: str

    with pytest.raises(ValidationError) as caught:
        Needed()
    assert explain(caught.value, Needed) == "root must be given, but is not"
