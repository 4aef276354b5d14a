"""Files that say which colour means which class."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rarepix.data.source import DataError
from rarepix.data.sources.lists import read_text

VOID = ("void", "unlabelled", "unlabeled", "unlabel", "ignore", "ignored", "_ignore_", "don't care", "dontcare")
"""Names, in lower case, of what is ignored."""


class ColouredClass(NamedTuple):
    """A row of a table."""

    name: str
    colour: tuple[int, int, int]


def find_table(root: Path) -> Path | None:
    """Return the table of classes in *root*, None if there is none that is known by its name."""
    return next((root / name for name in TABLES if (root / name).is_file()), None)


def read_table(file: Path) -> list[ColouredClass]:
    """Return the classes of a table, in its order.

    Raises:
        DataError: it cannot be read as one, or names a class or a colour twice.
    """
    try:
        rows = [ColouredClass(name, _colour(colour)) for name, colour in _reader(file)(file)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{file} must name a class and its red, green and blue (0 to 255) in every row, but: {error}: correct it"
        ) from error
    if not rows:
        raise DataError(f"{file} must name classes and their colours, but has none")
    for what, values in (("class", [row.name for row in rows]), ("colour", [row.colour for row in rows])):
        double = sorted({value for value in values if values.count(value) > 1})
        if double:
            raise DataError(f"{file} must name every {what} once, but names {double[0]!r} more often: take one row out")
    return rows


def is_void(name: str) -> bool:
    """Return whether a class is called like what is ignored."""
    return name.strip().lower() in VOID


def _reader(file: Path) -> Callable[[Path], Iterator[tuple[str, list]]]:
    if file.suffix.lower() == ".json":
        return _json
    if file.suffix.lower() == ".csv":
        return _csv
    return _label_map if file.name.lower() == "labelmap.txt" else _lines


def _colour(values: list) -> tuple[int, int, int]:
    if isinstance(values, str):
        raise ValueError(f"a colour is three numbers, but one is {values!r}")
    red, green, blue = (int(value) for value in values[:3])
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        raise ValueError(f"a colour has values from 0 to 255, but one is {red}, {green}, {blue}")
    return red, green, blue


def _csv(file: Path) -> Iterator[tuple[str, list]]:
    """Yield the rows of ``name,r,g,b``, in any order of columns."""
    rows = [row for row in csv.reader(read_text(file).splitlines()) if any(cell.strip() for cell in row)]
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    places = [next((header.index(n) for n in names if n in header), None) for names in CSV_COLUMNS]
    if None in places:
        raise ValueError(
            f"the first row must name the columns name, r, g, b, but is {','.join(rows[0]) if rows else ''}"
        )
    for number, row in enumerate(rows[1:], 2):
        if len(row) < len(header):
            raise ValueError(f"line {number} has {len(row)} of {len(header)} cells")
        yield row[places[0]].strip(), [row[place] for place in places[1:]]


def _label_map(file: Path) -> Iterator[tuple[str, list]]:
    """Yield the rows of ``name:r,g,b:parts:actions``, as CVAT writes them."""
    for line in read_text(file).splitlines():
        if line.strip() and not line.startswith("#"):
            name, colour, *_ = line.split(":")
            yield name.strip(), colour.split(",")


def _lines(file: Path) -> Iterator[tuple[str, list]]:
    """Yield the rows of ``r g b name``, as CamVid's label_colors.txt has them."""
    for line in read_text(file).splitlines():
        words = line.split()
        if words and not line.startswith("#"):
            yield " ".join(words[3:]), words[:3]


def _json(file: Path) -> Iterator[tuple[str, list]]:
    """Yield name and colour of an object ``{name: [r, g, b]}``, or of a list of objects with a name and a colour."""
    content = json.loads(read_text(file))
    if isinstance(content, dict):
        yield from content.items()
        return
    for row in content:
        key = next((key for key in ("colour", "rgb") if key in row), "color")
        yield row.get("name") or row["label"], row[key]


CSV_COLUMNS = (("name", "class", "label", "class_name"), ("r", "red"), ("g", "green"), ("b", "blue"))
TABLES = (
    *("class_dict.csv", "labelmap.txt", "label_colors.txt", "class_dict_seg.csv", "colormap.json", "color_map.json"),
    *("class_colors.json", "classes.json", "label_colors.csv", "colormap.csv"),
)
"""Names of tables that are found by themselves."""
