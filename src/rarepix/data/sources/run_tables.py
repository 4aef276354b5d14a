"""Tables of run lengths: which files they are, their columns and rows."""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rarepix.data.images import is_hidden
from rarepix.data.source import DataError
from rarepix.data.sources.lists import read_text

IMAGES = ("imageid", "image_id", "image", "img", "id", "filename", "file_name", "image_name")
PLAIN_RUNS = ("encodedpixels", "encoded_pixels", "rle_mask", "mask_rle")
"""Those of ``RUNS`` that mean nothing else."""
LABELS = ("classid", "class_id", "class", "label")
RUNS = ("encodedpixels", "encoded_pixels", "rle_mask", "rle", "encoding", "segmentation", "mask_rle", "annotation")
TOGETHER = ("imageid_classid", "image_label", "image_id_class_id", "image_class")
"""Columns of image and class in one, separated by the last ``_``."""
NOTHING = ("", "-1", "nan")
"""What stands where there is no object."""


class Row(NamedTuple):
    """An object, or an image without one."""

    line: int
    image: str
    label: str
    """The class; '' if the table has none."""
    runs: str
    """'' if there is no object."""


class RunTable(NamedTuple):
    """A table of run lengths."""

    file: Path
    columns: tuple[str, ...]
    """In lower case, without blanks."""
    rows: list[Row]
    has_minus_one: bool
    """Whether -1 stands where there is no object."""


def table_files(root: Path, pattern: str | None) -> list[Path]:
    """Return the files that a pattern names, or those in *root* with the columns of run lengths and some runs."""
    if pattern:
        return sorted(file for file in root.glob(pattern) if file.is_file())
    files = sorted(file for file in root.glob("*.csv") if not is_hidden(file) and file.is_file())
    return [file for file in files if _has_columns(file) and "submission" not in file.name.lower()]


def read_table(file: Path) -> RunTable:
    """Return the rows of a table.

    Raises:
        DataError: it has not the columns, or a row has fewer cells than the first one.
    """
    csv.field_size_limit(sys.maxsize)
    rows = [(n, row) for n, row in enumerate(csv.reader(read_text(file).splitlines()), 1) if any(map(str.strip, row))]
    columns = _columns(rows[0][1]) if rows else ()
    double = sorted({column for column in columns if column and columns.count(column) > 1})
    if double:
        raise DataError(
            f"every column of {file} must have a name of its own, but {', '.join(double)} stands more than once: take "
            f"one out, or rename it"
        )
    image, label, runs = _places(columns)
    if image is None or runs is None:
        raise DataError(
            f"{file} must have a column of images (ImageId) and one of run lengths (EncodedPixels), but has "
            f"{', '.join(columns) or 'nothing'}: name them so"
        )
    short = [number for number, row in rows if len(row) < len(columns)]
    if short:
        raise DataError(
            f"every line of {file} must have {len(columns)} cells, but line {short[0]} has fewer: correct it"
        )
    found, has_minus_one = [], False
    for number, cells in rows[1:]:
        name, kind = cells[image].strip(), cells[label].strip() if label is not None else ""
        if columns[image] in TOGETHER:
            name, _, kind = name.rpartition("_")
        text = cells[runs].strip()
        has_minus_one |= text == "-1"
        found.append(Row(number, name, kind, "" if text.lower() in NOTHING else text))
    return RunTable(file, columns, found, has_minus_one)


def looks_relative(rows: Sequence[Row], has_minus_one: bool) -> bool:
    """Return whether starts go back within most rows of several runs: then they are no positions, but relative.

    Where no row has several runs, a table that writes -1 for nothing, as SIIM's does, is taken for relative.
    """
    several = going_back = 0
    for row in rows:
        words = row.runs.split()
        if len(words) % 2 or not all(word.isdecimal() for word in words):
            continue
        values = list(map(int, words))
        ends = [start + length for start, length in zip(values[::2], values[1::2], strict=True)]
        several += len(ends) > 1
        going_back += any(start < end for start, end in zip(values[2::2], ends, strict=False))
    return going_back > several / 2 if several else has_minus_one


def _columns(header: Sequence[str]) -> tuple[str, ...]:
    return tuple(cell.strip().lower() for cell in header)


def _places(columns: Sequence[str]) -> tuple[int | None, int | None, int | None]:
    """Return where image, class and runs are; None: nowhere."""

    def place(names: Sequence[str]) -> int | None:
        return next((columns.index(name) for name in names if name in columns), None)

    return place((*TOGETHER, *IMAGES)), place(LABELS), place(RUNS)


def _has_columns(file: Path) -> bool:
    """Return whether the first lines of a file are columns of run lengths, and a row of runs or of nothing.

    A name that only run lengths have is enough, so that a row that is wrong is told as such when the table is read.
    """
    csv.field_size_limit(sys.maxsize)
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as opened:
        rows = csv.reader(opened)
        try:
            columns = _columns(next(rows, ()))
            image, _, runs = _places(columns)
            if image is None or runs is None:
                return False
            first = next((row for row in rows if row), None)
        except csv.Error:
            return False
    if columns[runs] in PLAIN_RUNS:
        return True
    text = first[runs].strip() if first and len(first) > runs else "-"
    return text.lower() in NOTHING or all(word.isdecimal() for word in text.split())
