"""A database of NNI opened: found, read in place, and read where a killed manager left it half written."""

import shutil
import sqlite3

import pytest

from analysis.reading.nni_database import DatabaseError, database_file, read_database, scores


@pytest.fixture
def database(make, tmp_path):
    return make.database(tmp_path / "x", [(1, "a", "RUNNING", make.given(0, lr=1))], [(2, "a", "0", "FINAL", 0, 0.5)])


def test_it_is_found_by_its_folder_and_by_its_content(database, tmp_path):
    shutil.copy(database, tmp_path / "a copy of another name")
    (tmp_path / "notes.txt").write_text("SQLite is a library")
    assert database_file(database) == database
    assert database_file(database.parents[1]) == database
    assert database_file(tmp_path / "a copy of another name") == tmp_path / "a copy of another name"
    assert database_file(tmp_path / "notes.txt") is None
    assert database_file(tmp_path / "nothing") is None


def test_the_newest_profile_counts(database):
    content = read_database(database)
    assert (content.experiment, content.profile["experimentName"]) == ("x1", "made")
    assert [event["event"] for event in content.events] == ["RUNNING"]
    assert content.metrics[0]["parameterId"] == "0"


def test_what_a_killed_manager_was_writing_never_happened_and_nothing_is_changed(database, tmp_path):
    with sqlite3.connect(database) as manager:
        manager.execute("pragma cache_size = 1")  # so that half of the transaction is in the file
        manager.execute("delete from TrialJobEvent")
        manager.executemany("insert into MetricData (data) values (?)", [("x" * 900,)] * 500)
        shutil.copytree(database.parent, tmp_path / "killed")
        manager.rollback()
    manager.close()
    before = {file.name: file.read_bytes() for file in (tmp_path / "killed").iterdir()}
    assert len(before["nni.sqlite-journal"]) > 0
    content = read_database(tmp_path / "killed" / "nni.sqlite")
    assert (len(content.events), len(content.metrics)) == (1, 1)
    assert {file.name: file.read_bytes() for file in (tmp_path / "killed").iterdir()} == before


def test_a_log_written_ahead_is_read_too(database):
    with sqlite3.connect(database, isolation_level=None) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("insert into TrialJobEvent (trialJobId, event) values ('b', 'RUNNING')")
        assert len(read_database(database).events) == 2
    writer.close()


@pytest.mark.parametrize("content", [b"", b"no database, but long enough to be looked at as one" * 40])
def test_what_is_no_database_is_refused(tmp_path, content):
    (tmp_path / "nni.sqlite").write_bytes(content)
    with pytest.raises(DatabaseError, match=r"^nni\.sqlite must be a whole database of NNI 3\.0 .*, but: .*; copy it"):
        read_database(tmp_path / "nni.sqlite")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ('"0.5"', {"default": 0.5}),
        ('"{\\"default\\": 1, \\"miou\\": 0.5, \\"record\\": \\"eJy\\"}"', {"default": 1.0, "miou": 0.5}),
        ('"NaN"', {}),
        ('"{\\"default\\": Infinity}"', {}),
        ("0.5", {}),
        (None, {}),
    ],
)
def test_reports_are_json_of_json_and_only_numbers_count(data, found):
    assert scores(data) == found
