"""The tables of a test as CSV and its scores as JSON."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarepix.evaluation.curves import curve_tables, split_curves
from rarepix.evaluation.image_sums import class_rows
from rarepix.evaluation.measure import Measurements
from rarepix.files import replacing, write_text
from rarepix.labels import LabelSpace, Task
from rarepix.metrics.calibration import expected_calibration_error, reliability_table
from rarepix.metrics.pooled_scores import class_names, pooled_scores
from rarepix.metrics.presence import presence_table
from rarepix.metrics.settings import EvaluateConfig
from rarepix.metrics.sums import CONFUSION
from rarepix.scores import (
    CLASS_SCORES,
    KINDS_OF,
    PIXEL_SCORES,
    Counts,
    by_kind,
    empty_image_summary,
    groups,
    iou,
    per_image,
    pooled,
    summed,
)

ABSENT = "skip"
"""Policy of ``scores.ABSENT`` for 0 / 0 in all tables; they say how many classes it concerns."""
PIXEL_FUNCTIONS = {name: CLASS_SCORES[name].function for name in PIXEL_SCORES}
REDUCTIONS = {"pooled": pooled, "per_image": per_image}
"""How the images become one number."""


def score_tables(
    measured: Measurements, labels: LabelSpace, config: EvaluateConfig, *, least: int
) -> dict[str, pd.DataFrame]:
    """Return the tables of a test by name; docs/reference/evaluation.md describes them.

    Without masks these are foreground, presence, images, calibration and curve_images. There are curves only of images
    of which some are empty and some have foreground. With fewer pixels than *least* a predicted class counts as not
    predicted in ``false_positive_rate_least``.
    """
    ids, sums = measured.images
    tables = _mask_tables(measured, labels, config) if "pixels" in sums else {}
    names, kind = (labels.names, "pixels") if tables else (labels.presence_names, "presence")
    images = class_rows(ids, sums[kind], names)
    if tables:
        images["iou"] = iou(by_kind(sums["pixels"]), absent=ABSENT).ravel()
    images["greatest_probability"] = measured.greatest.ravel()
    if tables and measured.presence is not None:
        images["presence_probability"] = _of_all_classes(measured.presence, labels).ravel()
    calibration, curves = _calibration_curves(measured, labels), split_curves(sums)
    if "foreground" in sums:
        columns = {"value": measured.images} | ({"without_gate": measured.ungated} if measured.ungated else {})
        summaries = {
            name: empty_image_summary(each.pooled, class_names(labels, config)) for name, each in columns.items()
        }
        tables["foreground"] = pd.DataFrame(summaries).rename_axis("score").reset_index()
    return tables | {
        "presence": presence_table(by_kind(sums[kind]), measured.greatest, names, least=least),
        "images": images,
        "calibration": pd.concat(
            [reliability_table(bins).assign(of=name) for name, bins in calibration.items()], ignore_index=True
        ),
        **(curve_tables(curves) if curves else {}),
    }


def _mask_tables(measured: Measurements, labels: LabelSpace, config: EvaluateConfig) -> dict[str, pd.DataFrame]:
    """Return the tables that need masks: classes, groups and, unless the task is multilabel, confusion."""
    sums = measured.images.sums
    counts = by_kind(sums["pixels"])
    classes = class_table(counts, labels.names, absent=ABSENT)
    for name, row in CLASS_SCORES.items():
        if row.needs in ("soft", "surface") and row.needs in sums:
            further = by_kind(sums[row.needs], KINDS_OF[row.needs])
            classes[name] = pooled(row.function, further, absent=ABSENT)
            classes[f"{name}_per_image"] = per_image(row.function, further, absent=ABSENT)
        if row.needs in ("positive_pixels", "image_dice") and row.needs in sums:
            classes[name] = _of_all_classes(row.values(sums[row.needs].sum(axis=0))[None], labels)[0]
    groups_of_classes = group_table(counts, labels.names, config.rare_classes(labels), absent=ABSENT)
    tables = {"classes": classes, "groups": groups_of_classes}
    return tables if CONFUSION not in sums else tables | {CONFUSION: confusion_table(sums[CONFUSION], labels.names)}


def confusion_table(confusion: np.ndarray, names: tuple[str, ...]) -> pd.DataFrame:
    """Return a row per true class of confusion counts N C C: true, then the pixels predicted as each class."""
    table = pd.DataFrame(confusion.sum(axis=0), columns=list(names))
    table.insert(0, "true", names, allow_duplicates=True)
    return table


def _of_all_classes(presence: np.ndarray, labels: LabelSpace) -> np.ndarray:
    """Return values N C of values N K: NaN for the background."""
    values = np.full((len(presence), labels.count), np.nan)
    values[:, [labels.names.index(name) for name in labels.presence_names]] = presence
    return values


def write_scores(
    tables: Mapping[str, pd.DataFrame],
    measured: Measurements,
    labels: LabelSpace,
    config: EvaluateConfig,
    metadata: dict[str, Any],
    folder: Path,
) -> dict[str, Any]:
    """Write each table as ``<name>.csv`` and the scores as ``scores.json``, and return what ``scores.json`` holds.

    Its first entries are *metadata*: what was tested, and how.
    """
    for name, table in tables.items():
        with replacing(folder / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    curves = _calibration_curves(measured, labels)
    document = metadata | {
        "images": len(measured.images.ids),
        "absent": ABSENT,
        "scores": pooled_scores(measured.images.pooled, labels, config),
        **_without_gate(measured, labels, config),
        **({"groups": tables["groups"].to_dict(orient="records")} if "groups" in tables else {}),
        "calibration_error": {name: float(expected_calibration_error(sums)) for name, sums in curves.items()},
        "presence": tables["presence"].to_dict(orient="records"),
        **_empty_images(tables),
        **({CONFUSION: measured.images.pooled[CONFUSION].tolist()} if CONFUSION in tables else {}),
    }
    write_text(folder / "scores.json", json.dumps(_as_json(document), indent=1, allow_nan=False) + "\n")
    return document


def _empty_images(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, float]]:
    """Return the columns of the table of empty images, each as score → value; nothing where there is no table."""
    if "foreground" not in tables:
        return {}
    table = tables["foreground"].set_index("score")
    keys = {"value": "foreground", "without_gate": "foreground_without_gate"}
    return {keys[column]: values.to_dict() for column, values in table.items()}


def _without_gate(measured: Measurements, labels: LabelSpace, config: EvaluateConfig) -> dict[str, Any]:
    """Return the scores that there would be without the gate; nothing where there is none."""
    if measured.ungated is None:
        return {}
    return {"scores_without_gate": pooled_scores(measured.ungated.pooled, labels, config)}


def class_table(counts: Counts, names: tuple[str, ...], *, absent: str = "skip") -> pd.DataFrame:
    """Return a row per class of counts N C: the integers, the number of images that hold the class, and all scores.

    Columns: class, images, tp, fp, fn, tn, then ``<score>`` (pooled) and ``<score>_per_image``.
    """
    images = (counts["tp"] + counts["fn"] > 0).sum(axis=0)
    table = pd.DataFrame({"class": names, "images": images, **summed(counts)})
    for name, score in PIXEL_FUNCTIONS.items():
        table[name] = pooled(score, counts, absent=absent)
        table[f"{name}_per_image"] = per_image(score, counts, absent=absent)
    return table


def group_table(counts: Counts, names: tuple[str, ...], rare: tuple[str, ...], *, absent: str = "skip") -> pd.DataFrame:
    """Return a row for each score and reduction of counts N C.

    Columns: score, images (pooled or per_image), mean, rare, frequent, worst, and absent: the number of classes with
    0 / 0 in the sum over the images (pooled) or in every image (per_image), whatever the policy made of it.
    """
    rows = []
    for name, score in PIXEL_FUNCTIONS.items():
        for reduction, reduce in REDUCTIONS.items():
            number_absent = int(np.isnan(reduce(score, counts)).sum())
            values = reduce(score, counts, absent=absent)
            rows.append({"score": name, "images": reduction, **groups(values, names, rare), "absent": number_absent})
    return pd.DataFrame(rows)


def _calibration_curves(measured: Measurements, labels: LabelSpace) -> dict[str, Any]:
    """Return the sums bins × 3 of each curve: a class each (multilabel), the foreground (binary), or all classes.

    Without masks: of each class that is not the background.
    """
    if measured.calibration.ndim > 2:
        return dict(zip(labels.presence_names, measured.calibration, strict=True))
    return {"all" if labels.task is Task.MULTICLASS else labels.names[1]: measured.calibration}


def _as_json(value: Any) -> Any:
    """Return *value* with plain numbers, and null for NaN and infinity, as JSON demands."""
    if isinstance(value, dict):
        return {key: _as_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
