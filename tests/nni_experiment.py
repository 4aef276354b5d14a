"""NNI's database of an experiment, written by hand for tests. (What a real manager leaves is in tests of studies.)"""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

TABLES = """
create table TrialJobEvent (timestamp integer, trialJobId text, event text, data text, logPath text,
    sequenceId integer, message text, environmentId text);
create table MetricData (timestamp integer, trialJobId text, parameterId text, type text, sequence integer, data text);
create table ExperimentProfile (params text, id text, execDuration integer, startTime integer, endTime integer,
    logDir text, nextSequenceId integer, revision integer);
"""
PARAMETERS = json.dumps({"parameter_id": 0, "parameters": {"optim.lr": 0.1}})
EVENTS = [
    (1000, "a", "WAITING", PARAMETERS, 0),
    (2000, "a", "RUNNING", None, 0),
    (2500, "b", "RUNNING", PARAMETERS, 1),
    (3000, "a", "ADD_RESUMED", "", None),
    (4000, "a", "RUNNING", None, 0),
    (5000, "b", "USER_TO_CANCEL", "", 1),
    (6000, "a", "SUCCEEDED", None, 0),
    (7000, "", "IMPORT_DATA", "[]", None),
    (8000, "c", "WAITING", PARAMETERS, 2),
]
"""A trial that was resumed, one that a person canceled, one that waits."""
REPORTS = [
    (2100, "a", "PERIODICAL", 7, 0.9),
    (2600, "b", "PERIODICAL", 0, 0.3),
    (4100, "a", "PERIODICAL", 0, 0.1),
    (4200, "a", "PERIODICAL", 1, 0.2),
    (5900, "a", "FINAL", 0, 0.25),
]


def write_experiment(folder: Path, events: Iterable[tuple] = EVENTS, reports: Iterable[tuple] = REPORTS) -> Path:
    """Write the database of experiment ``x1`` into *folder*, with three revisions of its profile; return its file."""
    file = folder / "db" / "nni.sqlite"
    file.parent.mkdir(parents=True)
    with sqlite3.connect(file) as database:
        database.executescript(TABLES)
        add = "insert into TrialJobEvent (timestamp, trialJobId, event, data, sequenceId) values (?, ?, ?, ?, ?)"
        database.executemany(add, events)
        add = "insert into MetricData values (?, ?, '0', ?, ?, ?)"
        database.executemany(add, [(*row, json.dumps(json.dumps({"default": value}))) for *row, value in reports])
        add = "insert into ExperimentProfile (params, id, revision) values (?, 'x1', ?)"
        database.executemany(add, [(json.dumps({"maxTrialNumber": 10 + number}), number) for number in (1, 3, 2)])
    database.close()
    return file
