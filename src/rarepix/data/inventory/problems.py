"""What is wrong with a dataset: every problem with its kind, its image and a message."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from rarepix.data.source import DataError

NAMED_AT_MOST = 10


class ProblemKind(StrEnum):
    """What can be wrong, in the order in which it is told."""

    LIST = "unusable lists"
    MISSING = "missing files"
    IMAGE = "unreadable images"
    MASK = "unreadable masks"
    SIZE = "masks of another size than their image"
    IDS = "masks with ids outside the label space"
    LEAK = "identical images in different lists"
    TWIN = "identical images"


class Problem(NamedTuple):
    """One thing that is wrong."""

    kind: ProblemKind
    image: str
    """Image id; '' for a list."""
    message: str
    """Names the file, says what must hold, what came and what to do."""


def refuse(problems: Sequence[Problem]) -> None:
    """Raise ``DataError`` if there are problems; it names the first ones and says how many more there are."""
    if problems:
        named = [problem.message for problem in problems[:NAMED_AT_MOST]]
        more = f"\n… and {len(problems) - NAMED_AT_MOST} more" if len(problems) > NAMED_AT_MOST else ""
        raise DataError("\n".join(named) + more)


def format_problems(problems: Sequence[Problem], *, of_each: int) -> Iterator[str]:
    """Give the lines that tell of the problems: each kind with its number, then the first *of_each* of them."""
    for kind in ProblemKind:
        found = [problem for problem in problems if problem.kind is kind]
        if found:
            yield f"{kind}: {len(found)}"
        yield from (f"  {problem.message}" for problem in found[:of_each])
        if len(found) > of_each:
            yield f"  … and {len(found) - of_each} more"
