"""The learning curves of all trials: their ``history.csv``, a row per validation, in one table."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.reading.tables import CURVE_COLUMNS, LeftOut, empty
from rarepix.layout import HISTORY

NEEDED = ("attempt", "epoch", "objective")
STAGE = "stage"
"""Column of a trial that holds several trainings: the name of the one that a validation belongs to."""


class _History(NamedTuple):
    """The bytes of a history that is not parsed yet."""

    trial: str
    header: bytes
    lines: list[bytes]


def read_curves(places: list[tuple[Path, str]], left_out: LeftOut) -> pd.DataFrame:
    """Return the histories of all trials, attempts kept apart; *places* are the folder and name of each trial.

    A last line that was cut off is left out, and so is a file that is no table of numbers with an ``attempt``, an
    ``epoch`` and an ``objective``. A validation without an objective stays, as NaN.
    """
    histories = [history for folder, trial in places if (history := _read_history(folder, trial, left_out))]
    # Histories with the same columns are parsed together: a thousand calls of the parser take most of the time.
    groups: dict[bytes, list[_History]] = {}
    for history in histories:
        groups.setdefault(history.header, []).append(history)
    parts = [part for group in groups.values() for part in _parsed(group, left_out)]
    if not parts:
        return empty("curves")
    table = pd.concat(parts, ignore_index=True)
    for trial, rows in table[table["objective"].isna()].groupby("trial", sort=False):
        first = f"attempt {rows['attempt'].iloc[0]}, epoch {rows['epoch'].iloc[0]}"
        left_out.add(trial, HISTORY, f"no objective at {len(rows)} of its validations (first: {first}): not drawn")
    return table[[*CURVE_COLUMNS, *(name for name in table if name not in CURVE_COLUMNS)]]


def _read_history(folder: Path, trial: str, left_out: LeftOut) -> _History | None:
    try:
        whole, end, cut = (folder / HISTORY).read_bytes().rpartition(b"\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        left_out.add(trial, HISTORY, f"it must be a readable file, but: {error}")
        return None
    header, *lines = [line for line in whole.splitlines() if line and not line.isspace()] or [b""]
    columns = _width(header)
    if not end or not set(NEEDED) <= set(_cells(header)):
        given = header.decode(errors="replace")[:80]
        left_out.add(trial, HISTORY, f"a history must have the columns {', '.join(NEEDED)}, but has {given!r}")
        return None
    if any(_width(line) != columns for line in lines):
        left_out.add(trial, HISTORY, f"every row of a history must have {columns} columns, but one has not")
        return None
    if cut.strip():
        left_out.add(trial, HISTORY, "its last line was cut off: that validation is left out")
    return _History(trial, header, lines) if lines else None


def _width(line: bytes) -> int:
    """Return how many cells *line* has. Few lines hold a quote; counting commas is many times faster than parsing."""
    return len(_cells(line)) if b'"' in line else line.count(b",") + 1


def _cells(line: bytes) -> list[str]:
    """Return the cells of *line*, none where its quotes do not close. A class name may hold a comma."""
    try:
        return next(csv.reader([line.decode(errors="replace")], strict=True), [])
    except csv.Error:
        return []


def _parsed(group: list[_History], left_out: LeftOut) -> list[pd.DataFrame]:
    """Return the tables of histories with the same columns: one, or one per file where a file cannot be parsed."""
    try:
        table = _table(group[0].header, [line for history in group for line in history.lines])
    except ValueError as error:
        if len(group) > 1:
            return [part for history in group for part in _parsed([history], left_out)]
        left_out.add(group[0].trial, HISTORY, str(error))
        return []
    trials = np.repeat([history.trial for history in group], [len(history.lines) for history in group])
    return [table.assign(trial=pd.Series(trials, dtype="str"))]


def _table(header: bytes, lines: list[bytes]) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import csv as arrow
    from pyarrow import types

    whole, options = pa.BufferReader(b"\n".join([header, *lines])), arrow.ReadOptions(use_threads=False)
    table = arrow.read_csv(whole, options, convert_options=arrow.ConvertOptions(column_types={STAGE: pa.string()}))
    numeric = (types.is_integer, types.is_floating, types.is_null)
    kinds = {column.name: column.type for column in table.schema if column.name != STAGE}
    text = [name for name, kind in kinds.items() if not any(is_kind(kind) for is_kind in numeric)]
    if text:
        raise ValueError(f"a history must hold numbers alone, but column {text[0]!r} has something else")
    frame = table.to_pandas()
    for name in ("attempt", "epoch"):
        if not types.is_integer(table.schema.field(name).type) or frame[name].isna().any():
            raise ValueError(f"every row of a history must have a whole number as {name}, but one has not")
    return frame.astype({"objective": float})
