"""What a source gives: the items of a dataset, each an image with its mask, and the errors of unusable data."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rarepix.labels import LabelSpace


class DataError(ValueError):
    """Data that cannot be used; the message names the files, says what must hold and what to do."""


def first_of(names: Sequence[object], at_most: int, separator: str = "") -> str:
    """Return the first *at_most* names, for a message, and how many more there are."""
    more = f"{separator} and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(map(str, names[:at_most])) + more


@dataclass(frozen=True)
class ClassMasks:
    """A mask in several files, one grey image for each class."""

    files: tuple[Path | None, ...]
    """In the order of the classes; None: the image does not contain the class."""
    threshold: int = 0
    """A pixel belongs to the class where its grey value is above this."""
    binarize: bool = False
    """All classes are one: the mask has the ids 0 and 1, and 1 is where any class is."""


@dataclass(frozen=True)
class Item:
    """One image with its mask."""

    id: str
    image: Path
    mask: Path | ClassMasks
    """A file of class ids (H W), or a file for each class: H W ids where they are binarized, else H W C of 0 and 1."""

    @property
    def mask_files(self) -> tuple[Path, ...]:
        """The files of the mask, all of which must exist."""
        if isinstance(self.mask, ClassMasks):
            return tuple(file for file in self.mask.files if file is not None)
        return (self.mask,)


class MissingFiles(DataError):
    """A list that names images or masks that do not exist."""

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
            MissingFiles: it names files that do not exist (the error names them, and has all items nevertheless).
        """
        ...
