"""The study's CSV files, found and checked."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.published.reported import BEST_METHOD, CLASSES, REDUCED
from analysis.reading.tables import Tables

RUNS, TRAINING, METHODS = "final_result.csv", "train_df.csv", "previous_results.csv"
COLUMNS = {
    RUNS: ["random_state", "configs", "split_strategy", "resampling_strategy", "paste_by", "test_mIoU", *CLASSES],
    TRAINING: ["height", "width", "area", *(f"{name}_{what}" for name in CLASSES[:-1] for what in ("sum", "prop"))],
    METHODS: [],
}


class NotTheStudy(ValueError):
    """The folder does not hold the published study; the message says what is missing."""


def read(folder: Path, file: str, **how) -> pd.DataFrame:
    """Return one of the study's tables.

    Raises:
        NotTheStudy: the file is not there, cannot be read as CSV, or lacks columns.
    """
    path = folder / file
    if not path.is_file():
        files = ", ".join(sorted(properties.name for properties in folder.glob("*.csv"))) or "no CSV file"
        raise NotTheStudy(f"{folder} must hold {RUNS}, {TRAINING} and {METHODS}, but lacks {file}: it holds {files}")
    try:
        table = pd.read_csv(path, **how)
    except (ValueError, OSError) as error:
        raise NotTheStudy(f"{path} must be a CSV file of the published study, but: {error}") from error
    lacking = [name for name in COLUMNS[file] if name not in table]
    if lacking:
        raise NotTheStudy(f"{path} must have the columns of the published study, but lacks {lacking[:5]}")
    return table.copy()  # as one block: a file of many columns comes in as many


def runs(folder: Path) -> pd.DataFrame:
    """Return the 50 runs, a row per run."""
    return read(folder, RUNS)


def class_scores(folder: Path) -> pd.Series:
    """Return the mean IoU (per cent) over eight published methods of each of the 20 classes."""
    return method_scores(folder).mean(axis=1).rename("IoU over eight methods")


def method_scores(folder: Path) -> pd.DataFrame:
    """Return the 20 classes × eight published methods: IoU in per cent."""
    methods = read(folder, METHODS, index_col=0)
    lacking = [name for name in CLASSES[:-1] if name not in methods.index]
    if lacking:
        raise NotTheStudy(f"{folder / METHODS} must have a row per class, but lacks {lacking[:5]}")
    if BEST_METHOD not in methods:
        raise NotTheStudy(f"{folder / METHODS} must have a column per method, but lacks {BEST_METHOD}")
    return methods.loc[list(CLASSES[:-1])]


def class_properties(folder: Path) -> pd.DataFrame:
    """Return 20 classes × seven properties, each over all 1,464 training images (those left out later, too).

    Columns are named by class and suffix, not found by a substring: ``prop`` also is part of a split's name.
    """
    table = read(folder, TRAINING)
    rows = {}
    for name in CLASSES[:-1]:
        pixels, share = table[f"{name}_sum"], table[f"{name}_prop"]
        present = pixels > 0
        rows[name] = {
            "freq_sum": int(present.sum()),
            "proportion_mean": share.mean(),
            "nz_proportion_mean": share[present].mean(),
            "pixel_mean": pixels.mean(),
            "nz_pixel_mean": pixels[present].mean(),
        }
    properties = pd.DataFrame(rows).T
    properties["freq_prop"] = properties["freq_sum"] * properties["proportion_mean"]
    properties["freq_nz_prop"] = properties["freq_sum"] * properties["nz_proportion_mean"]
    return properties


PARAMETERS = ("is_imbalance", "split_strategy", "resampling_strategy", "paste_by")


def as_study(folder: Path, configuration: str | Sequence[str] = "configs") -> Tables:
    """Return the 50 runs as a study: configurations × seeds of the split, test mIoU first, validation beside it."""
    from analysis.reading.load_table import load_table

    return load_table(
        folder / RUNS,
        configuration=configuration,
        block="random_state",
        score="test_mIoU",
        validation="epoch_val_mIoU",
        classes=CLASSES,
        rare=REDUCED,
        study="published imbalance study",
    )
