"""A study's folder read into flat tables; everything else in the analysis is pandas from here.

tables = load_study("results/demo")
tables.trials        a row a trial: status, block, objective, derived scores, timings, versions, sampled parameters
tables.classes       trial × split × class: integer counts, IoU, how much of the class the train split held
tables.images        trial × split × image × class: integer counts
tables.curves        a row per validation, attempts kept apart
tables.left_out      files that could not be read, and why
tables.parameters    which columns of ``trials`` were sampled
tables.confirmation  what the study confirms, if it confirms another one
tables.block         which columns of ``trials`` make a block
"""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis.reading.confirmation import LEDGER, Confirmation, read_confirmation
from analysis.reading.parameters import configuration
from analysis.reading.rows import FIXED, class_rows, trial_row
from analysis.reading.scores import COUNTS
from rarepix.records import RecordError, TrialRecord, read

CLASS_COLUMNS = ["trial", "split", "class", *COUNTS, "iou", "train_images", "train_pixels", "train_proportion", "rare"]
IMAGE_COLUMNS = ["trial", "split", "image", "class", *COUNTS]
CURVE_COLUMNS = ["trial", "attempt", "epoch", "objective"]
NULLABLE = {"epoch": "Int64", "resumed_from_epoch": "Int64"}


class Tables(NamedTuple):
    """A study as tidy tables."""

    trials: pd.DataFrame
    classes: pd.DataFrame
    images: pd.DataFrame
    curves: pd.DataFrame
    left_out: pd.DataFrame
    """Columns ``trial``, ``file``, ``reason``."""
    parameters: tuple[str, ...]
    """The columns of ``trials`` that were sampled, blocks left out."""
    study: str
    confirmation: Confirmation | None
    """What the study confirms, None if it is no confirmation."""
    block: tuple[str, ...] = ("seed", "fold")
    """The columns of ``trials`` that make a block."""


def load_study(path: str | Path) -> Tables:
    """Return the tables of the study in folder *path*.

    A file that cannot be read (cut off, or of a newer schema) is named in ``left_out`` and stops nothing else.

    Raises:
        FileNotFoundError: *path* is not the folder of a study.
    """
    study = Path(path)
    if not (study / "trials").is_dir():
        raise FileNotFoundError(
            f"a study must be a folder with trials/<trial>/record.json, but {study} has no trials: name another folder"
        )
    left_out: list[dict] = []
    records = _records(study, left_out)
    confirmation = _confirmation(study, left_out)
    classes = {record.trial: class_rows(record) for _, record in records}
    trials = pd.DataFrame([trial_row(record, classes[record.trial]) for _, record in records])
    parameters = dict.fromkeys(key for _, record in records for key in configuration(record.parameters))
    return Tables(
        trials=_typed(trials.reindex(columns=[*FIXED, *(name for name in trials if name not in FIXED)]), NULLABLE),
        classes=_typed(_concat(classes.values(), CLASS_COLUMNS), {"train_images": "Int64", "train_pixels": "Int64"}),
        images=_concat((_images(folder, record, left_out) for folder, record in records), IMAGE_COLUMNS),
        curves=_concat((_curve(folder, record, left_out) for folder, record in records), CURVE_COLUMNS),
        left_out=pd.DataFrame(left_out, columns=["trial", "file", "reason"]),
        parameters=tuple(parameters),
        study=study.resolve().name,
        confirmation=confirmation,
    )


def _confirmation(study: Path, left_out: list[dict]) -> Confirmation | None:
    try:
        return read_confirmation(study)
    except ValueError as error:
        left_out.append({"trial": "", "file": str(LEDGER), "reason": str(error)})
        return None


def _records(study: Path, left_out: list[dict]) -> list[tuple[Path, TrialRecord]]:
    found = []
    for folder in sorted(folder for folder in (study / "trials").iterdir() if folder.is_dir()):
        if not (folder / "record.json").exists():
            _leave_out(left_out, folder, "record.json", "no record was written")
            continue
        try:
            record = read(folder / "record.json")
        except RecordError as error:
            _leave_out(left_out, folder, "record.json", str(error))
            continue
        # The folder is the trial's address; a copied folder must not become a second row of the same trial.
        found.append((folder, record.model_copy(update={"trial": folder.name})))
    return found


def _curve(folder: Path, record: TrialRecord, left_out: list[dict]) -> pd.DataFrame:
    path = folder / "history.csv"
    if not path.exists():
        return pd.DataFrame()
    try:
        table = pd.read_csv(path)
        missing = sorted({"attempt", "epoch"} - set(table.columns))
        if missing:
            raise ValueError(f"a history must have the columns attempt and epoch, but lacks {missing}")
    except (ValueError, OSError) as error:
        _leave_out(left_out, folder, path.name, f"{type(error).__name__}: {error}")
        return pd.DataFrame()
    return table.assign(trial=record.trial)


def _images(folder: Path, record: TrialRecord, left_out: list[dict]) -> pd.DataFrame:
    path = folder / "images.parquet"
    if not path.exists():
        return pd.DataFrame()
    try:
        return pd.read_parquet(path, columns=IMAGE_COLUMNS[1:]).assign(trial=record.trial)
    except (ValueError, OSError, KeyError) as error:
        _leave_out(left_out, folder, path.name, f"{type(error).__name__}: {error}")
        return pd.DataFrame()


def _leave_out(left_out: list[dict], folder: Path, file: str, reason: str) -> None:
    left_out.append({"trial": folder.name, "file": file, "reason": reason.replace(f"{folder}/", "")})


def _concat(parts, columns: list[str]) -> pd.DataFrame:
    parts = [part for part in parts if len(part)]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return table[[*columns, *(name for name in table if name not in columns)]]


def _typed(table: pd.DataFrame, types: dict[str, str]) -> pd.DataFrame:
    return table.astype({name: kind for name, kind in types.items() if name in table})
