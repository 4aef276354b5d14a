"""What NNI leaves on disk of an experiment, read without a manager and without changing it."""

import json
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from rarepix.search.nni.client import Trial, with_reports

NO_STATE_OF_THE_WORK = ("INITIALIZED", "STOPPING", "STOPPED", "VIEWED")
"""States of the manager that say nothing about how far the study is."""
STATES = {"USER_TO_CANCEL": "USER_CANCELED", "ADD_CUSTOMIZED": "WAITING"}
"""Event of a trial → its state, where they are not the same."""
TELL_NO_STATE = ("ADD_HYPERPARAMETER", "IMPORT_DATA")


class DatabaseError(RuntimeError):
    """An experiment whose files cannot be read; the message names them."""


def profile(folder: Path) -> dict[str, Any]:
    """Return the experiment in *folder* as NNI keeps it: ``id``, ``params``, ``startTime``, ``execDuration``, …

    Raises:
        ArchiveError: there is none that can be read.
    """
    with _database(folder) as rows:
        found = next(rows("select * from ExperimentProfile order by revision desc limit 1"), None)
    if found is None:
        raise DatabaseError(f"{_file(folder)} must hold NNI's profile of the experiment, but is empty")
    return found | {"params": json.loads(found["params"])}


def trials(folder: Path) -> list[Trial]:
    """Return every trial of the experiment in *folder*, as its manager would tell them. Raises ``ArchiveError``."""
    jobs: dict[str, dict[str, Any]] = {}
    with _database(folder) as rows:
        for event in rows("select * from TrialJobEvent where trialJobId != '' order by rowid"):
            _happened(jobs.setdefault(event["trialJobId"], {"trialJobId": event["trialJobId"]}), event)
        metrics = [
            *rows("select * from MetricData where type = 'FINAL' order by rowid"),
            *rows("select * from MetricData where type = 'PERIODICAL' order by sequence desc, rowid desc"),
        ]
    latest = [
        metric for metric in metrics if metric["timestamp"] >= jobs.get(metric["trialJobId"], {}).get("resumed", 0)
    ]
    return with_reports((job for job in jobs.values() if "status" in job), latest)


def last_state(folder: Path) -> str | None:
    """Return how far the manager of the experiment in *folder* last was (``RUNNING``, ``DONE``, …), None if unknown."""
    try:
        log = (folder / "log" / "nnimanager.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    states = re.findall(r"Change NNIManager status from: \w+ to: (\w+)", log)
    return next((state for state in reversed(states) if state not in NO_STATE_OF_THE_WORK), None)


def _happened(job: dict[str, Any], event: dict[str, Any]) -> None:
    """Put what an event says into the trial job that it is about, as NNI does."""
    kind = event["event"]
    if kind not in TELL_NO_STATE:
        job["status"] = STATES.get(kind, kind)
    if kind in ("RUNNING", "WAITING"):
        job["startTime"] = event["timestamp"] if kind == "RUNNING" else job.get("startTime", event["timestamp"])
    elif kind in ("SUCCEEDED", "FAILED", "USER_CANCELED", "SYS_CANCELED", "EARLY_STOPPED"):
        job["endTime"] = event["timestamp"]
    elif kind == "ADD_RESUMED":
        job["resumed"] = event["timestamp"]  # what it reported before is that of an earlier attempt
    if event["data"] and "hyperParameters" not in job:
        job["hyperParameters"] = [event["data"]]
    if event["sequenceId"] is not None:
        job.setdefault("sequenceId", event["sequenceId"])


def _file(folder: Path) -> Path:
    return folder / "db" / "nni.sqlite"


@contextmanager
def _database(folder: Path) -> Iterator[Any]:
    """Give a function from a query to its rows, as dicts.

    It reads a copy: what a killed manager was writing has to be rolled back, which needs leave to write.
    """
    with tempfile.TemporaryDirectory(prefix="rarepix-") as place:
        try:
            for suffix in ("-journal", ""):
                source = _file(folder).with_name(f"nni.sqlite{suffix}")
                if source.exists() or not suffix:
                    shutil.copyfile(source, Path(place, source.name))
            with closing(sqlite3.connect(Path(place, "nni.sqlite"))) as connection:
                connection.row_factory = sqlite3.Row
                yield lambda query: map(dict, connection.execute(query))
        except (OSError, sqlite3.Error, ValueError) as error:
            raise DatabaseError(f"{_file(folder)} must be NNI's database of an experiment, but: {error}") from error
