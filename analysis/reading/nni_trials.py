"""A running or stopped NNI experiment as tables, from its database alone.

NNI knows less than the records of trials do: no counts, no data set, no score of the test split. Scores are those of
validation; where a report names no epoch, ``epoch`` counts the validations of one start of a trial from 1.
"""

import math
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.reading.nni_database import DatabaseError, database_file, read_database, scores
from analysis.reading.nni_jobs import CONTINUES, FILE, Job, jobs_of, parameters_of
from analysis.reading.parameters import as_settings, conditional, configuration, flatten
from analysis.reading.study_folder import LoadedStudy
from analysis.reading.tables import (
    CLASS_COLUMNS,
    CURVE_COLUMNS,
    IMAGE_COLUMNS,
    LeftOut,
    Tables,
    empty,
    hash_of,
    scores_only,
    trials_table,
    typed,
)

IOU = "iou/"
NAMED = ("miou", "rare_iou", "worst_iou")
"""Scores that can be what the search saw as ``default``."""


def read_experiment(database: Path) -> LoadedStudy:
    """Return the experiment in the *database* of NNI as tables; empty ones, and why, if it cannot be read.

    Raises:
        FileNotFoundError: there is no file *database*.
    """
    if database_file(database) is None:
        raise FileNotFoundError(f"{database} must be NNI's database of an experiment, but there is none")
    left_out = LeftOut()
    try:
        content = read_database(database)
        jobs = jobs_of(content)
    except DatabaseError as error:
        left_out.add("", database.name, str(error))
        return LoadedStudy(_tables([], {}, database.resolve().parent.name, None, left_out), {}, frozenset())
    profile = content.profile
    name = f"{profile.get('experimentName') or 'experiment'}-{content.experiment}"
    given = parameters_of(jobs, left_out)
    branches = frozenset(key for parameters in given.values() for key in conditional(parameters))
    tables = _tables(jobs, given, name, _recipe(profile.get("trialCommand")), left_out)
    return LoadedStudy(tables, {}, branches, content.experiment)


def _recipe(command: object) -> str | None:
    """Return what follows ``--recipe`` in the command of the trials."""
    try:
        words = shlex.split(command) if isinstance(command, str) else []
    except ValueError:  # an open quote
        return None
    return next((value for word, value in pairwise(words) if word == "--recipe"), None)


def _tables(jobs: list[Job], given: dict, name: str, recipe: str | None, left_out: LeftOut) -> Tables:
    trials: dict[str, list[Job]] = {}
    for job in jobs:
        if job.name in given:
            first = given[job.name].get(CONTINUES, job.name)
            trials.setdefault(first, []).append(job)
    objective = _objective_name(job.final() for job in jobs)
    rows = [_row(trial, tries, given[tries[-1].name], left_out) for trial, tries in trials.items()]
    fixed = {"study": name, "recipe": recipe}
    named = [row | fixed | ({"objective_name": objective} if _has(row["objective"]) else {}) for row in rows]
    table = typed(trials_table(named), {"seed": "Int64", "fold": "Int64"})
    return Tables(
        trials=table,
        classes=_classes({row["trial"]: trials[row["trial"]][-1] for row in rows if row["status"] == "complete"}),
        images=empty(IMAGE_COLUMNS),
        curves=_curves(trials),
        left_out=left_out.table(),
        parameters=tuple(dict.fromkeys(key for tries in trials.values() for key in _sampled(given[tries[-1].name]))),
        study=name,
        confirmation=None,
    )


def _has(value: float) -> bool:
    return not math.isnan(value)


def _sampled(parameters: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in configuration(parameters).items() if key != CONTINUES}


def _objective_name(finals: Iterable[dict[str, float]]) -> str:
    """Return which of the named scores ``default`` is: the first that equals it in every final report."""
    reported = [final for final in finals if "default" in final]
    equal = (name for name in NAMED if reported and all(final.get(name) == final["default"] for final in reported))
    return next(equal, "default")


def _row(trial: str, tries: list[Job], parameters: dict[str, Any], left_out: LeftOut) -> dict[str, Any]:
    """Return the row of a trial whose *tries* are its jobs, the last of which says what became of it."""
    last = tries[-1]
    status, final = last.status, last.final() if last.status == "complete" else {}
    error = None
    if status == "complete" and "default" not in final:
        status, error = (
            "failed",
            "no final result: NNI says SUCCEEDED, but a final report must have a number as default",
        )
        left_out.add(trial, FILE, error)
    elif status == "failed":
        error = f"NNI says {last.state}"
    flat, attempts = flatten(parameters), [attempt for job in tries for attempt in job.attempts()]
    return {
        "trial": trial,
        "attempt": sum(1 + len(job.resumed) for job in tries),
        "attempts": sum(any(report["type"] == "PERIODICAL" for report in attempt) for attempt in attempts),
        "status": status,
        "started": _moment(next((job.started for job in tries if job.started is not None), None)),
        "finished": _moment(last.ended),
        "seed": flat.get("seed", pd.NA),
        "fold": flat.get("data.fold", pd.NA),
        "objective": final.get("default", math.nan),
        "epoch": pd.NA,
        "settings": as_settings(flat, without=(CONTINUES,)),
        "error": error,
        "config_hash": hash_of(_sampled(parameters)),
        "resumed_from_epoch": pd.NA,
        **{
            f"val_{name}": value
            for name, value in final.items()
            if name not in ("default", "seconds") and IOU not in name
        },
        **({"timings.fit": final["seconds"]} if "seconds" in final else {}),
        **_sampled(parameters),
    }


def _moment(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _classes(complete: dict[str, Job]) -> pd.DataFrame:
    """Return the IoU of each class that final reports name."""
    reported = {trial: job.final() for trial, job in complete.items()}
    names = list(dict.fromkeys(name for final in reported.values() for name in final if name.startswith(IOU)))
    if not names:
        return empty(CLASS_COLUMNS)
    iou = np.array([[final.get(name, math.nan) for name in names] for final in reported.values()])
    trials = pd.Series(list(reported), dtype="str")
    return scores_only(trials, [name.removeprefix(IOU) for name in names], iou, "val", ())


def _curves(trials: dict[str, list[Job]]) -> pd.DataFrame:
    rows = []
    for trial, tries in trials.items():
        starts = [attempt for job in tries for attempt in job.attempts()]
        for attempt, reports in enumerate(starts, start=1):
            for report in reports:
                if report["type"] == "PERIODICAL":
                    found = scores(report["data"])
                    epoch = int(found.pop("epoch", report["sequence"] + 1))
                    place = {"trial": trial, "attempt": attempt, "epoch": epoch}
                    rows.append(place | {"objective": found.pop("default", math.nan)} | found)
    return pd.DataFrame(rows) if rows else empty(CURVE_COLUMNS)
