"""Functions of a table of pixel counts (image × class, integers): presence, proportion, major class.

Columns are what the caller gives: leave out ``height`` and ``width`` before asking.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def presence(counts: pd.DataFrame) -> pd.DataFrame:
    """Return which image holds which class, as bool."""
    return counts > 0


def proportion(counts: pd.DataFrame, area: pd.Series | None = None) -> pd.DataFrame:
    """Return the share of every class in every image's pixels.

    Args:
        counts: image × class table of pixel counts.
        area: image id → pixels that count as the whole; default: the sum of the image's row. A row of a whole of 0
            is NaN.
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


def _largest(counts: pd.DataFrame) -> pd.Series:
    """Image id → the first column with the most pixels, '' where every column is 0."""
    pixels = counts.to_numpy()
    if not pixels.shape[1]:
        return pd.Series("", index=counts.index, dtype=object)
    names = counts.columns.to_numpy(dtype=object)[pixels.argmax(axis=1)]
    return pd.Series(np.where(pixels.max(axis=1) > 0, names, ""), index=counts.index, dtype=object)
