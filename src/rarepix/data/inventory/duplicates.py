"""Images that are in a dataset twice under different ids, as one file or nearly equal, and films in several lists."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pandas as pd

from rarepix.data.inventory.problems import Problem, ProblemKind
from rarepix.data.inventory.threads import in_threads
from rarepix.data.source import Item, first_of
from rarepix.files import sha256

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
    masks = {_mask_fingerprint(item) for item in group}
    text = f"an image must have one id, but these are the same file: {_members([item.id for item in group], lists)}"
    text += "" if len(masks) == 1 else ", with different masks"
    if _are_separated([item.id for item in group], lists):
        return Problem(ProblemKind.LEAK, group[0].id, f"{text}: what is tested was trained on, keep one of them")
    return Problem(
        ProblemKind.TWIN, group[0].id, f"{text}: a split may put them into different folds, keep one of them"
    )


def find_similar(items: Sequence[Item], lists: Mapping[str, Iterable[str]], similar: pd.DataFrame) -> list[Problem]:
    """Return a problem for every group of nearly equal images, across lists first, and for every film in several.

    *similar* is the table of ``similar_groups``. Groups whose files are all the same are those of ``find_duplicates``.
    """
    by_id = {item.id: item for item in items}
    problems = []
    for _, ids in similar.groupby("near", sort=False)["image"]:
        if len(ids) > 1 and len({_digest(by_id[name].image) for name in ids}) > 1:
            text = f"these images are nearly equal: {_members(ids.tolist(), lists)}"
            problems.append(_similar(text, ProblemKind.NEAR_LEAK, ProblemKind.NEAR, ids.tolist(), lists))
    for _, of_film in similar.groupby("group", sort=False):
        ids = of_film["image"].tolist()
        if of_film["near"].nunique() > 1 and _are_separated(ids, lists):
            text = f"these {len(ids)} images are numbered, and alike, as those of a film: {_members(ids, lists)}"
            problems.append(_similar(text, ProblemKind.FILM, ProblemKind.FILM, ids, lists))
    order = [*ProblemKind]
    return sorted(problems, key=lambda problem: order.index(problem.kind))


def _similar(
    text: str, across: ProblemKind, within: ProblemKind, ids: Sequence[str], lists: Mapping[str, Iterable[str]]
) -> Problem:
    if _are_separated(ids, lists):
        return Problem(across, ids[0], f"{text}: what is tested was nearly trained on, put them into one list")
    return Problem(within, ids[0], f"{text}: keep them in one fold with data.groups: auto, or keep one of them")


def _members(ids: Sequence[str], lists: Mapping[str, Iterable[str]]) -> str:
    return first_of([f"{name} ({', '.join(sorted(lists[name]))})" for name in ids], NAMED_AT_MOST)


def _are_separated(ids: Sequence[str], lists: Mapping[str, Iterable[str]]) -> bool:
    """Return whether two images are each in a list without the other; a list of all images separates nothing."""
    kinds = {frozenset(lists[name]) for name in ids}
    return any(first - second and second - first for first, second in combinations(kinds, 2))


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
        return sha256(path)
    except OSError:
        return ""
