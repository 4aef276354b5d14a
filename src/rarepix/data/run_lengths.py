"""Objects written as run lengths: those of COCO, and pairs of start and length as competitions use them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from rarepix.data.drawn import Shape, ShapeError
from rarepix.data.source import Size

MOST_DIGITS = 12
"""Of a start or a length: sums of larger ones may not fit 64 bits."""


@dataclass(frozen=True)
class CocoRuns(Shape):
    """Run lengths of COCO: column by column, the numbers of pixels outside and inside in turn."""

    size: Size
    """Rows and columns that they are for."""
    counts: tuple[int, ...] | str
    """The numbers, or the text that COCO's tools compress them to."""

    def draw(self, size: Size) -> np.ndarray:
        """Return where the object is, H W uint8, decoded by pycocotools. Raises ``ShapeError``."""
        from pycocotools import mask as run_lengths

        if self.size != size:
            raise ShapeError(
                f"must have run lengths for its image of {size[1]}×{size[0]} (width × height), but they are for "
                f"{self.size[1]}×{self.size[0]}"
            )
        pixels, lowest = sum(self._numbers), min(self._numbers, default=0)
        if lowest < 0 or pixels != size[0] * size[1]:
            reason = f"sum to {pixels}" if lowest >= 0 else f"hold {lowest}"
            raise ShapeError(
                f"must have run lengths that sum to {size[0] * size[1]}, the image's pixels, but they {reason}"
            )
        counts = {"size": list(size), "counts": list(self._numbers)}
        return run_lengths.decode(run_lengths.frPyObjects(counts, *size))

    @cached_property
    def _numbers(self) -> tuple[int, ...]:
        return decompress(self.counts) if isinstance(self.counts, str) else self.counts


def decompress(text: str) -> tuple[int, ...]:
    """Return the run lengths that COCO's tools compressed to *text*.

    Five bits a character from ``0`` on, the sixth says that the number goes on; from the fourth number on it is the
    difference to the one two before (``rleFrString`` in pycocotools' maskApi.c).

    Raises:
        ShapeError: the text ends within a number, or has characters that cannot occur.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64:
            raise ShapeError(f"must have compressed run lengths, but they hold {character!r}")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ShapeError("must have compressed run lengths, but they end within a number")
    return tuple(counts)


@dataclass(frozen=True)
class Dialect:
    """How pairs of start and length are meant."""

    encoding: Literal["absolute", "relative"]
    """A start counts from the first pixel of the image, or from the end of the run before."""
    start: Literal[0, 1]
    """Number of the first pixel of the image."""
    order: Literal["columns", "rows"]
    """Pixels are numbered down the columns, or along the rows."""


@dataclass(frozen=True)
class PairedRuns(Shape):
    """Run lengths as ``start length start length …``."""

    text: str
    dialect: Dialect

    def draw(self, size: Size) -> np.ndarray:
        """Return where the object is, H W uint8. Raises ``ShapeError``."""
        starts, lengths = self._runs()
        if self.dialect.encoding == "relative":  # an offset counts from the end of the run before
            starts = np.cumsum(starts) + np.cumsum(lengths) - lengths
        starts = starts - self.dialect.start
        pixels = size[0] * size[1]
        back = starts[1:] < (starts + lengths)[:-1]
        if back.any():
            raise ShapeError(
                f"must have runs one after the other, but run {int(back.argmax()) + 2} begins before the one before it "
                f"ends: if starts count from there, write data.encoding=relative"
            )
        beyond = (starts < 0) | (starts + lengths > pixels)
        if beyond.any():
            number = int(beyond.argmax())
            raise ShapeError(
                f"must have runs within its image of {size[1]}×{size[0]} (width × height), {pixels} pixels, but run "
                f"{number + 1} covers pixels {starts[number]} to {starts[number] + lengths[number] - 1}, counted from 0"
            )
        edges = np.zeros(pixels + 1, np.int64)
        np.add.at(edges, starts, 1)
        np.add.at(edges, starts + lengths, -1)
        inside = (np.cumsum(edges[:-1]) > 0).astype(np.uint8)
        return np.ascontiguousarray(inside.reshape(size, order="F" if self.dialect.order == "columns" else "C"))

    def _runs(self) -> tuple[np.ndarray, np.ndarray]:
        words = self.text.split()
        if len(words) % 2:
            raise ShapeError(
                f"must have a start and a length for every run, but has {len(words)} numbers, which is odd"
            )
        if not all(word.isdecimal() for word in words):
            wrong = next(word for word in words if not word.isdecimal())
            raise ShapeError(f"must have whole numbers for run lengths, but has {wrong!r}")
        largest = max(words, key=len, default="")
        if len(largest) > MOST_DIGITS:
            raise ShapeError(f"must have runs within its image, but has {largest}, which is beyond that of any image")
        values = np.array(words, np.int64).reshape(-1, 2)
        if not values[:, 1].all():
            raise ShapeError("must have runs of at least one pixel, but has one of length 0")
        return values[:, 0], values[:, 1]
