"""Masks in one grey file whose values stand for classes by a table, such as 0 and 255."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from rarepix.data.images import reading
from rarepix.data.masks import IdMask
from rarepix.data.orientation import orientation_of, upright
from rarepix.data.source import Colour, DataError, Mask, Size, first_of
from rarepix.files import sha256
from rarepix.labels import IGNORE

UNKNOWN = -1
"""In a table: the value stands for nothing."""


@dataclass(frozen=True)
class GreyMask(Mask):
    """A mask whose grey values, or palette indices, are looked up in a table."""

    path: Path
    table: tuple[int, ...]
    """Of every value from 0 to 255, the class id, the id of ignored pixels, or ``UNKNOWN``."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    def read(self, size: Size | None = None) -> np.ndarray:
        """Return the ids, H W uint8.

        Raises:
            FileNotFoundError: the file is missing.
            DataError: it is no grey image, or has values that stand for nothing.
        """
        values = grey_values(self.path)
        ids = np.array(self.table, np.int16)[values]
        if (ids == UNKNOWN).any():
            unknown = np.unique(values[ids == UNKNOWN]).tolist()
            known = [value for value, number in enumerate(self.table) if number not in (UNKNOWN, IGNORE)]
            raise DataError(
                f"{self.path} must have the values {first_of(known, 10)} of the classes, or an ignored one, but also "
                f"has {first_of(unknown, 10)}: correct the mask, or name the value of every class (data.values)"
            )
        return ids.astype(np.uint8)

    def fingerprint(self) -> str:
        """Return the hash of the file, and of the table."""
        return f"{sha256(self.path)} {self.table}"

    def palette(self) -> dict[int, Colour]:
        """Return id → colour, of the ids that one value stands for; see ``IdMask.palette``."""
        colours = IdMask(self.path).palette()
        numbers = {value: self.table[value] for value in colours}
        return {number: colours[value] for value, number in numbers.items() if self.table.count(number) == 1}


def grey_values(path: Path) -> np.ndarray:
    """Return grey values or palette indices as H W uint8; of a colour image with equal channels one of them.

    Raises:
        FileNotFoundError: the file is missing.
        DataError: it is no complete image of 8 bits without colours.
    """
    with reading(path, "mask", FileNotFoundError), Image.open(path) as file:
        mode = file.mode
        if mode in ("1", "L", "P"):
            return IdMask(path).read()
        pixels = upright(np.array(file), orientation_of(file))
    if mode == "LA":
        return np.ascontiguousarray(pixels[..., 0])
    if mode in ("RGB", "RGBA") and (pixels[..., :3] == pixels[..., :1]).all():
        return np.ascontiguousarray(pixels[..., 0])
    if mode.startswith("I") and pixels.min() >= 0 and pixels.max() <= IGNORE:
        return pixels.astype(np.uint8)
    colours = mode in ("RGB", "RGBA")
    way_out = "read it by the colours of the classes (source: colours)" if colours else "save the ids, 8 bits each"
    raise DataError(
        f"{path} must be a grey or palette image of class ids from 0 to {IGNORE}, but has mode {mode!r}"
        f"{' with colours' if colours else ''}: {way_out}"
    )


def has_colours(path: Path) -> bool:
    """Return whether a mask is a colour image with other colours than greys; False of a file that cannot be read."""
    try:
        with Image.open(path) as file:
            pixels = np.array(file) if file.mode in ("RGB", "RGBA") else None
    except (OSError, ValueError, SyntaxError):
        return False
    return pixels is not None and bool((pixels[..., :3] != pixels[..., :1]).any())


def has_palette(path: Path) -> bool:
    """Return whether a mask is a palette image; False of a file that cannot be read."""
    try:
        with Image.open(path) as file:
            return file.mode == "P"
    except (OSError, ValueError, SyntaxError):
        return False
