"""The roles of the columns of a table of runs, and whether its columns can have them."""

import difflib
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

Names = str | Sequence[str]
SHOWN = 12
"""Columns of a table that an error names."""
DERIVED = ("trial", "study", "attempt", "attempts", "status", "objective_name", "objective", "error", "config_hash")
"""Columns of the trials table that are made from a table of runs: no column of it can have their name."""


class Roles(NamedTuple):
    """Which column of a table of runs has which role."""

    configuration: list[str]
    block: list[str]
    score: str
    validation: str | None
    classes: list[str]
    trial: str | None
    rare: list[str]
    """Some of the classes."""

    @property
    def columns(self) -> list[str]:
        """All columns that are read."""
        single = [name for name in (self.score, self.validation, self.trial) if name is not None]
        return [*self.configuration, *self.block, *single, *self.classes]

    @property
    def split(self) -> str:
        """The split that the score is of."""
        return "val" if self.validation is None else "test"

    @property
    def score_name(self) -> str:
        """The name of the score: that of its column without the split; mIoU as records write it."""
        name = self.score.removeprefix(f"{self.split}_")
        return name.lower() if name.lower() == "miou" else name


def names_of(given: Names | None) -> list[str]:
    """Return one name, or several, or none, as a list."""
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)


def check(table: pd.DataFrame, roles: Roles, default: dict[str, Any], file: str) -> None:
    """Refuse roles that the columns of *table* cannot have.

    Raises:
        ValueError: no row, no such column, two roles for one, or a name that is none of those it must be one of.
    """
    if table.empty:
        raise ValueError(f"{file} must have a row per run, but has none: nothing can be compared")
    if not roles.configuration:
        raise ValueError("configuration must name at least one column, but names none: say what is compared")
    missing = [name for name in roles.columns if name not in table]
    if missing:
        columns = list(map(str, table))
        near = [close for name in missing for close in difflib.get_close_matches(name, columns, 3, 0.4)]
        more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
        available = f"it has {', '.join(columns[:SHOWN])}{more}"
        if near:
            available = f"the nearest are {', '.join(dict.fromkeys(near))}"
        raise ValueError(f"{file} must have the columns that are named, but lacks {', '.join(missing)}: {available}")
    doubled = [name for name in dict.fromkeys(roles.columns) if (table.columns == name).sum() > 1]
    if doubled:
        times = (table.columns == doubled[0]).sum()
        raise ValueError(f"a column must be in {file} once, but {doubled[0]!r} is {times} times: rename all but one")
    twice = sorted({name for name in roles.columns if roles.columns.count(name) > 1})
    if twice:
        raise ValueError(f"a column must have one role, but {', '.join(twice)} has more: name it once")
    taken = [name for name in (*roles.configuration, *roles.block) if name in DERIVED]
    if taken:
        raise ValueError(f"no configuration or block may be called {taken[0]!r}, as a column made here is: rename it")
    strange = [name for name in roles.rare if name not in roles.classes]
    if strange:
        raise ValueError(f"rare must name some of the classes {roles.classes}, but names {strange}: correct them")
    unknown = [name for name in default if name not in roles.configuration]
    if unknown:
        raise ValueError(f"default must give columns of the configuration {roles.configuration}, but gives {unknown}")
