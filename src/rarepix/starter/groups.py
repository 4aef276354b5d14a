"""Which images belong together: by a table of the dataset, such as one of patients, or since they are nearly equal."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from rarepix.data.inventory.similar import similar_groups
from rarepix.data.settings import GroupsConfig
from rarepix.data.source import DataError, Item
from rarepix.data.splits.groups import read_groups

COLUMNS = (
    *("group", "patient", "subject", "case", "study", "eye", "sequence", "video", "clip", "scene", "slide", "specimen"),
    *("site", "location", "tile"),
)
"""Columns that say which images belong together, in lower case; ``_id`` may follow."""
FEWEST = 3
"""Groups that there must be: of two, one would train and the other validate, whatever the seed."""
TABLES_AT_MOST, BYTES_AT_MOST = 20, 2**26
"""CSV files that are looked at, and their size."""


class Groups(NamedTuple):
    """Which images belong together."""

    config: GroupsConfig | Literal["auto"]
    """What a recipe says."""
    group_of: pd.Series
    """Image id → group, of the images that are split."""

    @property
    def count(self) -> int:
        """Number of groups."""
        return self.group_of.nunique()

    def __str__(self) -> str:
        if self.config == "auto":
            return f"{self.count} groups of images that are nearly equal, or of one film"
        return f"{self.count} groups by the column {self.config.column} of {self.config.file}"


def find_groups(root: Path, items: Sequence[Item], *, cache: Path) -> Groups | None:
    """Return the groups of *items* by the first column of a CSV file in *root* that has some, else by their likeness.

    Some images must belong together, and there must be ``FEWEST`` groups at least; otherwise None. A column must name
    all images. Likeness is stored in the folder *cache*.
    """
    for groups in chain(_by_column(root, [item.id for item in items]), _by_likeness(items, cache)):
        if FEWEST <= groups.count < len(items):
            return groups
    return None


def _by_column(root: Path, ids: Sequence[str]) -> Iterator[Groups]:
    """Yield the groups of every column that names all images."""
    files = sorted(file for file in root.glob("*.csv") if file.stat().st_size <= BYTES_AT_MOST)
    for file in files[:TABLES_AT_MOST]:
        for config in _candidates(file):
            try:
                group_of = read_groups(root, config, ids)
            except DataError:
                continue  # the table is of other images
            yield Groups(config, group_of)


def _by_likeness(items: Sequence[Item], cache: Path) -> Iterator[Groups]:
    """Yield the groups of images that are nearly equal or of one film, for which every image is read."""
    yield Groups("auto", similar_groups(items, cache=cache).set_index("image")["group"])


def _candidates(file: Path) -> list[GroupsConfig]:
    """Return the columns of a table that may be groups, each with every column that may name images."""
    try:
        columns = [str(name) for name in pd.read_csv(file, nrows=0).columns]
    except (ValueError, OSError):
        return []  # no table
    known = {name: place for place, stem in enumerate(COLUMNS) for name in (stem, f"{stem}_id", f"{stem}id")}
    grouping = sorted((name for name in columns if name.lower() in known), key=lambda name: known[name.lower()])
    return [
        GroupsConfig(file=file.name, column=column, image=image)
        for column in grouping
        for image in columns
        if image != column
    ]
