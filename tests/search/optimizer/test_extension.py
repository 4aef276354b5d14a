"""An extended study: what runs, what does not run again, and what the journal's first line still says."""

import json

import pytest

from rarepix.layout import JOURNAL, LOOKS
from rarepix.records import Block
from rarepix.search.optimizer.journal import JournalError, looks_since_extension, read_state, read_summary
from rarepix.search.optimizer.scheduler import Scheduler
from rarepix.search.optimizer.study_state import ENQUEUED, LISTED
from tests.search.optimizer.simulation import BLOCKS, DEFAULT, carry_out, make, run_to_the_end

FURTHER = [Block(seed=7, fold=0), Block(seed=8, fold=0)]
RATES = (0.001, 0.01, 0.05)
LISTED_RATES = [{**DEFAULT, "optim.lr": rate} for rate in RATES]
GOOD, MIDDLE, BAD = ({**DEFAULT, "optim.lr": rate} for rate in (0.01, 0.003, 0.0001))


def extend(folder, blocks=(), configurations=(), at="2026-01-02T00:00:00+00:00") -> None:
    """Append an extension to the journal in *folder*."""
    event = {
        "event": "extend", "blocks": [block.model_dump() for block in blocks],
        "configurations": list(configurations), "at": at, "looked": 0, "complete": [],
    }  # fmt: skip
    with (folder / "ledger.jsonl").open("a") as journal:
        journal.write(json.dumps(event) + "\n")


def pairs(scheduler: Scheduler) -> list[tuple[int, int]]:
    """(configuration, block) of every run, in the order in which they began."""
    return [(run.configuration, run.block) for run in scheduler.state.runs.values()]


def test_further_blocks_run_once_for_every_complete_configuration(tmp_path):
    settings = {"configurations": LISTED_RATES, "blocks": BLOCKS[:2]}
    before = pairs(run_to_the_end(make(tmp_path, **settings)))
    extend(tmp_path, FURTHER)
    scheduler = run_to_the_end(make(tmp_path, **settings))
    assert sorted(before) == [(configuration, block) for configuration in range(3) for block in range(2)]
    added = pairs(scheduler)[len(before) :]
    assert sorted(added) == [(configuration, block) for configuration in range(3) for block in (2, 3)]
    parameters = scheduler.state.trial_parameters(scheduler.state.runs[len(before)])
    assert (parameters["seed"], parameters["data.fold"]) == (7, 0)
    assert {configuration.end for configuration in scheduler.state.configurations} == {"complete"}


def test_further_configurations_run_on_the_blocks_of_the_study(tmp_path):
    settings = {"configurations": LISTED_RATES, "blocks": BLOCKS[:2]}
    before = len(pairs(run_to_the_end(make(tmp_path, **settings))))
    extend(tmp_path, configurations=[[LISTED, GOOD | {"optim.weight_decay": 0.2}]])
    scheduler = run_to_the_end(make(tmp_path, **settings))
    assert pairs(scheduler)[before:] == [(3, 0), (3, 1)]
    assert scheduler.state.configurations[3].origin == "listed"


def test_two_extensions_add_up(tmp_path):
    settings = {"configurations": LISTED_RATES[:2], "blocks": BLOCKS[:1]}
    run_to_the_end(make(tmp_path, **settings))
    extend(tmp_path, FURTHER[:1])
    run_to_the_end(make(tmp_path, **settings))
    extend(tmp_path, FURTHER[1:], [[LISTED, LISTED_RATES[2]]])
    assert sorted(pairs(run_to_the_end(make(tmp_path, **settings)))) == [(c, b) for c in range(3) for b in range(3)]


def test_what_was_stopped_or_failed_gets_no_further_blocks(tmp_path):
    scheduler = make(tmp_path, samples=4, retries={"crash": 0}, blocks=BLOCKS[:1])
    ends = [("complete", None), ("failed", "crash"), ("stopped", None), ("canceled", None)]
    for outcome, cause in ends:
        scheduler.end(scheduler.next().number, outcome, cause, {"default": 0.5} if outcome == "complete" else None)
    extend(tmp_path, FURTHER)
    extended = run_to_the_end(make(tmp_path, samples=4, retries={"crash": 0}, blocks=BLOCKS[:1]))
    assert pairs(extended)[4:] == [(0, 1), (0, 2)]


