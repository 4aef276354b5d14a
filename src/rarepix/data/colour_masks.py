"""Masks in one colour image, where every class has a colour."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from rarepix.data.images import reading
from rarepix.data.orientation import orientation_of, upright
from rarepix.data.source import Colour, DataError, Mask, Size
from rarepix.files import sha256

UNKNOWN = 254
"""In the look-up table: a colour that is no class; so there are at most 254 classes."""
NAMED_AT_MOST = 3


@dataclass(frozen=True)
class ColourMask(Mask):
    """A mask whose colours are looked up in a table of classes; of a palette image the colours of the palette."""

    path: Path
    colours: tuple[tuple[Colour, int], ...]
    """Every colour and the id that it means, a class or ignored pixels."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    def read(self, size: Size | None = None) -> np.ndarray:
        """Return the ids, H W uint8.

        Raises:
            FileNotFoundError: the file is missing.
            DataError: it is no complete image of 8 bits, or has colours that are no class.
        """
        with reading(self.path, "mask", FileNotFoundError), Image.open(self.path) as file:
            if file.mode not in ("RGB", "RGBA", "P", "L", "1"):
                raise DataError(
                    f"{self.path} must be an image of colours, 8 bits each, but has mode {file.mode!r}: save it as RGB"
                )
            orientation = orientation_of(file)
            pixels = upright(np.asarray(file.convert("RGB"), np.int32), orientation)
        codes = (pixels[..., 0] << 16) | (pixels[..., 1] << 8) | pixels[..., 2]
        ids = _ids_by_code(self.colours)[codes]
        if (ids == UNKNOWN).any():
            raise DataError(self._unknown(codes[ids == UNKNOWN]))
        return ids

    def fingerprint(self) -> str:
        """Return the hash of the file, and of the table."""
        return f"{sha256(self.path)} {self.colours}"

    def _unknown(self, codes: np.ndarray) -> str:
        """Return what to say about colours that are no class, the commonest first."""
        values, counts = np.unique(codes, return_counts=True)
        named = []
        for number in np.argsort(-counts, kind="stable")[:NAMED_AT_MOST]:
            colour = tuple(int(values[number]) >> shift & 255 for shift in (16, 8, 0))
            nearest = min(self.colours, key=lambda row: sum((a - b) ** 2 for a, b in zip(row[0], colour, strict=True)))
            named.append(f"{colour} in {counts[number]} pixels (nearest: {nearest[0]}, id {nearest[1]})")
        more = f" and {len(values) - len(named)} further colours" if len(values) > len(named) else ""
        return (
            f"{self.path} must have the colours of classes, but has {'; '.join(named)}{more}: name the colour in the "
            f"table of classes, or correct the mask"
        )


@lru_cache(maxsize=4)
def _ids_by_code(colours: tuple[tuple[Colour, int], ...]) -> np.ndarray:
    """Return the id of each of the 2 ** 24 colours, uint8: one look-up a pixel, whatever the number of classes."""
    table = np.full(1 << 24, UNKNOWN, np.uint8)
    for (red, green, blue), number in colours:
        table[(red << 16) | (green << 8) | blue] = number
    return table
