"""Attempts: who may run a trial, and what its record says from the first word to the last."""

import multiprocessing
import os

import pytest
from pydantic import ValidationError

from rarepix import records
from rarepix.config import TrialConfig, config_hash, updated
from rarepix.records import ClassCounts, Dataset, Objective, RecordError, Status
from rarepix.trial.lifecycle import (
    AttemptError,
    RunContext,
    describe_failure,
    finish_attempt,
    run_lock,
    start_attempt,
    update_record,
)

CONFIG = TrialConfig(data={"root": "somewhere"}, seed=2)
WHOLE = {
    "dataset": Dataset(
        name="d", root="r", inventory_hash="1", split="random", split_file="f", classes=("a",), rare=(),
        images={}, pixels={}, contents={},
    ),
    "objective": Objective(name="miou", value=0.5, epoch=1),
    "counts": {"val": {"a": ClassCounts(tp=1, fp=0, fn=0, tn=0)}},
}  # fmt: skip


@pytest.fixture
def place(tmp_path) -> RunContext:
    return RunContext(results=tmp_path, study="s", trial="t", parameters={"optim.lr": 0.1})


def test_the_first_word(place):
    record = start_attempt(place, CONFIG)
    assert records.read(place.record_file) == record
    assert (record.status, record.attempt, record.finished) == (Status.RUNNING, 1, None)
    assert (record.block.seed, record.block.fold, record.parameters) == (2, 0, {"optim.lr": 0.1})
    assert record.config_hash == config_hash(CONFIG)
    assert TrialConfig(**record.config) == CONFIG
    assert {"python", "torch", "numpy", "code", "rarepix"} <= set(record.versions)


@pytest.mark.parametrize("status", [None, Status.FAILED, Status.STOPPED])
def test_what_is_not_complete_may_be_started_again(place, status):
    first = start_attempt(place, CONFIG)
    if status:
        finish_attempt(first, place, status)
    assert start_attempt(place, CONFIG).attempt == 2
    assert start_attempt(place, CONFIG).attempt == 3


def test_what_is_complete_may_not(place):
    done = finish_attempt(start_attempt(place, CONFIG), place, Status.COMPLETE, **WHOLE)
    with pytest.raises(
        AttemptError, match=r"trial 't' of study 's' is complete already: give another --trial, or remove "
    ):
        start_attempt(place, CONFIG)
    assert records.read(place.record_file) == done


@pytest.mark.parametrize("change", [{"optim.lr": 0.5}, {"seed": 3}, {"data.fold": 1}])
def test_another_configuration_or_block_is_refused(place, change):
    before = start_attempt(place, CONFIG)
    with pytest.raises(
        AttemptError, match=r"begun with another configuration or block .* but got hash .*: give another --trial"
    ):
        start_attempt(place, updated(CONFIG, change))
    assert records.read(place.record_file) == before


def test_another_machine_is_no_other_configuration(place):
    start_attempt(place, CONFIG)
    assert start_attempt(place, updated(CONFIG, {"data.root": "elsewhere", "engine.threads": 2})).attempt == 2


def test_a_half_written_record_is_not_begun_over(place):
    start_attempt(place, CONFIG)
    place.record_file.write_text(place.record_file.read_text()[:50])
    with pytest.raises(RecordError, match="must be a whole record"):
        start_attempt(place, CONFIG)


def test_progress_is_still_running(place):
    known = update_record(start_attempt(place, CONFIG), place, device="a GPU", resumed_from_epoch=3)
    assert records.read(place.record_file) == known
    assert (known.status, known.device, known.resumed_from_epoch) == (Status.RUNNING, "a GPU", 3)


def test_a_record_cannot_be_closed_as_complete_without_counts(place):
    record = start_attempt(place, CONFIG)
    with pytest.raises(ValidationError, match="a complete record must have"):
        finish_attempt(record, place, Status.COMPLETE)
    assert records.read(place.record_file).status is Status.RUNNING


def test_the_last_word_has_its_time(place):
    closed = finish_attempt(start_attempt(place, CONFIG), place, Status.STOPPED, timings={"train": 1.0})
    assert closed.finished >= closed.started
    assert records.read(place.record_file) == closed


def hold(place: RunContext, held, done) -> None:
    with run_lock(place):
        held.set()
        done.wait(60)
        os._exit(9)  # dies with the folder in its hands


def test_one_process_at_a_time(place):
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(place, held, done))
    other.start()
    assert held.wait(60)
    with (
        pytest.raises(AttemptError, match="one process at a time may run a trial, but another one is running 't' in"),
        run_lock(place),
    ):
        pass
    done.set()
    other.join(60)
    assert other.exitcode == 9
    with run_lock(place):  # the dead let go
        pass


def test_other_trials_run_beside(place, tmp_path):
    beside = RunContext(results=tmp_path, study="s", trial="u", parameters={})
    with run_lock(place), run_lock(beside):
        assert place.folder != beside.folder


def test_failure_names_the_line_that_is_ours(tmp_path):
    file = tmp_path / "no" / "record.json"
    file.parent.mkdir()
    file.write_text("{")
    try:
        records.read(file)
    except RecordError as error:
        found = describe_failure(error)
    assert found.type == "RecordError"
    assert str(file) in found.message
    assert found.where.startswith("records.py:")
