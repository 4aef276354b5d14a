"""NNI's database of an experiment (NNI 3.0, ``nni.sqlite``), read while NNI writes to it, and never written to.

TrialJobEvent      a row a change of state of a trial job; with RUNNING or WAITING come the parameters that NNI meant it
                   to have, as JSON
MetricData         a row a report of a trial: PERIODICAL or FINAL, the id of the parameters that the trial received
                   (``parameterId``), and a number or a dict, as JSON of JSON
ExperimentProfile  the experiment's configuration as JSON, the newest with the highest revision
"""

import json
import math
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

PLACE = Path("db", "nni.sqlite")
"""Of the database in an experiment's folder."""
MAGIC = b"SQLite format 3\0"
JOURNALS = ("-journal", "-wal", "")
WAIT = 30
"""Seconds for NNI to end a transaction; its own take milliseconds."""
TABLES = {
    "TrialJobEvent": "select timestamp, trialJobId, event, data from TrialJobEvent where trialJobId != '' "
    "order by rowid",
    "MetricData": "select timestamp, trialJobId, parameterId, type, sequence, data from MetricData order by rowid",
    "ExperimentProfile": "select id, params from ExperimentProfile order by revision desc limit 1",
}


class DatabaseError(ValueError):
    """A database of NNI that cannot be read; the message says what is wrong and what to do."""


class Content(NamedTuple):
    """What a database holds, oldest first."""

    events: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    experiment: str
    """NNI's id; empty where the database has no profile yet."""
    profile: dict[str, Any]


def database_file(path: Path) -> Path | None:
    """Return the database at *path* (the file itself, or the folder of an experiment), None if there is none."""
    if (path / PLACE).is_file():
        return path / PLACE
    if not path.is_file():
        return None
    with path.open("rb") as file:
        begins = file.read(len(MAGIC))
    return path if begins == MAGIC or path.name == PLACE.name else None


def read_database(file: Path) -> Content:
    """Return what the database *file* holds.

    It is read in place in one read transaction, so that NNI may go on writing. Where that cannot be, because a killed
    manager left a transaction half done, a copy is read in which sqlite takes it back.

    Raises:
        DatabaseError: it is cut off, no database, or not one of NNI 3.0.
    """
    try:
        try:
            rows = _rows(f"{file.resolve().as_uri()}?mode=ro")
        except sqlite3.OperationalError:
            with _copy(file) as copy:
                rows = _rows(copy.as_uri())
        profile = rows["ExperimentProfile"]
        content = json.loads(profile[0]["params"]) if profile else {}
        return Content(rows["TrialJobEvent"], rows["MetricData"], profile[0]["id"] if profile else "", content)
    except (sqlite3.Error, OSError, ValueError) as error:
        raise DatabaseError(
            f"{file.name} must be a whole database of NNI 3.0 (tables {', '.join(TABLES)}), but: {error}; "
            "copy it again from the experiment's folder, or read the study's folder under results"
        ) from error


def _rows(uri: str) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(uri, uri=True, timeout=WAIT, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("begin")  # all three tables as of one moment
        return {name: [dict(row) for row in connection.execute(query)] for name, query in TABLES.items()}


@contextmanager
def _copy(file: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rarepix-") as folder:
        copy = Path(folder, file.name)
        for suffix in JOURNALS:  # the database last: its journal can only take back what is there
            source = file.with_name(file.name + suffix)
            if source.exists() or not suffix:
                shutil.copyfile(source, copy.with_name(copy.name + suffix))
        yield copy


def scores(data: str | None) -> dict[str, float]:
    """Return the numbers of a report, ``default`` for one that is a number alone; what is no number is left out."""
    try:
        value = json.loads(json.loads(data))
    except (TypeError, ValueError):
        return {}
    given = value if isinstance(value, dict) else {"default": value}
    return {name: float(score) for name, score in given.items() if _is_number(score)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