def test_a_sampled_study_samples_nothing_further_when_its_limit_is_raised(tmp_path):
    """Without ``samples`` the limit has room for 4 // 2 configurations; that of the extension is for its blocks."""
    run_to_the_end(make(tmp_path, limit=4, blocks=BLOCKS[:2]))
    extend(tmp_path, FURTHER, [[ENQUEUED, GOOD]])
    scheduler = run_to_the_end(make(tmp_path, limit=50, blocks=BLOCKS[:2]))
    assert len(scheduler.state.configurations) == 3
    assert sorted(pairs(scheduler)) == [(configuration, block) for configuration in range(3) for block in range(4)]


def test_a_study_that_was_stopped_and_extended_tries_all_its_samples(tmp_path):
    scheduler = make(tmp_path, samples=3, blocks=BLOCKS[:1])
    carry_out(scheduler, scheduler.next().number)
    extend(tmp_path, FURTHER[:1])
    assert sorted(pairs(run_to_the_end(make(tmp_path, samples=3, blocks=BLOCKS[:1])))) == [
        (configuration, block) for configuration in range(3) for block in range(2)
    ]


def noisy(parameters: dict, epoch: int) -> float:
    """The last configuration is clearly the worst; of the other two, now one and now the other is better."""
    swing = 0.01 if parameters["data.fold"] else -0.01
    return {0.01: 0.5 + swing, 0.003: 0.5, 0.0001: 0.1}[parameters["optim.lr"]]


def far_apart(parameters: dict, epoch: int) -> float:
    return noisy(parameters, epoch) - (0.4 if parameters["optim.lr"] == 0.003 else 0.0)


def test_the_race_drops_nobody_in_the_added_blocks_and_keeps_out_whom_it_dropped(tmp_path):
    settings = {"configurations": [GOOD, MIDDLE, BAD], "blocks": BLOCKS, "race": {}}
    raced = run_to_the_end(make(tmp_path, **settings), value=noisy)
    assert [configuration.end for configuration in raced.state.configurations] == ["complete", "complete", "dropped"]
    tested = set(raced.state.looks)
    extend(tmp_path, FURTHER)
    scheduler = run_to_the_end(make(tmp_path, **settings), value=far_apart)
    assert [configuration.end for configuration in scheduler.state.configurations] == [
        "complete",
        "complete",
        "dropped",
    ]
    assert scheduler.state.looks == tested
    assert sorted(pairs(scheduler)[len(pairs(raced)) :]) == [(0, 4), (0, 5), (1, 4), (1, 5)]


def test_an_added_configuration_is_raced_over_the_blocks_that_were_planned_at_the_level_of_the_plan(tmp_path):
    settings = {"configurations": [GOOD, MIDDLE], "blocks": BLOCKS, "race": {}}
    run_to_the_end(make(tmp_path, **settings), value=noisy)
    extend(tmp_path, FURTHER, [[LISTED, BAD]])
    scheduler = run_to_the_end(make(tmp_path, **settings), value=noisy)
    assert scheduler.state.configurations[2].end == "dropped"
    assert len(scheduler.state.finals(2)) == 2
    assert len(scheduler.state.finals(0)) == len(scheduler.state.finals(1)) == 6


def test_nothing_is_lost_or_repeated_wherever_the_journal_of_an_extended_study_was_cut(tmp_path):
    settings = {"configurations": LISTED_RATES, "blocks": BLOCKS[:2]}
    whole = tmp_path / "whole"
    run_to_the_end(make(whole, **settings))
    begun = len((whole / "ledger.jsonl").read_bytes().splitlines())
    extend(whole, FURTHER, [[LISTED, GOOD | {"optim.weight_decay": 0.2}]])
    run_to_the_end(make(whole, **settings))
    lines = (whole / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    for cut in range(begun + 1, len(lines), 2):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "ledger.jsonl").write_bytes(b"".join(lines[:cut]) + lines[cut][: len(lines[cut]) // 2])
        scheduler = make(folder, **settings)
        for run in [run for run in scheduler.state.runs.values() if run.outcome is None]:
            carry_out(scheduler, run.number)
        run_to_the_end(scheduler)
        assert sorted(pairs(scheduler)) == [(c, b) for c in range(4) for b in range(4)], cut


def test_an_extension_that_is_written_twice_counts_once(tmp_path):
    """Two commands at the same time may both find that the block is new."""
    settings = {"configurations": LISTED_RATES[:2], "blocks": BLOCKS[:1]}
    run_to_the_end(make(tmp_path, **settings))
    for _ in range(2):
        extend(tmp_path, FURTHER[:1], [[LISTED, LISTED_RATES[2]]])
    assert sorted(pairs(run_to_the_end(make(tmp_path, **settings)))) == [(c, b) for c in range(3) for b in range(2)]
    assert (summary_of(tmp_path).blocks, summary_of(tmp_path).configurations, summary_of(tmp_path).left) == (2, 3, 0)


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "job", "run": 99, "job": "a"}',
        '{"event": "later"}',
        '{"event": "close", "number": 0}',
        '{"event": "configuration", "configuration": 7, "parameters": {}, "origin": "listed", "attributes": {}}',
    ],
)
def test_a_line_that_does_not_follow_from_those_before_is_refused(tmp_path, line):
    run_to_the_end(make(tmp_path, configurations=LISTED_RATES[:1], blocks=BLOCKS[:1]))
    number = len((tmp_path / "ledger.jsonl").read_bytes().splitlines()) + 1
    with (tmp_path / "ledger.jsonl").open("a") as journal:
        journal.write(line + "\n")
    with pytest.raises(JournalError, match=rf"ledger\.jsonl:{number} must follow from the lines before it"):
        summary_of(tmp_path)


