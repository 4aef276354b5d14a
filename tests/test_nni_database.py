"""NNI's database: found, read in place while NNI writes, and read where a killed manager left it half written."""

import ast
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from rarepix import nni_database
from rarepix.nni_database import DatabaseError, database_file, read_database, read_profile, report_scores
from tests.nni_experiment import EVENTS, PARAMETERS, write_experiment


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return write_experiment(tmp_path / "x1")


def test_it_is_found_by_its_folder_and_by_its_content(database, tmp_path):
    shutil.copy(database, tmp_path / "a copy of another name")
    (tmp_path / "notes.txt").write_text("SQLite is a library")
    assert database_file(database) == database
    assert database_file(database.parents[1]) == database
    assert database_file(tmp_path / "a copy of another name") == tmp_path / "a copy of another name"
    assert database_file(tmp_path / "notes.txt") is None
    assert database_file(tmp_path / "nothing") is None


def test_the_newest_profile_counts(database):
    profile = read_database(database).profile
    assert (profile["id"], profile["params"]) == ("x1", {"maxTrialNumber": 13})
    assert read_profile(database) == profile


def test_an_experiment_that_has_not_begun_is_empty(database):
    with sqlite3.connect(database) as connection:
        for table in nni_database.QUERIES:
            connection.execute(f"delete from {table}")
    assert read_database(database) == ({}, [])


def test_a_job_is_what_its_events_and_reports_say(database):
    resumed, canceled, waiting = read_database(database).jobs
    assert (resumed.id, resumed.number, resumed.state) == ("a", 0, "SUCCEEDED")
    assert (resumed.queued, resumed.started, resumed.restarted, resumed.ended) == (1000, 2000, 4000, 6000)
    assert (resumed.parameters, resumed.parameter_id, resumed.resumed) == ({"optim.lr": 0.1}, "0", [3000])
    assert (canceled.state, canceled.ended) == ("USER_CANCELED", 5000)
    assert (waiting.state, waiting.started, waiting.ended) == ("WAITING", None, None)


def test_reports_before_the_last_resume_belong_to_an_earlier_attempt(database):
    resumed, canceled, waiting = read_database(database).jobs
    assert [report["sequence"] for report in resumed.reports] == [7, 0, 1, 0]
    assert resumed.last_intermediate()["sequence"] == 1
    assert report_scores(resumed.final()["data"]) == {"default": 0.25}
    assert canceled.final() is None
    assert waiting.last_intermediate() is None


def test_of_two_final_reports_the_first_counts(tmp_path):
    reports = [(5900, "a", "FINAL", 0, 0.1), (5900, "a", "FINAL", 0, 0.2)]
    (job, *_) = read_database(write_experiment(tmp_path, reports=reports)).jobs
    assert report_scores(job.final()["data"]) == {"default": 0.1}


def test_a_job_that_runs_again_has_not_ended(tmp_path):
    events = [*EVENTS, (9000, "a", "RUNNING", PARAMETERS, 0), (9500, "a", "ADD_HYPERPARAMETER", "[]", 0)]
    (job, *_) = read_database(write_experiment(tmp_path, events)).jobs
    assert (job.state, job.restarted, job.ended) == ("RUNNING", 9000, None)


def test_what_a_killed_manager_was_writing_is_rolled_back_and_nothing_is_changed(database, tmp_path):
    killed = tmp_path / "killed"
    with sqlite3.connect(database) as manager:
        manager.execute("pragma cache_size = 1")  # so that half of the transaction is in the file
        manager.execute("delete from TrialJobEvent")
        manager.executemany("insert into MetricData (data) values (?)", [("x" * 900,)] * 500)
        shutil.copytree(database.parent, killed)
        manager.rollback()
    manager.close()
    before = {file.name: file.read_bytes() for file in killed.iterdir()}
    assert len(before["nni.sqlite-journal"]) > 0
    jobs = read_database(killed / "nni.sqlite").jobs
    assert {job.id: len(job.reports) for job in jobs} == {"a": 4, "b": 1, "c": 0}
    assert {file.name: file.read_bytes() for file in killed.iterdir()} == before


def test_a_write_ahead_log_is_read_too(database):
    with sqlite3.connect(database, isolation_level=None) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("insert into TrialJobEvent (trialJobId, event) values ('new', 'RUNNING')")
        assert [job.id for job in read_database(database).jobs] == ["a", "b", "c", "new"]
    writer.close()


def test_nni_may_be_writing(database):
    with sqlite3.connect(database, isolation_level=None) as nni:
        nni.execute("begin immediate")
        nni.execute("insert into TrialJobEvent (timestamp, trialJobId, event) values (1, 'new', 'RUNNING')")
        assert "new" not in {job.id for job in read_database(database).jobs}
        nni.execute("commit")
        assert "new" in {job.id for job in read_database(database).jobs}
    nni.close()


@pytest.mark.parametrize("content", [None, b"", b"no database, but long enough to be looked at as one" * 40])
@pytest.mark.parametrize("read", [read_database, read_profile])
def test_what_is_no_database_is_refused(tmp_path, content, read):
    if content is not None:
        (tmp_path / "nni.sqlite").write_bytes(content)
    with pytest.raises(DatabaseError, match=r"nni\.sqlite must be a whole database of NNI 3\.0 .*, but: "):
        read(tmp_path / "nni.sqlite")


@pytest.mark.parametrize(
    ("data", "scores"),
    [
        ('"0.5"', {"default": 0.5}),
        ('"{\\"default\\": 1, \\"miou\\": 0.5, \\"record\\": \\"eJy\\"}"', {"default": 1.0, "miou": 0.5}),
        ('"NaN"', {}),
        ('"{\\"default\\": Infinity}"', {}),
        ('"true"', {}),
        ("0.5", {}),
        (None, {}),
    ],
)
def test_reports_are_json_of_json_and_only_finite_numbers_count(data, scores):
    assert report_scores(data) == scores


def test_it_needs_nothing_but_the_standard_library():
    tree = ast.parse(Path(nni_database.__file__).read_text())
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert names <= sys.stdlib_module_names | {"collections.abc"}
