"""Groups: images that belong together, read from a CSV file of the dataset."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from rarepix.choices import nearest
from rarepix.data.settings import GroupsConfig
from rarepix.data.source import DataError, first_of

_names = partial(first_of, at_most=10, separator=" …")


def read_groups(root: Path, config: GroupsConfig, ids: Sequence[str]) -> pd.Series:
    """Return image id → group, in the order of *ids*, the images that need one.

    The image column of the file in *root* holds ids, or paths whose names without suffix are ids; others are left out.

    Raises:
        DataError: the file or a column is missing, an image is not in it, has no group or is in two.
    """
    path = root / config.file
    table = _read(path, config)
    wanted = set(ids)
    names = [name if name in wanted else PurePosixPath(name).stem for name in table[config.image]]
    groups = table[config.column].set_axis(pd.Index(names, name="image"))
    groups = groups[groups.index.isin(wanted)]

    missing = [name for name in ids if name not in set(groups.index)]
    if missing:
        raise DataError(f"{path} must name every image that is split, but lacks {_names(missing)}: add them")
    without_group = groups.index[groups == ""].unique().tolist()
    if without_group:
        raise DataError(f"{path} must give every image a {config.column!r}, but gives none to {_names(without_group)}")
    pairs = groups.reset_index().drop_duplicates()
    repeated = pairs["image"][pairs["image"].duplicated()].unique().tolist()
    if repeated:
        raise DataError(
            f"{path} must put an image in one group, but puts in several: {_names(repeated)}: keep one each"
        )
    return pairs.set_index("image")[config.column].loc[list(ids)].rename("group")


def group_numbers(groups: pd.Series, images: pd.Index, folds: int) -> np.ndarray:
    """Return the number of each image's group, from 0.

    Raises:
        ValueError: an image has no group or several, or there are fewer groups than folds.
    """
    repeated = groups.index[groups.index.duplicated()].unique().tolist()
    if repeated:
        raise ValueError(
            f"an image must be in one group, but these come several times: {_names(repeated)}: keep one each"
        )
    of_images = groups.reindex(images)
    missing = of_images.index[of_images.isna()].tolist()
    if missing:
        raise ValueError(f"every image must have a group, but these have none: {_names(missing)}: add them")
    numbers, names = pd.factorize(of_images)
    if folds > len(names):
        raise ValueError(
            f"folds must be at most the number of groups, {len(names)}, but got {folds}: "
            f"use fewer folds or finer groups"
        )
    return numbers


def _read(path: Path, config: GroupsConfig) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"{path} must exist, but does not: correct data.groups.file, which is relative to data.root")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        raise DataError(f"{path} must be a CSV file with a header, but: {error}") from error
    for key, column in (("image", config.image), ("column", config.column)):
        if column not in table.columns:
            raise DataError(
                f"{path} must have the column of data.groups.{key}, but has no {column!r}: "
                f"{nearest(column, table.columns)}it has {', '.join(table.columns)}"
            )
    return table
