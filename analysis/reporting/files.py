"""Tables as CSV files."""

from pathlib import Path

import pandas as pd


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write *table* to *path*; what is missing is an empty cell.

    By pyarrow, which is several times as fast as pandas: a study of a thousand trials has millions of rows of images.
    """
    import pyarrow
    from pyarrow import csv

    plain = table.copy(deep=False)
    for name in plain:
        if plain[name].dtype == object:  # texts, numbers and booleans side by side: a sampled parameter, a level
            plain[name] = plain[name].map(str, na_action="ignore")
    csv.write_csv(
        pyarrow.Table.from_pandas(plain, preserve_index=False), path, csv.WriteOptions(quoting_style="needed")
    )
