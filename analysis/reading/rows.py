"""One record turned into rows: a dict for the trials table, one per split and class for the classes table."""

from typing import Any

import pandas as pd

from analysis.reading.parameters import configuration, settings_text
from analysis.reading.scores import iou, pooled
from rarepix.records import TrialRecord

TRAIN = "train"
FIXED = [
    "trial", "attempt", "status", "started", "finished", "seed", "fold", "objective_name", "objective",
    "epoch", "device", "machine", "recipe", "settings", "dataset", "inventory_hash", "split", "split_file",
    "error_type", "error", "error_where", "config_hash", "resumed_from_epoch",
]  # fmt: skip
"""Columns of the trials table that every study has (scores, timings, versions and parameters come after them)."""


def class_rows(record: TrialRecord) -> pd.DataFrame:
    """Return a row per split and class: integer counts, the derived IoU, and how much of it the train split held."""
    rows = [
        {"trial": record.trial, "split": split, "class": name}
        | counts.model_dump()
        | train_share(record, name)
        | {"rare": record.dataset is not None and name in record.dataset.rare}
        for split, by_class in record.counts.items()
        for name, counts in by_class.items()
    ]
    table = pd.DataFrame(rows)
    if not rows:
        return table
    return table.assign(iou=iou(table["tp"], table["fp"], table["fn"]))


def train_share(record: TrialRecord, name: str) -> dict[str, Any]:
    """Return how many images and pixels of class *name* the train split held, and its share of the train pixels."""
    contents = record.dataset.contents.get(TRAIN, {}) if record.dataset else {}
    if name not in contents:
        return {"train_images": pd.NA, "train_pixels": pd.NA, "train_proportion": float("nan")}
    total = record.dataset.pixels.get(TRAIN, 0)
    held = contents[name]
    return {
        "train_images": held.images,
        "train_pixels": held.pixels,
        "train_proportion": held.pixels / total if total else float("nan"),
    }


def trial_row(record: TrialRecord, classes: pd.DataFrame) -> dict[str, Any]:
    """Return the row of one trial; *classes* are its class rows, from which its scores are derived."""
    objective, error, dataset = record.objective, record.error, record.dataset
    row: dict[str, Any] = {
        "trial": record.trial,
        "attempt": record.attempt,
        "status": record.status.value,
        "started": record.started,
        "finished": record.finished,
        "seed": record.block.seed,
        "fold": record.block.fold,
        "objective_name": objective.name if objective else None,
        "objective": objective.value if objective else float("nan"),
        "epoch": objective.epoch if objective else pd.NA,
        "device": record.device,
        "machine": record.machine,
        "recipe": record.config.get("recipe"),
        "settings": settings_text(record),
        "dataset": dataset.name if dataset else None,
        "inventory_hash": dataset.inventory_hash if dataset else None,
        "split": dataset.split if dataset else None,
        "split_file": dataset.split_file if dataset else None,
        "error_type": error.type if error else None,
        "error": error.message if error else None,
        "error_where": error.where if error else None,
        "config_hash": record.config_hash,
        "resumed_from_epoch": pd.NA if record.resumed_from_epoch is None else record.resumed_from_epoch,
    }
    for split, rows in classes.groupby("split", sort=False) if len(classes) else ():
        row |= {f"{split}_{name}": value for name, value in pooled(rows, absent="skip").items()}
    row |= {f"timings.{name}": value for name, value in record.timings.items()}
    row |= {f"versions.{name}": value for name, value in record.versions.items()}
    return row | configuration(record.parameters)
