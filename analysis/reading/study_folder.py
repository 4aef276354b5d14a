"""Read the folder of one study: records, histories, counts of images, and the beginning of the search's journal."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pydantic import ValidationError

from analysis.reading.class_scores import scores_by_split
from analysis.reading.confusion import confusion_rows, read_confusions
from analysis.reading.extensions import read_looks
from analysis.reading.histories import read_curves
from analysis.reading.image_counts import read_images
from analysis.reading.parameters import conditional, configuration
from analysis.reading.record_rows import class_rows, trial_row
from analysis.reading.record_scores import further_columns
from analysis.reading.search_journal import read_journal
from analysis.reading.tables import LeftOut, Tables, trials_table
from analysis.reading.threshold_curves import threshold_rows
from rarepix.layout import JOURNAL, RECORD, TRIALS
from rarepix.records import READ_SCHEMAS, RecordError, Status, TrialRecord, read


class LoadedStudy(NamedTuple):
    """One study as it was read, with what is needed to merge it with others."""

    tables: Tables
    configs: dict[str, dict[str, Any]]
    """Trial → full configuration of its record; empty where there is no record."""
    conditional: frozenset[str]
    """The parameters that belong to one branch of a choice."""
    experiment: str | None = None
    """NNI's id of the experiment, where it is known."""


def read_folder(study: Path) -> LoadedStudy:
    """Return the study in folder *study*. A file that cannot be read is left out and stops nothing else.

    Raises:
        FileNotFoundError: *study* has no folder ``trials``.
    """
    if not (study / TRIALS).is_dir():
        must = "a study must be a folder with trials/<trial>/record.json"
        raise FileNotFoundError(f"{must}, but {study} has no trials: name another folder")
    left_out = LeftOut()
    folders_and_records = _records(study, left_out)
    records = [record for _, record in folders_and_records]
    places = [(folder, record.trial) for folder, record in folders_and_records]
    name = study.resolve().name
    curves, classes = read_curves(places, left_out), class_rows(records)
    attempts = curves.groupby("trial")["attempt"].nunique() if len(curves) else {}
    trials = trials_table(trial_row(record, name, int(attempts.get(record.trial, 0))) for record in records)
    confirmation, default, looks = None, None, ()
    try:
        confirmation, default = read_journal(study)
        looks = read_looks(study)
    except (ValueError, OSError) as error:
        left_out.add("", JOURNAL, str(error))
    _note_differences(records, left_out)
    confusions = read_confusions(records, left_out)
    further = further_columns(records, classes, confusions, left_out).set_axis(trials.index)
    tables = Tables(
        trials=pd.concat([with_scores(trials, scores_by_split(classes)), further], axis=1),
        classes=classes,
        images=read_images(places, left_out),
        curves=curves,
        left_out=left_out.table(),
        parameters=tuple(dict.fromkeys(key for record in records for key in configuration(record.parameters))),
        study=name,
        confirmation=confirmation,
        default=default,
        looks=looks,
        confusion=confusion_rows(confusions),
        threshold_curves=threshold_rows(records),
    )
    branches = frozenset(key for record in records for key in conditional(record.parameters))
    return LoadedStudy(tables, {record.trial: record.config for record in records}, branches)


def with_scores(trials: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return *trials* with the columns of *scores* (a row per trial) after those that every study has."""
    place = trials.columns.get_loc("resumed_from_epoch") + 1
    rows = scores.reindex(trials["trial"]).set_axis(trials.index)
    return pd.concat([trials.iloc[:, :place], rows, trials.iloc[:, place:]], axis=1)


def _note_differences(records: list[TrialRecord], left_out: LeftOut) -> None:
    """Note what some trials of the study lack, or are judged by, unlike the others."""
    without_masks = [record.status is Status.COMPLETE and not record.counts for record in records]
    if any(without_masks):
        which = f"{sum(without_masks)} of {len(records)} trials predict no masks"
        left_out.add("", "classes", f"{which}: they have no part in tables and figures of the IoU of each class")
    objectives = Counter(record.objective.name for record in records if record.objective)
    if len(objectives) > 1:
        each = ", ".join(f"{name} in {count}" for name, count in objectives.most_common())
        which = f"trials must have one evaluate.objective to be compared by it, but have several ({each})"
        left_out.add("", "objective", f"{which}: put the trials of each into a folder of their own")


def _records(study: Path, left_out: LeftOut) -> list[tuple[Path, TrialRecord]]:
    folders_and_records = []
    for folder in sorted(folder for folder in (study / TRIALS).iterdir() if folder.is_dir()):
        try:
            if not (folder / RECORD).exists():
                left_out.add(folder.name, RECORD, "no record was written")
                continue
            folders_and_records.append((folder, read(folder / RECORD)))
        except (RecordError, OSError) as error:
            left_out.add(folder.name, RECORD, _reason(error).replace(f"{folder}/", ""))
    kept = _without_copies(folders_and_records, left_out)
    # The name of the folder identifies the trial; a copied folder must not become a second row of the same trial.
    return [(folder, record.model_copy(update={"trial": folder.name})) for folder, record in kept]


def _reason(error: Exception) -> str:
    """Return why a record cannot be read: the first wrong field, and how many other fields are wrong."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return str(error)
    first, *rest = cause.errors(include_url=False)
    place = ".".join(map(str, first["loc"])) or "the record"
    more = f" ({len(rest)} more of its fields {'is' if len(rest) == 1 else 'are'} wrong)" if rest else ""
    schemas = " or ".join(map(str, READ_SCHEMAS))
    return f"it is not a record of schema {schemas}: {place}: {first['msg']}{more}"


def _without_copies(
    folders_and_records: list[tuple[Path, TrialRecord]], left_out: LeftOut
) -> list[tuple[Path, TrialRecord]]:
    """Leave out copies: records of the same trial name, start and content."""
    groups: dict[tuple, list[tuple[Path, TrialRecord]]] = {}
    for folder, record in folders_and_records:
        groups.setdefault((record.trial, record.started, record.parameter_id), []).append((folder, record))
    copies = set()
    for group in groups.values():
        originals: list[tuple[Path, TrialRecord]] = []
        # The folder that has the trial's name comes first.
        for folder, record in sorted(group, key=lambda pair: pair[0].name != pair[1].trial):
            same = next((place.name for place, other in originals if _same(record, other)), None)
            if same is None:
                originals.append((folder, record))
            else:
                copies.add(folder)
                left_out.add(folder.name, RECORD, f"it is a copy of trial {same!r}: same start, parameters, counts")
    return [(folder, record) for folder, record in folders_and_records if folder not in copies]


def _same(first: TrialRecord, second: TrialRecord) -> bool:
    return all(getattr(first, name) == getattr(second, name) for name in ("parameters", "counts", "sums", "status"))
