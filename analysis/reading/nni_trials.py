"""A running or stopped NNI experiment as tables, from its database alone.

NNI knows less than the records of trials: no counts, no data set, no score of the test split. Scores are those of
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

from analysis.reading.parameters import as_settings, conditional, configuration, flatten
from analysis.reading.study_folder import LoadedStudy
from analysis.reading.tables import LeftOut, Tables, empty, hash_of, scores_only, trials_table, typed
from rarepix.nni_database import CONTINUES, DatabaseError, Job, database_file, read_database, report_scores
from rarepix.scores import SUMMARY_BY_CLASS

FILE = "nni.sqlite"
STATUS = {
    "SUCCEEDED": "complete",
    "USER_CANCELED": "stopped",
    "EARLY_STOPPED": "stopped",
    "FAILED": "failed",
    "SYS_CANCELED": "failed",
}
"""NNI's state of a trial that has ended → its status as in a record; in any other state it is running."""
IOU = "iou/"
NO_SCORES = ("default", "seconds")
"""Numbers in a final report that are not scores of their own: ``default`` is the objective, under NNI's name."""
OF_CLASSES = tuple(f"{name}/" for name in SUMMARY_BY_CLASS.values())
"""How the names of the scores begin that every trial reports of each class."""


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
    except DatabaseError as error:
        copy = "copy it again from the experiment's folder, or read the study's folder under results"
        left_out.add("", database.name, f"{error}; {copy}")
        return LoadedStudy(_tables([], {}, database.resolve().parent.name, None, left_out), {}, frozenset())
    params, experiment = content.profile.get("params", {}), content.profile.get("id", "")
    name = f"{params.get('experimentName') or 'experiment'}-{experiment}"
    received = received_parameters(content.jobs, left_out)
    branches = frozenset(key for parameters in received.values() for key in conditional(parameters))
    tables = _tables(content.jobs, received, name, _recipe(params.get("trialCommand")), left_out)
    return LoadedStudy(tables, {}, branches, experiment)


def received_parameters(jobs: Iterable[Job], left_out: LeftOut) -> dict[str, dict[str, Any]]:
    """Return job → the parameters that it really received, with a note where they are not those that NNI meant.

    NNI 3.0 can hand a trial the parameters of another (github.com/microsoft/nni/issues/5726), while its list keeps
    those that were meant. The id with which a trial reports is that of the parameters it received. A job that reported
    no id, or nothing, has those that were meant. A job is left out if its id belongs to no parameters, or (after a
    resume) to several.
    """
    jobs = list(jobs)
    by_id: dict[str, list[dict[str, Any]]] = {}
    for job in jobs:
        if job.parameter_id is not None and job.parameters not in by_id.setdefault(job.parameter_id, []):
            by_id[job.parameter_id].append(job.parameters)
    parameters = {}
    for job in jobs:
        reported_ids = (report["parameterId"] for report in job.reports if report["parameterId"] is not None)
        received = next(reported_ids, None)
        if received is None or received == job.parameter_id:
            parameters[job.id] = job.parameters
            continue
        choices = by_id.get(received, [])
        reported = f"it reported with parameter id {received}, but NNI meant it to have id {job.parameter_id}"
        if len(choices) == 1:
            parameters[job.id] = choices[0]
            left_out.add(job.id, FILE, f"{reported}: what NNI meant is left out, the parameters of id {received} count")
        else:
            many = "no job's parameters" if not choices else f"{len(choices)} different sets of parameters"
            left_out.add(job.id, FILE, f"{reported}, and id {received} is that of {many}: the trial is left out")
    return parameters


def attempts(job: Job) -> list[list[dict[str, Any]]]:
    """Return the reports of a trial job start by start.

    A start begins where the experiment was resumed, or where the numbers of the validations begin again.
    """
    starts: list[list[dict[str, Any]]] = []
    last, resumes = -1, 0
    for report in job.reports:
        resumes_before = sum(report["timestamp"] >= moment for moment in job.resumed)
        intermediate = report["type"] == "PERIODICAL"
        if not starts or resumes_before > resumes or (intermediate and report["sequence"] <= last):
            starts.append([])
            last = -1
        resumes = resumes_before
        if intermediate:
            last = report["sequence"]
        starts[-1].append(report)
    return starts


def _final(job: Job) -> dict[str, float]:
    """Return the scores of the final report; empty if there is none."""
    final = job.final()
    return report_scores(final["data"]) if final else {}


def _recipe(command: object) -> str | None:
    """Return what follows ``--recipe`` in the command of the trials."""
    try:
        words = shlex.split(command) if isinstance(command, str) else []
    except ValueError:  # an open quote
        return None
    return next((value for word, value in pairwise(words) if word == "--recipe"), None)


