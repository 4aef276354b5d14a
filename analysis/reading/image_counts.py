"""Counts of each image: ``images.parquet`` of all trials in one table."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.reading.class_scores import COUNTS
from analysis.reading.tables import IMAGE_COLUMNS, LeftOut, empty
from rarepix.layout import IMAGES

if TYPE_CHECKING:
    import pyarrow

NAMES = ("split", "image", "class")


def read_images(places: list[tuple[Path, str]], left_out: LeftOut) -> pd.DataFrame:
    """Return the counts of all trials, a row per split, image and class; *places* are folder and name of each trial.

    Names are categories, since there are millions of rows. A file that cannot be read is left out.
    """
    import pyarrow as pa

    parts, trials = [], []
    for folder, trial in places:
        try:
            if (folder / IMAGES).exists():
                parts.append(_counts(folder / IMAGES))
                trials.append(trial)
        except (ValueError, OSError, pa.ArrowException) as error:
            left_out.add(trial, IMAGES, f"it must be a whole table of counts, but: {error}")
    if not sum(len(part) for part in parts):
        return empty("images")
    table = pa.concat_tables(parts).unify_dictionaries().to_pandas()
    codes = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return table.assign(trial=pd.Categorical.from_codes(codes, categories=trials))[IMAGE_COLUMNS]


def _counts(path: Path) -> "pyarrow.Table":
    import pyarrow as pa
    from pyarrow import parquet

    wanted = IMAGE_COLUMNS[1:]
    with parquet.ParquetFile(path, read_dictionary=list(NAMES)) as file:
        missing = sorted(set(wanted) - set(file.schema_arrow.names))
        if missing:
            raise ValueError(f"it lacks the columns {', '.join(missing)}")
        table = file.read(columns=wanted, use_threads=False)
    kinds = dict.fromkeys(NAMES, pa.dictionary(pa.int32(), pa.string())) | dict.fromkeys(COUNTS, pa.int64())
    return table.select(wanted).cast(pa.schema([(name, kinds[name]) for name in wanted]))
