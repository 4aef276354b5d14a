"""The tables that the analysis works on: their columns, and helpers that all readers share."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import pandas as pd

from analysis.reading.class_scores import COUNTS
from analysis.reading.extensions import StudyLook
from analysis.reading.search_journal import Confirmation

TRAIN_SHARE = ["train_images", "train_pixels", "train_proportion"]
CLASS_COLUMNS = ["trial", "split", "class", *COUNTS, "iou", *TRAIN_SHARE, "rare"]
IMAGE_COLUMNS = ["trial", "split", "image", "class", *COUNTS]
CURVE_COLUMNS = ["trial", "attempt", "epoch", "objective"]
CONFUSION_COLUMNS = ["trial", "split", "true", "predicted", "pixels"]
THRESHOLD_COLUMNS = [
    "trial", "split", "threshold", "positive", "empty", "found", "alarms", "recall", "recall_low", "recall_high",
    "area",
]  # fmt: skip
"""Images with foreground and empty ones; in how many of them anything is found; means over images, see
``rarepix.record_splits.PixelCurve``."""
LEFT_OUT = ["trial", "file", "reason"]
GATED = "gated_"
"""Before the name of a score with the trial's gate: ``val_gated_sensitivity``."""
NAMED = 3
"""How many trials are named where the same file was left out of several."""
FIXED = [
    "trial", "study", "attempt", "attempts", "status", "started", "finished", "seed", "fold", "objective_name",
    "objective", "epoch", "device", "machine", "recipe", "settings", "dataset", "inventory_hash", "split", "split_file",
    "error_type", "error", "error_where", "config_hash", "resumed_from_epoch",
]  # fmt: skip
"""Columns of the trials table that every study has (scores, timings, versions and parameters come after them).

``attempt`` is the number of the last start of a trial, ``attempts`` how many of its starts left a validation.
"""
NULLABLE = {"epoch": "Int64", "resumed_from_epoch": "Int64"}
NULLABLE_SHARE = {"train_images": "Int64", "train_pixels": "Int64"}


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
    default: dict[str, Any] | None = None
    """Flat parameters of the configuration that the others are compared with; None if the study names none."""
    score_on_test: bool = False
    """Whether the score to compare is one of the test split (of a table of runs that names a validation beside it)."""
    looks: tuple[StudyLook, ...] = ()
    """See ``read_looks``; none of several studies read as one."""
    confusion: pd.DataFrame = pd.DataFrame(columns=CONFUSION_COLUMNS)
    """Pixels by true and predicted class; no rows of trials whose records have no matrix (schema 1, multilabel)."""
    threshold_curves: pd.DataFrame = pd.DataFrame(columns=THRESHOLD_COLUMNS)
    """What is found at each threshold; no rows where a split has no empty images, or nothing but these."""


class LeftOut(list):
    """List of what was left out: a row per file, or part of a file, with the reason."""

    def add(self, trial: object, file: object, reason: str) -> None:
        """Record that *file* of *trial* (``""``: of no single one) was left out for *reason*, on one line."""
        self.append({"trial": str(trial), "file": str(file), "reason": " ".join(reason.split())})

    def table(self) -> pd.DataFrame:
        """Return the rows as a table."""
        return pd.DataFrame(self, columns=LEFT_OUT)


def grouped(left_out: pd.DataFrame) -> pd.DataFrame:
    """Return *left_out* for display: one row for all trials with the same file and reason.

    Column ``trial`` names up to ``NAMED`` trials, else the first two and how many more there are.
    """
    rows = left_out.groupby(["file", "reason"], sort=False)["trial"].agg(_together).reset_index()
    return rows[LEFT_OUT]


def _together(trials: pd.Series) -> str:
    names = [name for name in trials.astype(str).unique() if name]
    if len(names) <= NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: NAMED - 1])} and {len(names) - NAMED + 1} more"


def trials_table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return the trials table of *rows*, a dict per trial: the fixed columns first, then the others as they come."""
    table = pd.DataFrame(list(rows))
    # A column that no row has is None, not the float NaN: most of these columns are texts.
    table = table.assign(**{name: None for name in FIXED if name not in table and name not in NULLABLE})
    table = table.reindex(columns=[*FIXED, *(name for name in table if name not in FIXED)])
    return typed(table, NULLABLE)


def typed(table: pd.DataFrame, types: dict[str, str]) -> pd.DataFrame:
    """Return *table* with the columns that are named in *types*, where it has them, of those types."""
    return table.astype({name: kind for name, kind in types.items() if name in table})


def scores_only(trial: pd.Series, names: list[str], iou, split: str, rare: Iterable[str]) -> pd.DataFrame:
    """Return the class table of trials of which the IoU alone is known: counts and shares are absent.

    Args:
        trial: names of the trials.
        names: the classes.
        iou: trials × classes, NaN where a class has none.
        split: the split that the IoU is of.
        rare: the classes that are called rare.
    """
    named = set(rare)
    trials, classes = len(trial), len(names)
    table = pd.DataFrame({"trial": trial.repeat(classes).reset_index(drop=True), "split": split})
    table["class"] = pd.Series(pd.Index(names, dtype="str").take(list(range(classes)) * trials))
    absent = pd.array([pd.NA], dtype="Int64").take([0] * len(table))
    table = table.assign(**dict.fromkeys([*COUNTS, "train_images", "train_pixels"], absent))
    table = table.assign(iou=iou.reshape(-1), train_proportion=float("nan"), rare=table["class"].isin(named))
    return table[CLASS_COLUMNS]


_COLUMNS = {
    "classes": CLASS_COLUMNS,
    "images": IMAGE_COLUMNS,
    "curves": CURVE_COLUMNS,
    "confusion": CONFUSION_COLUMNS,
    "threshold_curves": THRESHOLD_COLUMNS,
}


def empty(table: Literal["classes", "images", "curves", "confusion", "threshold_curves"]) -> pd.DataFrame:
    """Return that table of a study without rows."""
    return pd.DataFrame(columns=_COLUMNS[table])


def hash_of(configuration: dict[str, Any]) -> str:
    """Return a short hash of a flat configuration: the same for the same values, in whatever order they come."""
    text = json.dumps(sorted(configuration.items()), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def notes_on(trials: pd.DataFrame, classes: pd.DataFrame, left_out: LeftOut) -> None:
    """Record what no ranking and no mean can use: complete trials without objective, classes without a score."""
    unranked = trials[(trials["status"] == "complete") & trials["objective"].isna()]
    for name in unranked["trial"]:
        left_out.add(name, "objective", "it is complete, but its objective is no number: it is not ranked or compared")
    scored = classes.groupby(["split", "class"], sort=False, observed=True)["iou"].count()
    for split, name in scored.index[scored == 0]:
        reason = f"in no trial is it in the truth or the prediction of split {split!r}: no IoU, and no part in any mean"
        left_out.add("", f"class {name!r}", reason)
