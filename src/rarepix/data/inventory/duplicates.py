"""Images that are in a dataset twice under different ids."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from rarepix.data.inventory.problems import Problem, ProblemKind
from rarepix.data.inventory.threads import in_threads
from rarepix.data.source import Item, first_of

NAMED_AT_MOST = 5


def find_duplicates(items: Sequence[Item], lists: Mapping[str, Iterable[str]]) -> list[Problem]:
    """Return a problem for every group of images whose files have the same content, those across lists first.

    Only files of equal length are read. A file that cannot be read is skipped: counting reports it. *items* has each
    id once, *lists* says for each id which lists it is in.
    """
    by_length = defaultdict(list)
    for item in items:
        by_length[_length(item.image)].append(item)
    candidates = [item for length, group in by_length.items() if length and len(group) > 1 for item in group]
    by_content = defaultdict(list)
    for item, digest in zip(candidates, in_threads(lambda item: _digest(item.image), candidates), strict=True):
        if digest:
            by_content[digest].append(item)
    problems = [_problem(group, lists) for group in by_content.values() if len(group) > 1]
    return sorted(problems, key=lambda problem: problem.kind is ProblemKind.TWIN)


def _problem(group: Sequence[Item], lists: Mapping[str, Iterable[str]]) -> Problem:
    members = [f"{item.id} ({', '.join(sorted(lists[item.id]))})" for item in group]
    masks = {_mask_fingerprint(item) for item in group}
    text = f"an image must have one id, but these are the same file: {first_of(members, NAMED_AT_MOST)}"
    text += "" if len(masks) == 1 else ", with different masks"
    lists_of = [set(lists[item.id]) for item in group]
    # each is in a list that the other is not in: a list that contains the other one separates nothing
    if any(first - second and second - first for first, second in combinations(lists_of, 2)):
        return Problem(ProblemKind.LEAK, group[0].id, f"{text}: what is tested was trained on, keep one of them")
    return Problem(
        ProblemKind.TWIN, group[0].id, f"{text}: a split may put them into different folds, keep one of them"
    )


def _mask_fingerprint(item: Item) -> str:
    try:
        return item.mask.fingerprint()
    except OSError:
        return ""


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
