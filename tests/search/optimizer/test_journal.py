"""The ledger: whole lines or none, and only of its own search."""

import pytest

from rarepix.search.optimizer.journal import Journal, JournalError, read

STUDY = {"space": {"x": 1}}


def test_events_come_back_in_order(tmp_path):
    ledger = Journal(tmp_path / "search" / "ledger.jsonl")
    assert ledger.open(STUDY) == []
    events = [{"event": "job", "run": number, "job": f"j{number}"} for number in range(3)]
    for event in events:
        ledger.write(event)
    assert Journal(ledger.file).open(STUDY) == events


def test_a_half_written_line_never_happened(tmp_path):
    ledger = Journal(tmp_path / "ledger.jsonl")
    ledger.open(STUDY)
    ledger.write({"event": "job", "run": 1, "job": "a"})
    with ledger.file.open("ab") as file:
        file.write(b'{"event": "job", "ru')
    assert ledger.open(STUDY) == [{"event": "job", "run": 1, "job": "a"}]
    ledger.write({"event": "job", "run": 2, "job": "b"})
    assert [event["event"] for event in read(ledger.file)] == ["study", "job", "job"]


def test_a_ledger_that_was_cut_in_its_first_line_begins_anew(tmp_path):
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(b'{"event": "stu')
    assert Journal(file).open(STUDY) == []
    assert [event["event"] for event in read(file)] == ["study"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"event": "study", "schema": 2}\n', "schema 1"),
        ('{"event": "run"}\n', "must begin with a study"),
        ("nonsense\n", "ledger.jsonl:1 must be an event"),
        ('{"event": "study", "schema": 1, "space": {"x": 2}}\n', "another space"),
    ],
)
def test_other_files_are_refused(tmp_path, text, says):
    file = tmp_path / "ledger.jsonl"
    file.write_text(text)
    with pytest.raises(JournalError, match=says):
        Journal(file).open(STUDY)
    assert file.read_text() == text
