"""The life of a trial: who may run it, and what its record says from its start to its end."""

import multiprocessing
import os
from dataclasses import replace

import pytest
from pydantic import ValidationError

from rarepix import records
from rarepix.config import TrialConfig, config_hash, updated
from rarepix.record_splits import ClassCounts
from rarepix.records import Dataset, Objective, RecordError, Status
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
def context(tmp_path) -> RunContext:
    return RunContext(config=CONFIG, results=tmp_path, study="s", trial="t", parameters={"optim.lr": 0.1})


def test_a_new_attempt_has_a_running_record(context):
    record = start_attempt(context)
    assert records.read(context.record_file) == record
    assert (record.status, record.attempt, record.finished) == (Status.RUNNING, 1, None)
    assert (record.block.seed, record.block.fold, record.parameters) == (2, 0, {"optim.lr": 0.1})
    assert record.config_hash == config_hash(CONFIG)
    assert TrialConfig(**record.config) == CONFIG
    assert {"python", "torch", "numpy", "code", "rarepix"} <= set(record.versions)


@pytest.mark.parametrize("status", [None, Status.FAILED, Status.STOPPED])
def test_a_trial_that_is_not_complete_may_be_started_again(context, status):
    first = start_attempt(context)
    if status:
        finish_attempt(first, context, status)
    assert start_attempt(context).attempt == 2
    assert start_attempt(context).attempt == 3


def test_a_complete_trial_may_not_be_started_again(context):
    finished = finish_attempt(start_attempt(context), context, Status.COMPLETE, **WHOLE)
    with pytest.raises(
        AttemptError, match=r"trial 't' of study 's' is complete already: give another --trial, or remove "
    ):
        start_attempt(context)
    assert records.read(context.record_file) == finished


@pytest.mark.parametrize("change", [{"optim.lr": 0.5}, {"seed": 3}, {"data.fold": 1}])
def test_another_configuration_or_block_is_refused(context, change):
    before = start_attempt(context)
    with pytest.raises(
        AttemptError, match=r"begun with another configuration or block .* but got hash .*: give another --trial"
    ):
        start_attempt(replace(context, config=updated(CONFIG, change)))
    assert records.read(context.record_file) == before


def test_keys_of_the_machine_do_not_make_another_configuration(context):
    start_attempt(context)
    config = updated(CONFIG, {"data.root": "elsewhere", "engine.threads": 2})
    assert start_attempt(replace(context, config=config)).attempt == 2


def test_a_half_written_record_is_not_overwritten(context):
    start_attempt(context)
    context.record_file.write_text(context.record_file.read_text()[:50])
    with pytest.raises(RecordError, match="must be a whole record"):
        start_attempt(context)


def test_an_updated_record_is_still_running(context):
    record = update_record(start_attempt(context), context, device="a GPU", resumed_from_epoch=3)
    assert records.read(context.record_file) == record
    assert (record.status, record.device, record.resumed_from_epoch) == (Status.RUNNING, "a GPU", 3)


def test_a_record_cannot_be_complete_without_counts(context):
    record = start_attempt(context)
    with pytest.raises(ValidationError, match="a complete record must have"):
        finish_attempt(record, context, Status.COMPLETE)
    assert records.read(context.record_file).status is Status.RUNNING


def test_a_finished_record_has_its_time(context):
    record = finish_attempt(start_attempt(context), context, Status.STOPPED, timings={"train": 1.0})
    assert record.finished >= record.started
    assert records.read(context.record_file) == record


def hold(context: RunContext, held, done) -> None:
    with run_lock(context):
        held.set()
        done.wait(60)
        os._exit(9)  # dies while it holds the lock


def test_one_process_at_a_time_runs_a_trial(context):
    spawn = multiprocessing.get_context("spawn")
    held, done = spawn.Event(), spawn.Event()
    other = spawn.Process(target=hold, args=(context, held, done))
    other.start()
    assert held.wait(60)
    with (
        pytest.raises(AttemptError, match="one process at a time may run a trial, but another one is running 't' in"),
        run_lock(context),
    ):
        pass
    done.set()
    other.join(60)
    assert other.exitcode == 9
    with run_lock(context):  # the kernel has released the lock
        pass


def test_other_trials_run_at_the_same_time(context, tmp_path):
    beside = RunContext(config=CONFIG, results=tmp_path, study="s", trial="u", parameters={})
    with run_lock(context), run_lock(beside):
        assert context.folder != beside.folder


def test_a_failure_names_the_last_line_of_this_package(tmp_path):
    file = tmp_path / "no" / "record.json"
    file.parent.mkdir()
    file.write_text("{")
    try:
        records.read(file)
    except RecordError as error:
        failure = describe_failure(error)
    assert failure.type == "RecordError"
    assert str(file) in failure.message
    assert failure.where.startswith("records.py:")
