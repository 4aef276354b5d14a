"""Further columns of the trials table, from records: the plan and its stages, and the scores that the sums give."""

from collections.abc import Iterable
from contextlib import suppress

import numpy as np
import pandas as pd

from analysis.reading.class_scores import COUNTS
from analysis.reading.confusion import Confusion
from analysis.reading.tables import GATED, LeftOut
from rarepix.layout import RECORD
from rarepix.record_sums import named_scores, record_sums
from rarepix.records import TrialRecord
from rarepix.scores import (
    CLASS_SCORES,
    SCORES,
    SUMMARY,
    ClassNames,
    MissingSums,
    empty_image_summary,
    score,
    score_name,
)

OF_CONFUSION = tuple(name for name, row in SCORES.items() if row.needs == ("confusion",))
OF_PRESENCE = ("presence_recall", "presence_specificity", "presence_balanced_accuracy", "false_alarm_rate")
"""Scores of each class whose mean over the classes is a column."""
IN_CLASS_TABLE = "iou/"


def further_columns(
    records: list[TrialRecord], classes: pd.DataFrame, confusions: list[Confusion], left_out: LeftOut
) -> pd.DataFrame:
    """Return a row per trial: ``plan``, columns of the stages where a trial has some, and scores as ``val_kappa``.

    The scores of a split are the mean IoU of the frequent classes, the scores that the recipe names (its objective and
    ``evaluate.scores``), pixel accuracy and kappa, the means of ``OF_PRESENCE`` and, where images are empty,
    ``scores.empty_image_summary``. Those that are known with the trial's gate have a second column, such as
    ``val_gated_miou``. A column without any value
    (say, every class is in every image, so that there are no false alarms) is left out. Columns ``gate_…`` have the
    gate of each trial and what is certain of it.

    Args:
        classes: a row per trial, split and class with the columns ``iou`` and ``rare``.
    """
    trials = pd.Index([record.trial for record in records], name="trial")
    parts = [_frequent(classes), _named(records, left_out), _of_confusion(confusions), _of_presence(records)]
    parts += [_of_empty_images(records), _named_with_gate(records)]
    scores = pd.concat([part.reindex(trials) for part in parts], axis=1)
    scores = scores.loc[:, ~scores.columns.duplicated()].dropna(axis=1, how="all")
    splits = dict.fromkeys(split for record in records for split in _splits(record))
    by_split = [name for split in splits for name in scores if name.startswith(f"{split}_")]
    return pd.concat([_stages(records), scores[by_split], _gates(records)], axis=1)


def _stages(records: list[TrialRecord]) -> pd.DataFrame:
    """Return the plan of each trial and, of those that hold several trainings, epochs and objective of each."""
    rows = {}
    for record in records:
        rows[record.trial] = row = {"plan": record.plan}
        if record.stages:
            row["stages"] = ", ".join(stage.name for stage in record.stages)
        for stage in record.stages:
            row[f"stages.{stage.name}.epochs"] = stage.epochs
            row[f"stages.{stage.name}.objective"] = stage.objective.value
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.astype({name: "Int64" for name in table if name.endswith(".epochs")})


def _frequent(classes: pd.DataFrame) -> pd.DataFrame:
    return _means_by_split(classes, {"frequent_iou": classes["iou"].astype(float).where(~classes["rare"].astype(bool))})


def _named(records: list[TrialRecord], left_out: LeftOut) -> pd.DataFrame:
    """Return the scores that recipes name, but for those that the trials table or the table of classes has anyway."""
    rows: dict[str, dict[str, float]] = {}
    for record in records:
        names = [
            name
            for name in named_scores(record)
            if name not in (*SUMMARY["pixels"], *OF_CONFUSION) and not name.startswith(IN_CLASS_TABLE)
        ]
        for split in _splits(record) if names else ():
            sums, classes = record_sums(record, split)
            for name in names:
                try:
                    rows.setdefault(record.trial, {})[f"{split}_{name}"] = score(name, sums, classes)
                except ValueError as error:  # sums that were not taken, or a class that there is not
                    left_out.add(record.trial, RECORD, f"split {split!r}: {error}")
    return pd.DataFrame.from_dict(rows, orient="index", dtype=float)


