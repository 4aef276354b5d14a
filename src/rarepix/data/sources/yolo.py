"""YOLO labels: ``labels/NAME.txt`` beside ``images/NAME.jpg``, a line an object, coordinates as shares of the image.

A line is a class id and the corners of a polygon, or a class id and a box (centre x, centre y, width, height), which is
filled: a weak mask. An empty file is an image without objects. ``data.yaml`` or ``classes.txt`` names the classes;
background is added as the first one.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import yaml

from rarepix.data.drawn import RULE, Drawable, Drawing, DrawnMask, Shape, WrongShape
from rarepix.data.evidence import Evidence
from rarepix.data.polygons import Polygons, box
from rarepix.data.source import DataError, Mask, Size
from rarepix.data.sources.drawn_source import class_ids, labels_of, with_background
from rarepix.data.sources.lists import read_text
from rarepix.data.sources.pair_folders import MaskFiles
from rarepix.data.sources.paired import PairedSource, PairParameters, pairs_in
from rarepix.files import sha256

LABELS = MaskFiles(("labels", "label", "annotations", "txt"), frozenset({".txt"}), may_be_empty=True)
NAMES = ("data.yaml", "dataset.yaml", "data.yml", "classes.txt", "labels/classes.txt", "obj.names", "names.txt")
"""Files that name the classes, in the order in which they are looked for."""
BEYOND = 1e-3
"""Coordinates may be this much beyond the image, by rounding."""
Parameters = PairParameters


def recognise(root: Path) -> Evidence:
    """Return what *root* has of this layout: text files named like images, and names of the classes."""
    pairs, evidence = pairs_in(root, LABELS)
    names = _names_file(root)
    if pairs and not any(_is_object(file) for file in pairs.mask_files[:20]):
        return Evidence((), ("text files of objects",))
    found = ("text files with the names of images",) if pairs else ()
    missing = () if names else (f"the names of the classes ({', '.join(NAMES[:4:3])})",)
    return Evidence((*found, *((names.name,) if names else ())), (*evidence.missing, *missing))


def open_source(root: Path, parameters: Parameters) -> "YoloSource":
    """Return the reader of *root*."""
    return YoloSource(root, parameters)


class YoloSource(PairedSource):
    """Reader of text files of boxes and polygons."""

    def __init__(self, root: Path, parameters: Parameters) -> None:
        file = _names_file(root)
        if file is None:
            raise FileNotFoundError(
                f"{root} must name the classes of its YOLO labels, but has no {', no '.join(NAMES[:4:3])}: write "
                f"classes.txt, a name a line in the order of the ids"
            )
        super().__init__(root, parameters, LABELS)
        names = _read_names(file)
        classes = with_background(names)
        self.labels = labels_of(classes, file)
        self._ids = tuple(class_ids(names, classes)[name] for name in names)
        boxes = "lines of a class and four numbers are boxes, which are filled: weak masks"
        self.assumed = "; ".join([RULE, boxes, *self.told()])

    def mask_of(self, file: Path) -> Mask:
        """Return the mask in *file*."""
        return YoloMask(file, self._ids)


@dataclass(frozen=True)
class YoloMask(Drawable):
    """The mask of one image in a text file of objects."""

    path: Path
    ids: tuple[int, ...]
    """The class id of every id in the file."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The text file."""
        return (self.path,)

    def draw(self, size: Size) -> Drawing:
        """Draw the objects in an image of this size; see ``Drawable``."""
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path} must exist, but does not: put it back")
        lines = enumerate(read_text(self.path).splitlines(), 1)
        shapes = tuple(self._shape(number, line.split(), size) for number, line in lines if line.strip())
        return DrawnMask(self.path, shapes).draw(size)

    def fingerprint(self) -> str:
        """Return the hash of the file, and what its ids mean."""
        return f"{sha256(self.path)} {self.ids}"

    def _shape(self, number: int, words: list[str], size: Size) -> Shape:
        name = f"line {number}"
        try:
            first, *values = (float(word) for word in words)
        except ValueError:
            return WrongShape(0, name, f"must hold numbers, but is {' '.join(words)[:60]!r}")
        if not first.is_integer() or not 0 <= first < len(self.ids):
            return WrongShape(0, name, f"must begin with a class id from 0 to {len(self.ids) - 1}, not {words[0]}")
        outside = [value for value in values if not -BEYOND <= value <= 1 + BEYOND]
        if outside or not all(map(math.isfinite, values)):
            return WrongShape(0, name, f"must have shares of width and height from 0 to 1, but has {outside[0]:g}")
        rows, columns = size
        points = tuple(value * (rows if place % 2 else columns) for place, value in enumerate(values))
        if len(points) == 4:
            x, y, width, height = points
            points = box(x - width / 2, y - height / 2, width, height)
        return Polygons(self.ids[int(first)], name, (points,))


def _names_file(root: Path) -> Path | None:
    return next((root / name for name in NAMES if (root / name).is_file()), None)


def _read_names(file: Path) -> list[str]:
    """Return the names of the classes in the order of their ids. Raises ``DataError``."""
    if file.suffix not in (".yaml", ".yml"):
        return [line.strip() for line in read_text(file).splitlines() if line.strip()]
    try:
        names = yaml.safe_load(read_text(file))["names"]
        names = [names[number] for number in range(len(names))]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise DataError(
            f"{file} must have names, a list or a mapping of the ids from 0 on, but: {error!r}: correct it"
        ) from error
    return [str(name) for name in names]


def _is_object(file: Path) -> bool:
    """Return whether the first line of a text file is a class id and at least four numbers."""
    words = next(iter(file.read_text(encoding="utf-8", errors="replace").splitlines()), "").split()
    try:
        return len([float(word) for word in words]) >= 5
    except ValueError:
        return False
