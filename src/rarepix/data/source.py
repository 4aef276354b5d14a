"""What a source gives: the items of a dataset, each an image with its mask, and the errors of unusable data."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from rarepix.data.bands import RGB, Bands
from rarepix.labels import LabelSpace, Task, hard_mask

Size = tuple[int, int]
"""Rows and columns."""
Colour = tuple[int, int, int]
"""Red, green and blue."""


class DataError(ValueError):
    """Data that cannot be used; the message names the files, says what must hold and what to do."""


def first_of(names: Sequence[object], at_most: int, separator: str = "") -> str:
    """Return the first *at_most* names, for a message, and how many more there are."""
    more = f"{separator} and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(map(str, names[:at_most])) + more


class MaskCounts(NamedTuple):
    """The pixels of one mask: of every class, and ignored; its rows and columns; ids that mean nothing."""

    pixels: list[int]
    ignored: int
    size: Size
    unknown_ids: tuple[int, ...] = ()


class Mask(Protocol):
    """The mask of one image, which reads itself. Two masks are equal if they read the same files in the same way."""

    @property
    @abstractmethod
    def files(self) -> tuple[Path, ...]:
        """The files that it is read from, all of which must exist; none where a missing file means an absent class."""

    @abstractmethod
    def read(self, size: Size) -> np.ndarray:
        """Return the mask as uint8: H W class ids, multilabel H W C of 0 and 1; see ``LabelSpace.scale`` if it is soft.

        *size* is the image's, for a mask whose files do not say theirs; a mask of another size is not resized.

        Raises:
            DataError: a file cannot be read as what it should be.
            FileNotFoundError, DataError: a file is missing.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a text that is the same for the same content of the files, read in the same way, whatever their paths.

        Raises:
            OSError: a file cannot be read.
        """

    def palette(self) -> dict[int, Colour]:
        """Return id → colour as the files say it; here they say nothing."""
        return {}

    def count(self, labels: LabelSpace, size: Size | None) -> MaskCounts | None:
        """Return the pixels of each class; None if the size of the mask is not known.

        Here the mask is read and counted; a mask overrides this if it can be counted faster. Of a soft mask the pixels
        where ``is_on`` count. Of several layers a pixel is ignored if it is so in any of them. *size* is the image's,
        None if the image cannot be read.

        Raises:
            FileNotFoundError: a file is missing.
            DataError: as ``read``.
        """
        if size is None:
            return None
        mask, layered = hard_mask(self.read(size), labels), labels.task is Task.MULTILABEL
        ids = np.bincount(mask.ravel(), minlength=256)
        known = {*range(2 if layered else labels.count), labels.ignore}
        pixels = (mask == 1).sum(axis=(0, 1)) if layered else ids[: labels.count]
        ignored = (mask == labels.ignore).any(axis=2).sum() if layered else ids[labels.ignore]
        unknown = tuple(number for number in np.flatnonzero(ids).tolist() if number not in known)
        return MaskCounts(pixels.tolist(), int(ignored), mask.shape[:2], unknown)


@dataclass(frozen=True)
class Item:
    """One image with its mask."""

    id: str
    image: Path
    mask: Mask
    bands: Bands = RGB
    """How the image is read."""


class FaultyList(DataError):
    """A list that cannot be used as it is, but whose items can be inspected for further faults."""

    def __init__(self, message: str, items: list[Item]) -> None:
        super().__init__(message)
        self.items = items
        """The items that can be inspected."""


class MissingFiles(FaultyList):
    """A list that names images or masks that do not exist; its items are all of the list, also those."""


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
