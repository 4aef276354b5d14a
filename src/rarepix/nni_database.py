"""NNI's database of an experiment (NNI 3.0, ``db/nni.sqlite``), read while NNI writes to it, and never written to.

TrialJobEvent      a row per change of a trial job's state; ``data`` holds the parameters that NNI meant it to have, as
                   JSON
MetricData         a row per report of a trial: PERIODICAL or FINAL, the id of the parameters that the trial received
                   (``parameterId``), and a number or a dict, as JSON of JSON
ExperimentProfile  the experiment's configuration as JSON; the newest has the highest revision
"""

import json
import math
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

DATABASE = Path("db", "nni.sqlite")
JOURNALS = ("-journal", "-wal", "")
"""Endings of the files that make up a database. The database itself comes last: its journal is copied before it."""
CONTINUES = "continues"
"""Key beside the parameters of a job that continues a failed one: the id of the trial's first job."""
MAGIC = b"SQLite format 3\0"
LOCK_TIMEOUT = 30
"""Seconds for NNI to end a transaction; its own take milliseconds."""
QUERIES = {
    "TrialJobEvent": "select * from TrialJobEvent where trialJobId != '' order by rowid",
    "MetricData": "select * from MetricData order by rowid",
    "ExperimentProfile": "select * from ExperimentProfile order by revision desc limit 1",
}
STATES = {"USER_TO_CANCEL": "USER_CANCELED", "ADD_CUSTOMIZED": "WAITING"}
"""Event → state of the trial job, where they differ."""
NOT_STATES = ("ADD_HYPERPARAMETER", "IMPORT_DATA")
"""Events that do not change the state."""
ENDED = ("SUCCEEDED", "FAILED", "USER_CANCELED", "SYS_CANCELED", "EARLY_STOPPED")


class DatabaseError(ValueError):
    """A database of NNI that cannot be read; the message names it and says why."""


@dataclass
class Job:
    """A trial job of NNI: one process of a trial. Times are in milliseconds since 1970."""

    id: str
    number: int | None = None
    """NNI's sequence number (None: it has none yet)."""
    state: str = ""
    queued: int | None = None
    """When it first waited."""
    started: int | None = None
    restarted: int | None = None
    """The last start; the first one if there was no other."""
    ended: int | None = None
    resumed: list[int] = field(default_factory=list)
    """When a resumed experiment took it up again."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Those that NNI meant it to have."""
    parameter_id: str | None = None
    reports: list[dict[str, Any]] = field(default_factory=list)
    """Rows of MetricData, oldest first."""

    def apply(self, event: dict[str, Any]) -> None:
        """Change the job as NNI does at this row of TrialJobEvent."""
        kind, time = event["event"], event["timestamp"]
        if kind not in NOT_STATES:
            self.state = STATES.get(kind, kind)
        if kind == "WAITING" and self.queued is None:
            self.queued = time
        elif kind == "RUNNING":
            self.started = time if self.started is None else self.started
            self.restarted, self.ended = time, None
        elif kind == "ADD_RESUMED":
            self.resumed.append(time)
        if self.state in ENDED and kind not in NOT_STATES:
            self.ended = time
        if self.number is None:
            self.number = event.get("sequenceId")
        if event["data"] and not self.parameters:
            data = json.loads(event["data"])
            if isinstance(data, dict) and isinstance(data.get("parameters"), dict):
                self.parameters = data["parameters"]
                self.parameter_id = None if data.get("parameter_id") is None else str(data["parameter_id"])

    def current_reports(self, kind: str) -> list[dict[str, Any]]:
        """Return its PERIODICAL or FINAL reports since the last resume; earlier ones belong to an earlier attempt."""
        since = self.resumed[-1] if self.resumed else 0
        return [report for report in self.reports if report["type"] == kind and report["timestamp"] >= since]

    def last_intermediate(self) -> dict[str, Any] | None:
        """Return the newest PERIODICAL report of the last attempt."""
        reports = self.current_reports("PERIODICAL")
        return max(reversed(reports), key=lambda report: report["sequence"], default=None)

    def final(self) -> dict[str, Any] | None:
        """Return the FINAL report of the last attempt; of two, NNI takes the first."""
        return next(iter(self.current_reports("FINAL")), None)


class Content(NamedTuple):
    """What a database holds."""

    profile: dict[str, Any]
    """The row of ExperimentProfile with ``params`` decoded: ``id``, ``params``, ``startTime``, …; empty if none."""
    jobs: list[Job]
    """In the order in which NNI first wrote of them."""


def database_file(path: Path) -> Path | None:
    """Return the database at *path* (the file itself, or the folder of an experiment), None if there is none."""
    if (path / DATABASE).is_file():
        return path / DATABASE
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
    return path if head == MAGIC or path.name == DATABASE.name else None


def read_database(file: Path) -> Content:
    """Return what the database *file* holds.

    It is read in place in one read transaction, so NNI may go on writing. If that fails because a killed manager left
    a transaction half written, a copy is read, in which sqlite rolls the transaction back.

    Raises ``DatabaseError`` if it is missing, cut off, no database, or not one of NNI 3.0.
    """
    with _explained(file):
        tables = _tables(file, QUERIES)
        jobs: dict[str, Job] = {}
        for event in tables["TrialJobEvent"]:
            jobs.setdefault(event["trialJobId"], Job(event["trialJobId"])).apply(event)
        for report in tables["MetricData"]:
            if report["trialJobId"] in jobs:
                jobs[report["trialJobId"]].reports.append(report)
        return Content(_profile(tables), [job for job in jobs.values() if job.state])


def read_profile(file: Path) -> dict[str, Any]:
    """Return ``Content.profile`` of the database *file*. Raises ``DatabaseError`` as ``read_database`` does."""
    with _explained(file):
        return _profile(_tables(file, {"ExperimentProfile": QUERIES["ExperimentProfile"]}))


def report_scores(data: str | None) -> dict[str, float]:
    """Return the finite numbers in the ``data`` of a report; a number alone, ``'"0.5"'``, is ``{"default": 0.5}``."""
    try:
        value = json.loads(json.loads(data))
    except (TypeError, ValueError):
        return {}
    scores = value if isinstance(value, dict) else {"default": value}
    return {name: float(score) for name, score in scores.items() if is_finite_number(score)}


def is_finite_number(value: object) -> bool:
    """Return whether *value* is a finite number (a truth value is none)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _profile(tables: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return next(({**row, "params": json.loads(row["params"])} for row in tables["ExperimentProfile"]), {})


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, ValueError, KeyError) as error:
        raise DatabaseError(
            f"{file} must be a whole database of NNI 3.0 (tables {', '.join(QUERIES)}), but: {error}"
        ) from error


def _tables(file: Path, queries: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    try:
        return _select(f"{file.resolve().as_uri()}?mode=ro", queries)
    except sqlite3.OperationalError:
        with tempfile.TemporaryDirectory(prefix="rarepix-") as folder:
            copy = Path(folder, file.name)
            for suffix in JOURNALS:
                source = file.with_name(file.name + suffix)
                if source.exists() or not suffix:
                    shutil.copyfile(source, copy.with_name(copy.name + suffix))
            return _select(copy.as_uri(), queries)


def _select(uri: str, queries: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("begin")  # all tables as of one moment
        return {name: [dict(row) for row in connection.execute(query)] for name, query in queries.items()}
