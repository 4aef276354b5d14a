"""Functions of a table of pixel counts (image × class, integers): validation, proportion, major class.

All columns are taken for classes: the caller leaves out ``height`` and ``width``.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rarepix.choices import nearest


def checked(counts: pd.DataFrame, columns: Sequence[str] | None = None, *, what: str = "columns") -> pd.DataFrame:
    """Return the chosen columns of a table of counts, of which only the index is checked otherwise.

    Args:
        counts: image × class table of pixel counts.
        columns: names of the chosen ones (default: all).
        what: what the caller calls *columns*, for the messages.

    Raises:
        ValueError: *columns* is a text, is empty, names one twice or one that the table does not have; an image or a
            column is twice in the table; a chosen column holds something else than finite numbers from 0.
    """
    names = list(counts.columns) if columns is None else list_of_names(columns, what)
    for name in names:
        if name not in counts.columns:
            raise ValueError(
                f"{what} must be in the table, but {name!r} is not: {nearest(name, map(str, counts.columns))}"
                f"valid: {', '.join(map(str, counts.columns))}"
            )
    if not names:
        raise ValueError("a table of counts must have a column for each class, but has none: give the counts")
    for index, one in ((counts.index, "image"), (counts.columns, "column")):
        twice = index[index.duplicated()].unique().tolist()
        if twice:
            raise ValueError(f"each {one} must be in the table once, but these come again: {twice[:10]}: keep one each")
    _check_numbers(counts[names])
    return counts[names]


def list_of_names(names: Sequence[str], what: str) -> list[str]:
    """Return *names* as a list.

    Raises:
        ValueError: it is a text, is empty, or has a name twice.
    """
    if isinstance(names, str):
        raise ValueError(f"{what} must be a list of names, but got {names!r}: write [{names!r}]")
    if not len(names):
        raise ValueError(f"{what} must name at least one class, but got {list(names)}: name one, or leave it out")
    twice = list(dict.fromkeys(name for name in names if list(names).count(name) > 1))
    if twice:
        raise ValueError(f"{what} must name each class once, but {twice} come more than once: name them once")
    return list(names)


def proportion(counts: pd.DataFrame, area: pd.Series | None = None) -> pd.DataFrame:
    """Return the share of every class in every image's pixels.

    *area* is image id → pixels that count as the whole (default: the sum of the image's row); with 0 the row is NaN.
    """
    whole = counts.sum(axis=1) if area is None else area.reindex(counts.index)
    return counts.div(whole.where(whole > 0), axis=0).astype(float)


def major_class(counts: pd.DataFrame, ignoring: Sequence[str] = ("background", "border")) -> pd.Series:
    """Return image id → the class with the most pixels among the columns not in *ignoring*; the first one on ties.

    An image that holds none of them gets the class with the most pixels of all columns, and '' if it holds nothing.
    """
    preferred = counts.drop(columns=[name for name in ignoring if name in counts.columns])
    names = _largest(preferred)
    return names.where(names != "", _largest(counts)).rename("major_class")


def _check_numbers(counts: pd.DataFrame) -> None:
    for name, dtype in counts.dtypes.items():
        if not (isinstance(dtype, np.dtype) and dtype.kind in "iuf"):
            raise ValueError(
                f"a table of counts must hold integers (or floats), but the column {name!r} holds {dtype}: "
                f"convert it, or leave it out"
            )
    values = counts.to_numpy(float)
    wrong = np.argwhere(~(np.isfinite(values) & (values >= 0)))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"counts of pixels must be finite and not negative, but {counts.columns[column]!r} of the image "
            f"{counts.index[row]!r} is {values[row, column]:g}: correct it, or leave the image out"
        )


def _largest(counts: pd.DataFrame) -> pd.Series:
    pixels = counts.to_numpy()
    if not pixels.shape[1]:
        return pd.Series("", index=counts.index, dtype=object)
    names = counts.columns.to_numpy(dtype=object)[pixels.argmax(axis=1)]
    return pd.Series(np.where(pixels.max(axis=1) > 0, names, ""), index=counts.index, dtype=object)