def _tables(jobs: list[Job], received: dict, name: str, recipe: str | None, left_out: LeftOut) -> Tables:
    trials: dict[str, list[Job]] = {}
    for job in jobs:
        if job.id in received:
            first = received[job.id].get(CONTINUES, job.id)
            trials.setdefault(first, []).append(job)
    objective = _objective_name(_final(job) for job in jobs)
    rows = [_row(trial, of_trial, received[of_trial[-1].id], left_out) for trial, of_trial in trials.items()]
    fixed = {"study": name, "recipe": recipe}
    named = [row | fixed | ({} if math.isnan(row["objective"]) else {"objective_name": objective}) for row in rows]
    table = typed(trials_table(named), {"seed": "Int64", "fold": "Int64"})
    sampled = (key for of_trial in trials.values() for key in _sampled(received[of_trial[-1].id]))
    return Tables(
        trials=table,
        classes=_classes({row["trial"]: trials[row["trial"]][-1] for row in rows if row["status"] == "complete"}),
        images=empty("images"),
        curves=_curves(trials),
        left_out=left_out.table(),
        parameters=tuple(dict.fromkeys(sampled)),
        study=name,
        confirmation=None,
    )


def _sampled(parameters: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in configuration(parameters).items() if key != CONTINUES}


def _objective_name(finals: Iterable[dict[str, float]]) -> str:
    """Return which of the reported scores ``default`` is: the first that equals it in every final report."""
    reported = [final for final in finals if "default" in final]
    names = dict.fromkeys(name for final in reported for name in final if name not in NO_SCORES)
    equal = (name for name in names if all(final.get(name) == final["default"] for final in reported))
    return next(equal, "default")


def _row(trial: str, jobs: list[Job], parameters: dict[str, Any], left_out: LeftOut) -> dict[str, Any]:
    """Return the row of a trial; the last of its *jobs* determines its status."""
    last = jobs[-1]
    status, error = STATUS.get(last.state, "running"), None
    final = _final(last) if status == "complete" else {}
    if status == "complete" and "default" not in final:
        status = "failed"
        error = "no final result: NNI says SUCCEEDED, but a final report must have a number as default"
        left_out.add(trial, FILE, error)
    elif status == "failed":
        error = f"NNI says {last.state}"
    flat, starts = flatten(parameters), [start for job in jobs for start in attempts(job)]
    scores = {name: value for name, value in final.items() if not name.startswith(OF_CLASSES) and name not in NO_SCORES}
    return {
        "trial": trial,
        "attempt": sum(1 + len(job.resumed) for job in jobs),
        "attempts": sum(any(report["type"] == "PERIODICAL" for report in start) for start in starts),
        "status": status,
        "started": _time(next((job.started for job in jobs if job.started is not None), None)),
        "finished": _time(last.ended),
        "seed": flat.get("seed", pd.NA),
        "fold": flat.get("data.fold", pd.NA),
        "objective": final.get("default", math.nan),
        "settings": as_settings(flat, without=(CONTINUES,)),
        "error": error,
        "config_hash": hash_of(_sampled(parameters)),
        **{f"val_{name}": value for name, value in scores.items()},
        **({"timings.fit": final["seconds"]} if "seconds" in final else {}),
        **_sampled(parameters),
    }


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _classes(complete: dict[str, Job]) -> pd.DataFrame:
    """Return the IoU of each class that final reports name."""
    reported = {trial: _final(job) for trial, job in complete.items()}
    names = list(dict.fromkeys(name for final in reported.values() for name in final if name.startswith(IOU)))
    if not names:
        return empty("classes")
    iou = np.array([[final.get(name, math.nan) for name in names] for final in reported.values()])
    trials = pd.Series(list(reported), dtype="str")
    return scores_only(trials, [name.removeprefix(IOU) for name in names], iou, "val", ())


def _curves(trials: dict[str, list[Job]]) -> pd.DataFrame:
    rows = []
    for trial, jobs in trials.items():
        starts = (start for job in jobs for start in attempts(job))
        numbered = ((attempt, report) for attempt, reports in enumerate(starts, start=1) for report in reports)
        for attempt, report in numbered:
            if report["type"] == "PERIODICAL":
                scores = report_scores(report["data"])
                row = {"trial": trial, "attempt": attempt, "epoch": int(scores.pop("epoch", report["sequence"] + 1))}
                rows.append(row | {"objective": scores.pop("default", math.nan)} | scores)
    return pd.DataFrame(rows) if rows else empty("curves")
