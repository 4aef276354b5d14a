"""What is in a whole dataset, and everything that is wrong with it: its lists, pixel counts, objects, duplicates."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from rarepix.data.inventory.counting import SIZES, examine
from rarepix.data.inventory.drawings import tell_drawings
from rarepix.data.inventory.duplicates import find_duplicates, find_similar
from rarepix.data.inventory.findings import find_oddities
from rarepix.data.inventory.objects import find_objects
from rarepix.data.inventory.palettes import check_palettes
from rarepix.data.inventory.problems import Problem, ProblemKind
from rarepix.data.inventory.similar import similar_groups
from rarepix.data.inventory.threads import Advance
from rarepix.data.inventory.unused_bands import describe_unused_bands
from rarepix.data.masks import IdMask
from rarepix.data.source import DataError, FaultyList, Item, MissingFiles, Source

ProgressBar = Callable[[str, int], AbstractContextManager[Advance]]
"""From what is shown and the number of steps to a bar: the context gives the function that advances it."""


class Inspection(NamedTuple):
    """What is in a dataset, and what is wrong with it."""

    lists: dict[str, list[str]]
    """Image id → names of the lists that it is in."""
    counts: pd.DataFrame
    """See ``take_inventory``; only of images that can be used."""
    objects: pd.DataFrame | None
    """See ``find_objects``; None if there are problems."""
    problems: list[Problem]
    """What would stop a trial."""
    warnings: list[Problem]
    """What would not: images that are in the dataset twice, bands that are left out, and what is odd."""


def inspect_dataset(source: Source, names: Sequence[str], bar: ProgressBar, *, cache: Path | None = None) -> Inspection:
    """Inspect every image of the lists *names* once. Problems are returned, not raised.

    *bar* opens a progress bar for each pass over masks and images; tables are stored in the folder *cache*.

    Raises:
        DataError: a class is called like another column.
    """
    items, lists, problems = _read_lists(source, names)
    with bar("counting pixels", len(items)) as advance:
        counts, unusable = examine(items, source.labels, cache=cache, progress=advance)
    problems += unusable
    objects = None
    if not problems:
        sizes = dict(zip(counts.index, counts[[*SIZES]].itertuples(index=False, name=None), strict=True))
        with bar("finding objects", len(items)) as advance:
            objects = find_objects(items, source.labels, sizes=sizes, cache=cache, progress=advance)
    warnings = find_duplicates(items, lists)
    warnings += check_palettes(items, counts, source.labels).different
    with bar("comparing images", len(items)) as advance:
        similar = similar_groups(items, cache=cache, progress=advance)
    warnings += find_similar(items, lists, similar)
    if not problems:
        warnings += tell_drawings(items, sizes)
        whole, stored_ids = {*names} >= {*source.lists()}, all(isinstance(item.mask, IdMask) for item in items)
        warnings += find_oddities(source.root, counts, source.labels, whole=whole, stored_ids=stored_ids)
    if unused := describe_unused_bands(items):
        warnings.append(Problem(ProblemKind.BANDS, "", unused))
    return Inspection(lists, counts, objects, problems, warnings)


def _read_lists(source: Source, names: Sequence[str]) -> tuple[list[Item], dict[str, list[str]], list[Problem]]:
    """Return every item once, image id → names of its lists, and what is wrong with the lists."""
    items: dict[str, Item] = {}
    lists, problems = defaultdict(list), []
    for name in names:
        try:
            of_list = source.items(name)
        except MissingFiles as error:
            of_list = error.items  # counting reports every missing file
        except FaultyList as error:
            problems.append(Problem(ProblemKind.LIST, "", str(error)))
            of_list = error.items
        except DataError as error:
            problems.append(Problem(ProblemKind.LIST, "", str(error)))
            continue
        for item in of_list:
            items[item.id] = item
            lists[item.id].append(name)
    return list(items.values()), dict(lists), [*dict.fromkeys(problems)]  # lists of one file have its faults in common
