"""Look-up by name, with one error message for all unknown names."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

T = TypeVar("T")


class ChoiceError(ValueError):
    """A name is none of the valid names."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``"did you mean 'x'? "`` for the name closest to *name*, or an empty string if none is close."""
    close = get_close_matches(str(name).lower(), list(names), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}? " if close else ""


def pick(table: Mapping[str, T], name: str, what: str) -> T:
    """Return ``table[name]``.

    Raises:
        ChoiceError: *name* is not in *table*; the message says *what* it names, the nearest valid name and all others.
    """
    if name in table:
        return table[name]
    raise ChoiceError(f"unknown {what} {name!r}: {nearest(name, table)}valid: {', '.join(sorted(table))}")
