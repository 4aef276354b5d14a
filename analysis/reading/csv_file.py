"""Read the file of a table of runs as people export it, with blanks around names and values."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def read_table(path: str | Path | pd.DataFrame, levels: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Return the table without blanks around names and texts, and what it is called in messages.

    A column of the file that is there twice is there twice in the table, under one name.

    Args:
        path: a CSV file (a row per run, a header), or a table.
        levels: the columns whose values are levels. In these a text is a text: ``None``, ``null`` and ``NA`` are names
            of levels, and only an empty cell is missing (and ``nan`` among numbers).

    Raises:
        FileNotFoundError: there is no file at *path*.
        ValueError: it is empty or no CSV, or its rows have more values than its header.
    """
    if isinstance(path, pd.DataFrame):
        return _without_blanks(path.reset_index(drop=True)), "table"
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"a table of runs must be a CSV file, but there is no file {path}: name another one")
    try:
        header = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0].str.strip()
        options = {"header": 0, "names": range(len(header)), "low_memory": False}
        table = pd.read_csv(path, **options)  # by position: pandas would rename a column that is there twice
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} must be a CSV file with a header and a row per run, but: {error}") from error
    _check_shape(table, header.tolist(), path)
    own = [position for position, name in header.items() if name in levels]
    if own:
        texts = pd.read_csv(path, **options, usecols=own, keep_default_na=False, na_values=[""])
        for position in own:
            table[position] = _levels(table[position], texts[position])
    names = [name or f"column {position + 1}" for position, name in header.items()]
    return _without_blanks(table.set_axis(names, axis=1)), path.name


def _check_shape(table: pd.DataFrame, header: list[str], path: Path) -> None:
    """Refuse a file with another separator, or in which rows have more values than the header has columns.

    pandas would take the first values of such rows for an index and move the others to the left.
    """
    separator = next((mark for mark in (";", "\t") if mark in header[0]), None)
    if len(header) == 1 and separator:
        raise ValueError(
            f"{path} must have commas between its columns, but its header is {header[0]!r}: write it with commas, and "
            f"decimals with points (pandas: read_csv(..., sep={separator!r}, decimal=',') and to_csv)"
        )
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError(
            f"every row of {path} must have the {len(header)} values of its header, but a row has "
            f"{len(header) + table.index.nlevels}: write decimals with points, and no comma at the end of a row"
        )


def _without_blanks(table: pd.DataFrame) -> pd.DataFrame:
    """Return *table* without blanks around the names of columns and around texts; a text of blanks is missing."""
    table = table.set_axis([name.strip() if isinstance(name, str) else name for name in table], axis=1)
    columns = [_stripped(table.iloc[:, position]) for position in range(table.shape[1])]
    return pd.concat(columns, axis=1) if columns else table


def _stripped(values: pd.Series) -> pd.Series:
    if not (pd.api.types.is_object_dtype(values) or pd.api.types.is_string_dtype(values)):
        return values
    texts = values.map(lambda value: value.strip() or None if isinstance(value, str) else value)
    return values if texts.equals(values) else texts.astype(values.dtype)


def _levels(values: pd.Series, texts: pd.Series) -> pd.Series:
    """Return *values*, as pandas reads them, with the *texts* among them that pandas takes for missing."""
    if pd.api.types.infer_dtype(values, skipna=True) == "string":
        return texts
    lost = values.isna() & texts.notna()
    lost &= texts.astype(str).str.strip().str.lstrip("+-").str.lower() != "nan"
    if not lost.any():
        return values
    kept = values[~lost].dropna()
    # Beside a missing value pandas reads whole numbers as floats.
    if len(kept) and pd.api.types.is_float_dtype(kept) and (kept == kept.round()).all():
        kept = kept.astype("int64")
    return pd.concat([kept.astype(object), texts[lost].astype(object)]).reindex(values.index)