def test_a_journal_without_its_beginning_is_refused(tmp_path):
    (tmp_path / JOURNAL).parent.mkdir()
    (tmp_path / JOURNAL).write_text('{"event": "job", "run": 0, "job": "a"}\n')
    with pytest.raises(JournalError, match=r"ledger\.jsonl:1 must follow"):
        read_state(tmp_path)


def summary_of(folder):
    (folder / JOURNAL).parent.mkdir(exist_ok=True)
    (folder / JOURNAL).write_bytes((folder / "ledger.jsonl").read_bytes())
    return read_summary(folder)


def test_the_summary_follows_the_extension(tmp_path):
    settings = {"configurations": LISTED_RATES, "blocks": BLOCKS[:2]}
    run_to_the_end(make(tmp_path, **settings))
    before = summary_of(tmp_path)
    assert (before.extended, before.runs, before.runs_left, before.left) == (False, 6, 0, 0)
    extend(tmp_path, FURTHER, [[LISTED, GOOD | {"optim.weight_decay": 0.2}]])
    after = summary_of(tmp_path)
    assert (after.configurations, after.blocks, after.extended) == (4, 4, True)
    assert (after.runs, after.runs_left, after.left) == (16, 10, 4)
    scheduler = make(tmp_path, **settings)
    carry_out(scheduler, scheduler.next().number)
    scheduler.next()
    assert summary_of(tmp_path).runs_left == 9


def test_blocks_that_a_dropped_configuration_did_not_get_are_not_planned(tmp_path):
    raced = make(tmp_path, configurations=[GOOD, MIDDLE, BAD], blocks=BLOCKS, race={})
    run_to_the_end(raced, value=noisy)
    summary = summary_of(tmp_path)
    assert (summary.runs, summary.runs_left) == (len(raced.state.runs), 0) == (10, 0)


def test_looks_are_counted_since_the_last_extension(tmp_path):
    run_to_the_end(make(tmp_path, configurations=LISTED_RATES))
    summary_of(tmp_path)
    assert looks_since_extension(tmp_path) == []
    times = ["2026-01-01T12:00:00+00:00", "2026-01-01T23:30:00-01:00", "2026-01-02T12:00:00.5+00:00"]
    lines = [json.dumps({"at": time, "complete": 3}) for time in times]
    (tmp_path / LOOKS).write_text("\n".join(lines) + '\n{"at": "half')
    assert len(looks_since_extension(tmp_path)) == 3
    extend(tmp_path, FURTHER[:1], at="2026-01-02T00:00:00+00:00")
    summary_of(tmp_path)
    assert [time.isoformat() for time in looks_since_extension(tmp_path)] == [
        "2026-01-01T23:30:00-01:00",  # it is 00:30 in UTC
        "2026-01-02T12:00:00.500000+00:00",
    ]


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"complete": 3}', '{"at": "yesterday"}'])
def test_a_damaged_look_is_refused(tmp_path, line):
    (tmp_path / LOOKS).parent.mkdir()
    (tmp_path / LOOKS).write_text(line + "\n")
    with pytest.raises(JournalError, match=r"looks\.jsonl must have a JSON object with a time"):
        looks_since_extension(tmp_path)
