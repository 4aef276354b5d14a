"""What a test leaves: scores as JSON, tables as CSV, pictures."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarepix.evaluation.image_counts import scores
from rarepix.evaluation.measure import Measurements
from rarepix.files import replacing, write_text
from rarepix.labels import LabelSpace, Task
from rarepix.metrics import surface
from rarepix.metrics.calibration import expected_calibration_error, reliability_table
from rarepix.metrics.counts import by_kind
from rarepix.metrics.presence import presence_table
from rarepix.metrics.settings import EvaluateConfig
from rarepix.metrics.tables import class_table, group_table
from rarepix.scores import iou, per_image, pooled

ABSENT = "skip"
"""Of ``metrics.scores.ABSENT``; the tables say how many classes it concerns."""


def write_scores(
    measured: Measurements,
    labels: LabelSpace,
    config: EvaluateConfig,
    facts: dict[str, Any],
    folder: Path,
    *,
    least: int,
) -> dict[str, Any]:
    """Write ``scores.json``, ``classes.csv``, ``groups.csv``, ``presence.csv``, ``images.csv`` and ``calibration.csv``.

    Args:
        measured: what was counted.
        labels: the classes.
        config: says which classes are rare and what the objective is.
        facts: what else is to stand in ``scores.json``: what was tested, and how.
        folder: for the files.
        least: pixels below which a predicted class is taken for absent in ``false_positive_rate_least``.

    Returns:
        what stands in ``scores.json``.
    """
    counts, rare = by_kind(measured.counts), config.rare or labels.rare
    classes = class_table(counts, labels.names, absent=ABSENT)
    for name, score in {"boundary_iou": surface.boundary_iou, "surface_dice": surface.surface_dice}.items():
        if measured.surfaces:
            classes[name] = pooled(score, measured.surfaces)
            classes[f"{name}_per_image"] = per_image(score, measured.surfaces)
    presence = presence_table(counts, measured.presence, labels.names, least=least)
    groups = group_table(counts, labels.names, rare, absent=ABSENT)
    tables = {
        "classes": classes,
        "groups": groups,
        "presence": presence,
        "images": image_scores(measured, labels),
        "calibration": calibration_table(measured, labels),
    }
    for name, table in tables.items():
        with replacing(folder / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    document = facts | {
        "images": len(measured.ids),
        "absent": ABSENT,
        "scores": scores(measured.counts.sum(axis=0), labels, config),
        "groups": groups.to_dict(orient="records"),
        "calibration_error": calibration_errors(measured, labels),
        "presence": presence.to_dict(orient="records"),
    }
    write_text(folder / "scores.json", json.dumps(_plain(document), indent=1, allow_nan=False) + "\n")
    return document


def image_scores(measured: Measurements, labels: LabelSpace) -> pd.DataFrame:
    """Return a row per image and class: the integers, the IoU (NaN if absent) and the greatest probability."""
    counts = by_kind(measured.counts)
    table = pd.DataFrame({kind: values.ravel() for kind, values in counts.items()})
    table.insert(0, "class", np.tile(labels.names, len(measured.ids)))
    table.insert(0, "image", np.repeat(measured.ids, labels.count))
    return table.assign(iou=iou(counts).ravel(), greatest_probability=measured.presence.ravel())


def calibration_table(measured: Measurements, labels: LabelSpace) -> pd.DataFrame:
    """Return the reliability of each layer (multilabel: a class; else all), see ``metrics.calibration``."""
    if labels.task is not Task.MULTILABEL:
        return reliability_table(measured.calibration).assign(
            of="all" if labels.task is Task.MULTICLASS else labels.names[1]
        )
    parts = zip(labels.names, measured.calibration, strict=True)
    return pd.concat([reliability_table(layer).assign(of=name) for name, layer in parts], ignore_index=True)


def calibration_errors(measured: Measurements, labels: LabelSpace) -> dict[str, float]:
    """Return the expected calibration error of each layer, as in ``calibration_table``."""
    errors = expected_calibration_error(measured.calibration)
    if labels.task is Task.MULTILABEL:
        return dict(zip(labels.names, errors.tolist(), strict=True))
    return {"all" if labels.task is Task.MULTICLASS else labels.names[1]: float(errors)}


def _plain(value: Any) -> Any:
    """Return *value* with plain numbers, and null for what is absent, as JSON has it."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
