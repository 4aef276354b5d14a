"""What changed on disk since the last look."""

import pytest

from analysis.reading.changed_files import describe_changes, file_states


@pytest.fixture
def study(make, tmp_path):
    make.study(tmp_path / "s", 3, broken=False)
    return tmp_path / "s"


def test_nothing_is_new(study):
    assert describe_changes(file_states([study]), file_states([study])) == ""


def test_new_changed_and_gone_files_are_counted_by_what_they_are(study):
    before = file_states([study])
    (study / "trials" / "t000" / "history.csv").unlink()
    (study / "trials" / "t001" / "history.csv").write_text("attempt,epoch,objective\n")
    (study / "trials" / "t002" / "record.json").write_text("{}")
    (study / "trials" / "t002" / "examples.png").write_text("not read")
    (study / "report").mkdir()
    assert describe_changes(before, file_states([study])) == "1 record, 2 histories"


def test_a_database_and_its_journal_are_one_thing_to_say(make, tmp_path):
    database = make.database(tmp_path, [], [])
    before = file_states([tmp_path])
    assert before == file_states([database])
    database.with_name("nni.sqlite-journal").touch()
    assert describe_changes(before, file_states([database])) == "1 database"


def test_a_table_of_runs_is_watched_too(tmp_path):
    file = tmp_path / "runs.csv"
    file.write_text("a\n")
    before = file_states([file])
    file.write_text("a\n1\n")
    assert describe_changes(before, file_states([file])) == "1 table"
