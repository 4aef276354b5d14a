"""A whole dataset: the items of its lists, their counts and objects, and everything that is wrong."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

import pandas as pd

from rarepix.data.inventory.counting import examine
from rarepix.data.inventory.duplicates import find_duplicates
from rarepix.data.inventory.objects import find_objects
from rarepix.data.inventory.problems import Problem, ProblemKind
from rarepix.data.inventory.threads import Advance
from rarepix.data.source import DataError, Item, MissingFiles, Source


class Bar(Protocol):
    """Shows how far something is that takes a while."""

    def __call__(self, what: str, total: int) -> AbstractContextManager[Advance]:
        """Begin to show *what*, which has *total* steps."""
        ...


class Survey(NamedTuple):
    """What was found out about a dataset."""

    lists: dict[str, list[str]]
    """Image id → the lists that it is in."""
    counts: pd.DataFrame
    """See ``take_inventory``; only of images that can be used."""
    objects: pd.DataFrame | None
    """See ``find_objects``; None if there are problems."""
    problems: list[Problem]
    """What would stop a trial."""
    warnings: list[Problem]
    """What would not."""


def survey(source: Source, names: Sequence[str], bar: Bar, *, cache: Path | None = None) -> Survey:
    """Look at every image of the named lists once; what is wrong is in the result, all of it.

    Raises:
        DataError: a class is called like another column.
    """
    items, lists, problems = _gather(source, names)
    with bar("counting pixels", len(items)) as advance:
        counts, unusable = examine(items, source.labels, cache=cache, progress=advance)
    problems += unusable
    objects = None
    if not problems:
        with bar("finding objects", len(items)) as advance:
            objects = find_objects(items, source.labels, cache=cache, progress=advance)
    return Survey(lists, counts, objects, problems, find_duplicates(items, lists))


def _gather(source: Source, names: Sequence[str]) -> tuple[list[Item], dict[str, list[str]], list[Problem]]:
    """Return every item once, the lists that each is in, and what is wrong with the lists."""
    items: dict[str, Item] = {}
    lists: dict[str, list[str]] = {}
    problems = []
    for name in names:
        try:
            found = source.items(name)
        except MissingFiles as error:
            found = error.items  # counting names every file that is not there
        except DataError as error:
            problems.append(Problem(ProblemKind.LIST, "", str(error)))
            continue
        for item in found:
            items[item.id] = item
            lists.setdefault(item.id, []).append(name)
    return list(items.values()), lists, problems
