"""Masks that are drawn from the objects of an annotation file: polygons, boxes, run lengths."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rarepix.data.source import DataError, Mask, Size

RULE = "where objects of several classes overlap, the smaller object is on top, of two of one size the later one"


class Drawing(NamedTuple):
    """What was drawn: the mask, and what is worth telling about it."""

    mask: np.ndarray
    """Ids, H W uint8."""
    overlapping: int
    """Pixels that objects of more than one class claim."""
    clipped: int
    """Objects that reach more than one pixel beyond the image."""


@dataclass(frozen=True)
class Shape(ABC):
    """One object of an image."""

    id: int
    """What its pixels become: a class id, or that of ignored pixels."""
    name: str
    """What messages call it, such as ``annotation 17``."""

    @abstractmethod
    def draw(self, size: Size) -> np.ndarray:
        """Return where the object is in an image of this size: H W uint8, 0 and 1.

        Raises:
            ShapeError: it cannot be drawn; the message says what it has and what it must have.
        """

    def is_clipped(self, size: Size) -> bool:
        """Return whether it reaches more than one pixel beyond an image of this size."""
        return False


class ShapeError(ValueError):
    """An object that cannot be drawn."""


@dataclass(frozen=True)
class WrongShape(Shape):
    """An object whose entry in the file cannot be used; it is refused when the mask is read, so that all are found."""

    reason: str

    def draw(self, size: Size) -> np.ndarray:
        """Raise ``ShapeError`` with the reason."""
        raise ShapeError(self.reason)


class Drawable(Mask):
    """A mask that is drawn from objects."""

    @abstractmethod
    def draw(self, size: Size) -> Drawing:
        """Draw the objects in an image of this size.

        Raises:
            FileNotFoundError: the file of the objects is gone.
            DataError: it cannot be read, or has objects that cannot be drawn, every one with its name.
        """

    def read(self, size: Size) -> np.ndarray:
        """Return ids H W of an image of this size, or of the size that the file says. Raises as ``draw``."""
        return self.draw(size).mask


@dataclass(frozen=True)
class DrawnMask(Drawable):
    """The mask of one image, drawn from the objects that an annotation file has for it."""

    file: Path
    """The annotation file, which has been read already."""
    shapes: tuple[Shape, ...]
    background: int = 0
    """Where no object is."""
    ignore: int = 255
    """Objects with this id lie below all others."""
    size: Size | None = None
    """The size that the file says the image has; None: it says nothing."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The annotation file."""
        return (self.file,)

    def draw(self, size: Size) -> Drawing:
        """Draw the objects, the largest first; see ``Drawable``."""
        if not self.file.is_file():
            raise FileNotFoundError(f"{self.file} must exist, but does not: put it back")
        size = self.size or size
        layers, wrong = [], []
        for shape in self.shapes:
            try:
                layers.append(shape.draw(size))
            except ShapeError as error:
                wrong.append(f"{shape.name} {error}")
        if wrong:
            raise DataError(f"{self.file}: {'; '.join(wrong)}: correct the file, or take the object out")
        clipped = sum(shape.is_clipped(size) for shape in self.shapes)
        return Drawing(*self._paint(size, layers), clipped)

    def _paint(self, size: Size, layers: Sequence[np.ndarray]) -> tuple[np.ndarray, int]:
        mask = np.full(size, self.background, np.uint8)
        overlapping, claimed = np.zeros(size, bool), np.zeros(size, bool)
        areas = [int(layer.sum()) for layer in layers]
        ids = [shape.id for shape in self.shapes]
        for number in sorted(range(len(layers)), key=lambda n: (ids[n] != self.ignore, -areas[n])):
            where = layers[number].view(bool)
            if ids[number] != self.ignore:
                overlapping |= where & claimed & (mask != ids[number])
                claimed |= where
            mask[where] = ids[number]
        return mask, int(overlapping.sum())

    def fingerprint(self) -> str:
        """Return the hash of the objects. Raises ``FileNotFoundError`` if the annotation file is gone."""
        self.file.stat()
        return hashlib.sha256(repr((self.shapes, self.background, self.ignore, self.size)).encode()).hexdigest()


@dataclass(frozen=True)
class EmptyMask(Mask):
    """The mask of an image that holds nothing, which needs no file."""

    background: int = 0

    @property
    def files(self) -> tuple[Path, ...]:
        """None."""
        return ()

    def read(self, size: Size) -> np.ndarray:
        """Return the background's id everywhere, H W uint8."""
        return np.full(size, self.background, np.uint8)

    def fingerprint(self) -> str:
        """Return a text that says so."""
        return f"empty {self.background}"
