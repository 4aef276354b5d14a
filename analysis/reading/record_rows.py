"""Turn records into rows: a dict per trial for the trials table, a row per split and class for the classes table."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pandas as pd

from analysis.reading.parameters import configuration, settings_text
from analysis.reading.tables import CLASS_COLUMNS, GATED, NULLABLE_SHARE, empty, typed
from rarepix import scores
from rarepix.records import TrialRecord

TRAIN = "train"
AS_RECORDED = ("trial", "attempt", "started", "finished", "device", "machine", "config_hash")


def class_rows(records: Iterable[TrialRecord]) -> pd.DataFrame:
    """Return a row per trial, split and class: integer counts, the IoU, and how much of it the train split held."""
    # Built as lists of values: a table per trial would take most of the reading time of a thousand trials.
    rows = [
        (record.trial, split, name, counts.tp, counts.fp, counts.fn, counts.tn, *shares[name])
        for record in records
        for shares in [_shares(record)]
        for split, by_class in record.counts.items()
        for name, counts in by_class.items()
    ]
    if not rows:
        return empty("classes")
    table = pd.DataFrame(rows, columns=[name for name in CLASS_COLUMNS if name != "iou"])
    table.insert(CLASS_COLUMNS.index("iou"), "iou", scores.iou(table))
    return typed(table, NULLABLE_SHARE)


def _shares(record: TrialRecord) -> dict[str, tuple]:
    """Return class → (train images, train pixels, train proportion, whether it is rare)."""
    dataset = record.dataset
    shares = defaultdict(lambda: (pd.NA, pd.NA, float("nan"), False))
    if dataset is None:
        return shares
    contents, total = dataset.contents.get(TRAIN, {}), dataset.pixels.get(TRAIN, 0)
    shares |= {name: (pd.NA, pd.NA, float("nan"), True) for name in dataset.rare}
    for name, content in contents.items():
        proportion = content.pixels / total if total else float("nan")
        shares[name] = (content.images, content.pixels, proportion, name in dataset.rare)
    return shares


def trial_row(record: TrialRecord, study: str, attempts: int) -> dict[str, Any]:
    """Return the row of one trial of *study*, of whose starts *attempts* left a validation. Scores come later."""
    objective, error, dataset = record.objective, record.error, record.dataset
    row: dict[str, Any] = {
        "study": study,
        "attempts": attempts,
        "status": record.status.value,
        "seed": record.block.seed,
        "fold": record.block.fold,
        "objective_name": f"{GATED * objective.gated}{objective.name}" if objective else None,
        "objective": objective.value if objective else float("nan"),
        "epoch": objective.epoch if objective else pd.NA,
        "recipe": record.config.get("recipe"),
        "settings": settings_text(record),
        "dataset": dataset.name if dataset else None,
        "error_type": error.type if error else None,
        "error": error.message if error else None,
        "error_where": error.where if error else None,
        "resumed_from_epoch": pd.NA if record.resumed_from_epoch is None else record.resumed_from_epoch,
    }
    row |= {name: getattr(record, name) for name in AS_RECORDED}
    row |= {name: getattr(dataset, name, None) for name in ("inventory_hash", "split", "split_file")}
    row |= {f"timings.{name}": value for name, value in record.timings.items()}
    row |= {f"versions.{name}": value for name, value in record.versions.items()}
    return row | configuration(record.parameters)
