"""What every reader of a dataset layout gives."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rarepix.labels import LabelSpace


class DataError(ValueError):
    """Data that cannot be used; the message names the files, says what must hold and what to do."""


@dataclass(frozen=True)
class Item:
    """One image with its mask."""

    id: str
    image: Path
    mask: Path


class MissingFiles(DataError):
    """A list that names images or masks that are not there."""

    def __init__(self, message: str, items: list[Item]) -> None:
        super().__init__(message)
        self.items = items
        """All items of the list, also those whose files are missing."""


class Source(Protocol):
    """A reader of one dataset layout."""

    name: str
    root: Path
    labels: LabelSpace
    assumed: str
    """What was assumed because the dataset does not say it, and what to write if it is wrong; '' if nothing was."""

    def lists(self) -> list[str]:
        """Return the names of all lists, sorted."""
        ...

    def items(self, list_name: str) -> list[Item]:
        """Return the items of a named list, in the list's order.

        Raises:
            DataError: the list is missing or empty.
            MissingFiles: it names files that are not there (it says which, and holds the items all the same).
        """
        ...
