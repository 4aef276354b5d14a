"""A table of runs as it is given: a CSV file, or a table that is already in memory."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def read_table(path: str | Path | pd.DataFrame, levels: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Return the table, and what it is called in messages.

    Args:
        path: a CSV file (a row a run, a header), or a table.
        levels: the columns whose values are levels. In these a text is a text: ``None``, ``null`` and ``NA`` are names
            of levels, and only an empty cell is missing (and ``nan`` among numbers).

    Raises:
        FileNotFoundError: there is no file at *path*.
        ValueError: it is empty or no CSV.
    """
    if isinstance(path, pd.DataFrame):
        return path.reset_index(drop=True), "table"
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"a table of runs must be a CSV file, but there is no file {path}: name another one")
    try:
        table = pd.read_csv(path, low_memory=False)
        own = [name for name in dict.fromkeys(levels) if name in table]
        if own:
            texts = pd.read_csv(path, low_memory=False, usecols=own, keep_default_na=False, na_values=[""])
            table = table.assign(**{name: _levels(table[name], texts[name]) for name in own})
        return table, path.name
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} must be a CSV file with a header and a row a run, but: {error}") from error


def _levels(values: pd.Series, texts: pd.Series) -> pd.Series:
    """Return *values*, as pandas reads them, with the *texts* among them that pandas takes for missing."""
    if pd.api.types.infer_dtype(values, skipna=True) == "string":
        return texts
    lost = values.isna() & texts.notna()
    lost &= texts.astype(object).map(lambda text: not _not_a_number(text))
    if not lost.any():
        return values
    kept = values[~lost].dropna()
    # Beside a missing value pandas reads whole numbers as floats.
    if len(kept) and pd.api.types.is_float_dtype(kept) and (kept == kept.round()).all():
        kept = kept.astype("int64")
    return pd.concat([kept.astype(object), texts[lost].astype(object)]).reindex(values.index)


def _not_a_number(text: object) -> bool:
    return isinstance(text, str) and text.strip().lstrip("+-").lower() == "nan"
