"""What is printed: one table with what is to be said of it."""

from typing import NamedTuple

import pandas as pd


class Section(NamedTuple):
    """One table with what is to be said of it."""

    title: str
    table: pd.DataFrame
    sentences: list[str]
    decimals: int | None = None
    """With how many every number is printed; None: as many as a reader needs."""
