"""The advisor's context: settings under former names are refused in a new study, and kept in one that has begun."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rarepix.layout import JOURNAL
from rarepix.search.nni.enqueued import best_configurations
from rarepix.search.nni.study_context import build_scheduler, heartbeat_timeout, own_settings, read_context
from rarepix.search.optimizer.journal import JournalError, StudySummary, read_summary
from rarepix.search.optimizer.settings import read_settings
from rarepix.settings import ConfigError
from rarepix.trial.plan import Plan
from rarepix.trial.plans import PLANS
from tests.house.source import CHECKOUT
from tests.trial import two_stages

SPACE = {"optim.lr": {"_type": "loguniform", "_value": [0.001, 0.1]}}
FORMER_ARGS = {
    "sampler": "random",
    "seed": 3,
    "samples": 5,
    "known": [{"optim.lr": 0.01}],
    "earlier": {"study": "results/removed-since", "top": 1},
    "silence": "20s",
}
CURRENT_ARGS = {
    "sampler": "random",
    "seed": 3,
    "samples": 5,
    "enqueue": [{"optim.lr": 0.01}],
    "warm_start": {"study": "results/removed-since", "top": 1},
    "heartbeat_timeout": "20s",
}
FORMER_JOURNAL = [
    {
        "event": "study",
        "schema": 1,
        "space": SPACE,
        "settings": FORMER_ARGS,
        "default": {"optim.lr": 0.005},
        "blocks": [{"seed": 0, "fold": 0}],
        "planned": [
            ["default", {"optim.lr": 0.005}],
            ["known", {"optim.lr": 0.01}],
            ["earlier", {"optim.lr": 0.02}],
        ],
    },
    {
        "event": "configuration",
        "configuration": 0,
        "parameters": {"optim.lr": 0.005},
        "origin": "default",
        "attributes": {},
    },
    {"event": "run", "run": 0, "configuration": 0, "block": 0, "attempt": 1, "continues": None},
    {"event": "job", "run": 0, "job": "j0"},
    {"event": "end", "run": 0, "outcome": "complete", "cause": None, "metrics": {"default": 0.5}},
    {"event": "close", "configuration": 0, "end": "complete"},
    {"event": "odd", "what": "late", "job": "j0"},
    {
        "event": "configuration",
        "configuration": 1,
        "parameters": {"optim.lr": 0.01},
        "origin": "known",
        "attributes": {},
    },
    {"event": "run", "run": 1, "configuration": 1, "block": 0, "attempt": 1, "continues": None},
    {"event": "job", "run": 1, "job": "j1"},
    {"event": "stop", "run": 1, "why": "hung"},
]
"""As it was written before the keys ``known``, ``earlier`` and ``silence`` got the names that they have now."""


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give what NNI's manager says of a study whose results are in *tmp_path*."""
    monkeypatch.setenv("RAREPIX_RESULTS", str(tmp_path))
    service = {"trialCommand": "python -m trials.segment --recipe demo", "trialCodeDirectory": str(CHECKOUT)}
    params = {"trainingService": service, "maxTrialNumber": 20, "maxTrialDuration": "10m"}
    return SimpleNamespace(profile=lambda: {"id": "abc", "params": params})


@pytest.fixture
def begun(manager: Any) -> Path:
    """Give the results folder of a study that was begun under the former names."""
    folder = read_context(manager).folder
    (folder / JOURNAL).parent.mkdir(parents=True)
    (folder / JOURNAL).write_text("".join(json.dumps(event) + "\n" for event in FORMER_JOURNAL))
    return folder


def test_former_keys_are_refused_in_a_new_study(manager: Any) -> None:
    with pytest.raises(ConfigError) as refused:
        own_settings(FORMER_ARGS, manager)
    assert str(refused.value).splitlines() == [
        "tuner.classArgs: unknown key 'known': it is called 'enqueue' now",
        "tuner.classArgs: unknown key 'earlier': it is called 'warm_start' now",
        "tuner.classArgs: unknown key 'silence': it is called 'heartbeat_timeout' now",
    ]


@pytest.mark.parametrize(("plan", "warmup"), [(PLANS["segment"], 4), (two_stages.PLAN, 5)])
def test_a_third_of_the_epochs_of_all_stages_is_never_stopped(
    manager: Any, monkeypatch: pytest.MonkeyPatch, plan: Plan, warmup: int
) -> None:
    """The recipe has 10 epochs, and the second stage of the other plan 3 more."""
    monkeypatch.setitem(PLANS, "segment", plan)
    scheduler = build_scheduler(read_settings({"pruner": "median"}), SPACE, read_context(manager))

    def first_stop(score: float) -> int | None:
        run = scheduler.next().number
        for epoch in range(1, 11):
            if scheduler.report(run, {"default": score, "epoch": epoch}):
                return epoch
        scheduler.end(run, "complete", metrics={"default": score})
        return None

    assert [first_stop(0.5) for _ in range(6)] == [None] * 6
    assert first_stop(0.1) == warmup


def test_a_journal_without_a_whole_line_is_a_new_study(manager: Any, begun: Path) -> None:
    (begun / JOURNAL).write_text('{"event": "stu')
    with pytest.raises(ConfigError, match="called 'enqueue' now"):
        own_settings(FORMER_ARGS, manager)


@pytest.mark.parametrize("class_args", [FORMER_ARGS, CURRENT_ARGS])
def test_a_study_begun_under_former_names_continues(manager: Any, begun: Path, class_args: dict) -> None:
    written = (begun / JOURNAL).read_bytes()
    settings = own_settings(class_args, manager)
    assert heartbeat_timeout(settings, 600) == 20
    scheduler = build_scheduler(settings, SPACE, read_context(manager))
    assert (begun / JOURNAL).read_bytes() == written
    assert [configuration.origin for configuration in scheduler.state.configurations] == ["default", "enqueued"]
    assert (scheduler.state.runs[0].outcome, scheduler.state.runs[1].job) == ("complete", "j1")
    scheduler.end(1, "complete", metrics={"default": 0.6})
    runs = [scheduler.next() for _ in range(4)]
    assert [run and run.configuration for run in runs] == [2, 3, 4, None]
    assert scheduler.state.configurations[2].parameters == {"optim.lr": 0.02}
    assert [configuration.origin for configuration in scheduler.state.configurations[2:]] == [
        "warm_start",
        "sampled",
        "sampled",
    ]
    assert (begun / JOURNAL).read_bytes().startswith(written)


def test_a_study_begun_under_former_names_is_still_checked(manager: Any, begun: Path) -> None:
    settings = own_settings(FORMER_ARGS | {"silence": "30s"}, manager)
    with pytest.raises(JournalError, match="another settings"):
        build_scheduler(settings, SPACE, read_context(manager))


def test_a_study_begun_under_former_names_is_summarised_and_ranked(begun: Path) -> None:
    assert read_summary(begun) == StudySummary(
        configurations=5, blocks=1, begun=2, unfinished=1, anomalies={"late": 1}, hung=frozenset({"j1"}), ended_runs=1
    )
    assert best_configurations(begun, 3) == []  # reads the settings, finds no record
