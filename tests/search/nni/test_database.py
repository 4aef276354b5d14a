"""NNI's files of an experiment, written by hand. What a real manager leaves is in test_resume."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from rarepix.search.nni import database
from rarepix.search.nni.client import Report
from rarepix.search.nni.database import DatabaseError

TABLES = """
create table TrialJobEvent (timestamp integer, trialJobId text, event text, data text, logPath text,
    sequenceId integer, message text, environmentId text);
create table MetricData (timestamp integer, trialJobId text, parameterId text, type text, sequence integer, data text);
create table ExperimentProfile (params text, id text, execDuration integer, startTime integer, endTime integer,
    logDir text, nextSequenceId integer, revision integer);
"""
GIVEN = json.dumps({"parameter_id": 0, "parameters": {"optim.lr": 0.1}})
EVENTS = [
    (1000, "a", "WAITING", GIVEN, 0),
    (2000, "a", "RUNNING", None, 0),
    (2500, "b", "RUNNING", GIVEN, 1),
    (3000, "a", "ADD_RESUMED", "", None),
    (4000, "a", "RUNNING", None, 0),
    (5000, "b", "USER_TO_CANCEL", "", 1),
    (6000, "a", "SUCCEEDED", None, 0),
    (7000, "", "IMPORT_DATA", "[]", None),
    (8000, "c", "WAITING", GIVEN, 2),
]
METRICS = [
    (2100, "a", "PERIODICAL", 7, 0.9),
    (2600, "b", "PERIODICAL", 0, 0.3),
    (4100, "a", "PERIODICAL", 0, 0.1),
    (4200, "a", "PERIODICAL", 1, 0.2),
    (5900, "a", "FINAL", 0, 0.25),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an experiment's folder: a trial that was resumed, one that a person canceled, one that waits."""
    (tmp_path / "db").mkdir()
    with sqlite3.connect(tmp_path / "db" / "nni.sqlite") as connection:
        connection.executescript(TABLES)
        add = "insert into TrialJobEvent (timestamp, trialJobId, event, data, sequenceId) values (?, ?, ?, ?, ?)"
        connection.executemany(add, EVENTS)
        add = "insert into MetricData (timestamp, trialJobId, type, sequence, data) values (?, ?, ?, ?, ?)"
        connection.executemany(add, [(*row, json.dumps(json.dumps({"default": value}))) for *row, value in METRICS])
        add = "insert into ExperimentProfile (params, id, revision) values (?, 'x1', ?)"
        connection.executemany(add, [(json.dumps({"maxTrialNumber": 10 + number}), number) for number in (1, 3, 2)])
    return tmp_path


def test_the_newest_profile_counts(folder: Path) -> None:
    assert database.profile(folder)["params"] == {"maxTrialNumber": 13}


def test_a_trial_is_what_its_last_events_say(folder: Path) -> None:
    resumed, canceled, waiting = database.trials(folder)
    assert (resumed.id, resumed.status, resumed.started, resumed.seconds) == ("a", "SUCCEEDED", 4.0, 2.0)
    assert resumed.parameters == {"optim.lr": 0.1}
    assert (canceled.status, canceled.report) == ("USER_CANCELED", Report(count=1, value=0.3, final=False))
    assert (waiting.number, waiting.status, waiting.report) == (2, "WAITING", None)


def test_reports_of_an_earlier_attempt_are_not_shown(folder: Path) -> None:
    assert database.trials(folder)[0].report == Report(count=2, value=0.25, final=True)


def test_what_a_killed_manager_was_writing_never_happened(folder: Path, tmp_path: Path) -> None:
    """A copy is taken while a transaction is half on disk, as a kill would leave it."""
    killed = tmp_path / "killed"
    (folder / "db").rename(folder / "writing")
    with sqlite3.connect(folder / "writing" / "nni.sqlite") as connection:
        connection.execute("pragma cache_size = 1")
        connection.execute("delete from TrialJobEvent")
        connection.executemany("insert into MetricData (data) values (?)", [("x" * 900,)] * 500)
        shutil.copytree(folder / "writing", killed / "db")
        connection.rollback()
    assert (killed / "db" / "nni.sqlite-journal").stat().st_size > 0
    before = {file.name: file.read_bytes() for file in (killed / "db").iterdir()}
    assert [trial.id for trial in database.trials(killed)] == ["a", "b", "c"]
    assert {file.name: file.read_bytes() for file in (killed / "db").iterdir()} == before


@pytest.mark.parametrize("content", [None, b"", b"no database, but long enough to be looked at as one" * 40])
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "db").mkdir()
    if content is not None:
        (tmp_path / "db" / "nni.sqlite").write_bytes(content)
    with pytest.raises(DatabaseError, match=r"nni\.sqlite must be NNI's database of an experiment, but"):
        database.profile(tmp_path)


@pytest.mark.parametrize(
    ("states", "last"),
    [
        (["RUNNING", "NO_MORE_TRIAL", "DONE", "STOPPING", "STOPPED", "VIEWED"], "DONE"),
        (["RUNNING"], "RUNNING"),
        (["RUNNING", "ERROR", "STOPPED", "RUNNING"], "RUNNING"),
        ([], None),
    ],
)
def test_the_log_tells_how_far_the_manager_was(tmp_path: Path, states: list[str], last: str | None) -> None:
    (tmp_path / "log").mkdir()
    line = "[2026-01-01 00:00:00] INFO (NNIManager) Change NNIManager status from: X to: {}\n"
    (tmp_path / "log" / "nnimanager.log").write_text("".join(line.format(state) for state in states))
    assert database.last_state(tmp_path) == last


def test_without_a_log_nothing_is_known(tmp_path: Path) -> None:
    assert database.last_state(tmp_path) is None