def _named_with_gate(records: Iterable[TrialRecord]) -> pd.DataFrame:
    """Return the scores that recipes name with the trial's gate, as far as they are known of what is behind it."""
    rows: dict[str, dict[str, float]] = {}
    for record in records:
        for split in record.gated:
            sums, classes = record_sums(record, split, gated=True)
            for name in named_scores(record):
                with suppress(MissingSums):
                    rows.setdefault(record.trial, {})[f"{split}_{GATED}{name}"] = score(name, sums, classes)
    return pd.DataFrame.from_dict(rows, orient="index", dtype=float)


def _of_confusion(confusions: Iterable[Confusion]) -> pd.DataFrame:
    rows: dict[str, dict[str, float]] = {}
    for trial, split, classes, pixels in confusions:
        row = rows.setdefault(trial, {})
        sums = {"confusion": pixels}
        row |= {f"{split}_{name}": score(name, sums, ClassNames(classes)) for name in OF_CONFUSION}
    return pd.DataFrame.from_dict(rows, orient="index", dtype=float)


def _of_presence(records: Iterable[TrialRecord]) -> pd.DataFrame:
    # As one table: scoring every trial by itself would take most of the reading time of a thousand trials.
    rows = [
        (record.trial, split, counts.tp, counts.fp, counts.fn, counts.tn)
        for record in records
        for split, sums in record.sums.items()
        for counts in (sums.presence or {}).values()
    ]
    table = pd.DataFrame(rows, columns=["trial", "split", *COUNTS])
    values = {score_name("mean", name): CLASS_SCORES[name].function(table) for name in OF_PRESENCE}
    return _means_by_split(table, values)


def _of_empty_images(records: Iterable[TrialRecord]) -> pd.DataFrame:
    """Return the scores that treat empty images apart, of the splits that hold some, without gate and with it."""
    rows: dict[str, dict[str, float]] = {}
    for record in records:
        for split, sums in record.sums.items():
            if sums.foreground is not None and sums.foreground.fp + sums.foreground.tn:
                row = rows.setdefault(record.trial, {})
                for gated, begun in ((False, ""), (True, GATED))[: 1 + (split in record.gated)]:
                    values = empty_image_summary(*record_sums(record, split, gated=gated))
                    row |= {f"{split}_{begun}{name}": value for name, value in values.items()}
    return pd.DataFrame.from_dict(rows, orient="index", dtype=float)


def _gates(records: Iterable[TrialRecord]) -> pd.DataFrame:
    """Return the gate of each trial that tuned one, and how sure its rate of false alarms is."""
    rows = {}
    for record in records:
        if record.gate is not None:
            sure = record.gate.certificate
            rows[record.trial] = {
                "gate_kind": record.gate.gate.kind, "gate_target": sure.target, "gate_best": sure.score,
                "gate_confidence": sure.confidence, "gate_bound": sure.bound, "gate_images": sure.images,
                "gate_units": sure.units, "gate_sensitivity": sure.sensitivity.hits / sure.sensitivity.images,
                "gate_sensitivity_low": sure.sensitivity.low, "gate_sensitivity_high": sure.sensitivity.high,
            }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").dropna(axis=1, how="all")
    return table.astype({"gate_images": "Int64"}) if rows else table


def _means_by_split(table: pd.DataFrame, values: dict[str, np.ndarray | pd.Series]) -> pd.DataFrame:
    """Return a row per trial and a column ``<split>_<name>`` for the means of *values*, a value per row of *table*."""
    keys = [table["trial"], table["split"]]
    means = pd.DataFrame(values, index=table.index, dtype=float).groupby(keys, sort=False).mean().unstack("split")
    return means.set_axis([f"{split}_{name}" for name, split in means.columns], axis=1)


def _splits(record: TrialRecord) -> list[str]:
    return list(dict.fromkeys([*record.counts, *record.sums]))
