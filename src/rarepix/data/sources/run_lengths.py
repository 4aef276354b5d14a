"""Run lengths in a table, as competitions give them: a row an object, or a class of an image.

``train.csv`` with the columns ``ImageId,ClassId,EncodedPixels``, ``ImageId_ClassId,EncodedPixels``,
``ImageId,EncodedPixels`` or alike; images in a folder beside it. -1 or nothing means that there is no object. Runs are
pairs of start and length; how starts count differs (``data.encoding``, ``data.start``, ``data.order``).
"""

from pathlib import Path
from typing import Literal, NamedTuple

from rarepix.data.drawn import RULE, WrongShape
from rarepix.data.evidence import Evidence
from rarepix.data.run_lengths import Dialect, PairedRuns
from rarepix.data.source import DataError, first_of
from rarepix.data.sources.drawn_source import DrawnList, DrawnSource, drawn_images, labels_of
from rarepix.data.sources.image_search import image_search
from rarepix.data.sources.image_tree import ALL, SPLITS, image_tree, named_folder
from rarepix.data.sources.run_tables import Row, RunTable, looks_relative, read_table, table_files
from rarepix.settings import Settings

ONLY_CLASS = "object"
DIALECTS = {
    "severstal": Dialect("absolute", 1, "columns"),
    "siim": Dialect("relative", 0, "columns"),
    "carvana": Dialect("absolute", 1, "rows"),
}
"""Competition → how its run lengths are meant. That of Severstal is also that of Airbus, TGS, HuBMAP and DSB 2018."""


class Parameters(Settings):
    """The parameters of this source."""

    annotations: str | None = None
    """The tables, a pattern such as train*.csv. Default: every CSV file with the columns of run lengths."""
    images: str | None = None
    """Folder of the images. Default: found by the names in the table."""
    dialect: Literal["severstal", "siim", "carvana"] | None = None
    """How run lengths are meant, by the competition that they are like; the next three change it."""
    encoding: Literal["absolute", "relative"] | None = None
    """A start counts from the first pixel of the image, or from the end of the run before. Default: recognised."""
    start: Literal[0, 1] | None = None
    """Number of the first pixel. Default: 1 if absolute, 0 if relative."""
    order: Literal["columns", "rows"] | None = None
    """Pixels are numbered down the columns, or along the rows. Default: columns."""
    unlisted: Literal["leave_out", "empty"] = "leave_out"
    """Images of the folder that have no row in the table: left out, or background only."""


class Meaning(NamedTuple):
    """How run lengths are read, and what to tell about it."""

    dialect: Dialect
    told: str


def recognise(root: Path) -> Evidence:
    """Return what *root* has of this layout: tables with the columns of run lengths."""
    files = tuple(file.name for file in table_files(root, None)[:3])
    return Evidence(files, () if files else ("a CSV file with a column of run lengths (EncodedPixels)",))


def open_source(root: Path, parameters: Parameters) -> "RunLengthSource":
    """Return the reader of *root*."""
    return RunLengthSource(root, parameters)


class RunLengthSource(DrawnSource):
    """Reader of tables of run lengths; every table is a list."""

    def __init__(self, root: Path, parameters: Parameters) -> None:
        super().__init__(root)
        files = table_files(root, parameters.annotations)
        if not files:
            raise FileNotFoundError(
                f"{root} must hold a table of run lengths ({parameters.annotations or '*.csv'} with the columns of "
                f"image and EncodedPixels), but has none: add it, or name it (data.annotations)"
            )
        tables = [read_table(file) for file in files]
        rows = [row for table in tables for row in table.rows]
        self._meaning = _meaning(parameters, tables, rows)
        names = sorted({row.label for row in rows if row.label}, key=lambda n: (not n.isdecimal(), n.zfill(9)))
        called = [f"class {name}" if name.isdecimal() else name for name in names] or [ONLY_CLASS]
        self.labels = labels_of(("background", *called), files[0])
        self._class_of = {name: number for number, name in enumerate(names, 1)}
        self._images = named_folder(root, parameters.images, "data.images") if parameters.images else None
        self.assumed = "; ".join([RULE, self._meaning.told])
        for table in tables:
            name = _list_name(table.file)
            if name in self._lists:
                raise DataError(
                    f"{self._lists[name].file} and {table.file} would both be the list {name}: name one "
                    f"(data.annotations)"
                )
            self._lists[name] = self._read(name, table, parameters.unlisted == "empty")

    def _read(self, name: str, table: RunTable, unlisted_are_empty: bool) -> DrawnList:
        search = image_search(self.root, name, table.file.parent, self._images)
        paths = {row.image: search.find(row.image) for row in table.rows}
        folder = next((path.parent for path in paths.values() if path.is_file()), None)
        others = [] if folder is None else sorted(set(image_tree(folder).values()) - set(paths.values()))
        if others and unlisted_are_empty:
            paths |= {file.relative_to(folder).as_posix(): file for file in others}
        elif others:
            self.assumed += (
                f"; {len(others)} images in {folder} have no row in {table.file.name} and are left out: "
                f"{first_of([file.name for file in others], 2)} (data.unlisted=empty takes them for background only)"
            )
        shapes = [(row.image, self._shape(row)) for row in table.rows if row.runs]
        return DrawnList(table.file, drawn_images(table.file, self.labels, paths, shapes))

    def _shape(self, row: Row) -> PairedRuns | WrongShape:
        name = f"line {row.line}"
        if self._class_of and not row.label:
            return WrongShape(0, name, "must name a class, as other rows do, but does not")
        return PairedRuns(self._class_of.get(row.label, 1), name, row.runs, self._meaning.dialect)


def _meaning(parameters: Parameters, tables: list[RunTable], rows: list[Row]) -> Meaning:
    """Return how run lengths are meant: what the recipe says, and for the rest what the tables look like."""
    given = DIALECTS[parameters.dialect] if parameters.dialect else None
    relative = looks_relative(rows, any(table.has_minus_one for table in tables))
    encoding = parameters.encoding or (given.encoding if given else "relative" if relative else "absolute")
    usual = given or DIALECTS["siim" if encoding == "relative" else "carvana" if _is_carvana(tables) else "severstal"]
    start = usual.start if parameters.start is None else parameters.start
    dialect = Dialect(encoding, start, parameters.order or usual.order)
    told = f"run lengths are read as {dialect.encoding} starts from {dialect.start}, along {dialect.order}"
    if given is None and None in (parameters.encoding, parameters.start, parameters.order):
        told += "; if they are meant otherwise, write data.encoding, data.start and data.order"
    return Meaning(dialect, told)


def _is_carvana(tables: list[RunTable]) -> bool:
    return all(table.columns[:2] == ("img", "rle_mask") for table in tables)


def _list_name(file: Path) -> str:
    """Return the split that a table's name begins with, else ``all``: ``train-rle.csv`` is ``train``."""
    stem = file.stem.lower()
    return next((split for split in sorted(SPLITS, key=len, reverse=True) if stem.startswith(split)), ALL)
