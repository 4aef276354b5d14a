"""What is wrong with a dataset: every problem with its kind, its image and a message."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from rarepix.data.source import DataError

NAMED_AT_MOST = 10


class ProblemKind(StrEnum):
    """What can be wrong, in the order in which it is reported."""

    LIST = "unusable lists"
    MISSING = "missing files"
    IMAGE = "unreadable images"
    MASK = "unreadable masks"
    SIZE = "masks of another size than their image"
    IDS = "masks with ids outside the label space"
    PALETTE = "masks whose palette contradicts the classes"
    BANDS = "bands that are left out"
    LEAK = "identical images in different lists"
    TWIN = "identical images"
    NEAR_LEAK = "nearly equal images in different lists"
    NEAR = "nearly equal images"
    FILM = "images of one film in different lists"
    ABSENT = "classes that no image holds"
    FULL_SCALE = "masks that may be of 0 and 255"
    COLOURS = "masks with other colours"
    COMPANIONS = "files of macOS"
    OVERLAP = "objects that overlap"
    CLIPPED = "objects that reach beyond their image"


class Problem(NamedTuple):
    """One thing that is wrong."""

    kind: ProblemKind
    image: str
    """Image id; '' for a list."""
    message: str
    """Names the file, says what must hold, what was found and what to do."""


def refuse(problems: Sequence[Problem]) -> None:
    """Raise ``DataError`` if there are problems; its message has the first ones and the number of the others."""
    if problems:
        messages = [problem.message for problem in problems[:NAMED_AT_MOST]]
        more = [f"… and {len(problems) - NAMED_AT_MOST} more"] if len(problems) > NAMED_AT_MOST else []
        raise DataError("\n".join(messages + more))


def format_problems(problems: Sequence[Problem], *, of_each: int) -> Iterator[str]:
    """Yield lines about the problems: each kind with its number, then the first *of_each* messages of that kind."""
    for kind in ProblemKind:
        of_kind = [problem for problem in problems if problem.kind is kind]
        if of_kind:
            yield f"{kind}: {len(of_kind)}"
        yield from (f"  {problem.message}" for problem in of_kind[:of_each])
        if len(of_kind) > of_each:
            yield f"  … and {len(of_kind) - of_each} more"
