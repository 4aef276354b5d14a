"""The journal: whole lines or none, and only of its own search."""

import pytest

from rarepix.search.optimizer.journal import Journal, JournalError, read, with_current_names

STUDY = {"space": {"x": 1}}


def test_events_come_back_in_order(tmp_path):
    journal = Journal(tmp_path / "search" / "ledger.jsonl")
    assert journal.open(STUDY) == []
    events = [{"event": "job", "run": number, "job": f"j{number}"} for number in range(3)]
    for event in events:
        journal.write(event)
    assert Journal(journal.file).open(STUDY) == events


def test_a_half_written_line_is_ignored_and_removed(tmp_path):
    journal = Journal(tmp_path / "ledger.jsonl")
    journal.open(STUDY)
    journal.write({"event": "job", "run": 1, "job": "a"})
    with journal.file.open("ab") as file:
        file.write(b'{"event": "job", "ru')
    assert journal.open(STUDY) == [{"event": "job", "run": 1, "job": "a"}]
    journal.write({"event": "job", "run": 2, "job": "b"})
    assert [event["event"] for event in read(journal.file)] == ["study", "job", "job"]


def test_a_journal_that_was_cut_in_its_first_line_begins_anew(tmp_path):
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(b'{"event": "stu')
    assert Journal(file).open(STUDY) == []
    assert [event["event"] for event in read(file)] == ["study"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"event": "study", "schema": 2}\n', "schema 1"),
        ('{"event": "run"}\n', "must begin with a study"),
        ("nonsense\n", "ledger.jsonl:1 must be an event"),
        ('{"event": "study", "schema": 1, "space": {"x": 2}}\n', "another space"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    file = tmp_path / "ledger.jsonl"
    file.write_text(text)
    with pytest.raises(JournalError, match=message):
        Journal(file).open(STUDY)
    assert file.read_text() == text


def test_settings_and_origins_of_older_journals_have_their_present_names():
    study = {"event": "study", "settings": {"known": [{"x": 1}], "silence": "9s"}, "planned": [["earlier", {"x": 2}]]}
    configuration = {"event": "configuration", "origin": "known", "parameters": {"known": 1}}
    assert with_current_names(study) == {
        "event": "study",
        "settings": {"enqueue": [{"x": 1}], "heartbeat_timeout": "9s"},
        "planned": [["warm_start", {"x": 2}]],
    }
    assert with_current_names(configuration) == configuration | {"origin": "enqueued"}
