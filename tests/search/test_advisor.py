"""The advisor inside a real NNI: what it starts, stops and starts again, and what its journal says of it."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from rarepix import layout, records
from rarepix.layout import JOURNAL
from rarepix.search.checks.tuner import ADVISOR
from rarepix.search.nni import nnictl
from rarepix.search.nni.client import stored_profile, stored_trials
from rarepix.search.nni.nnictl import dispatcher_error
from rarepix.search.optimizer.journal import read
from rarepix.search.studies import study
from rarepix.search.studies.resume import resume
from rarepix.search.studies.watch import Outcome, watch
from tests.search.lab import Lab

pytestmark = pytest.mark.full

SAMPLES = 7
CAUSES = {"1": "crash", "2": "lost", "3": "crash", "4": "hung", "5": "no_result"}
"""Number of a trial that goes wrong → the cause that the advisor should name."""
FORMER_NAMES = {"enqueue": "known", "heartbeat_timeout": "silence", "enqueued": "known"}
"""Key or origin → what it was called before it was renamed."""


def advisor(**class_args: object) -> dict:
    """Return the section ``tuner`` of a study's file."""
    return {"className": ADVISOR, "codeDirectory": ".", "classArgs": class_args}


@pytest.fixture(scope="module")
def ended(lab: Lab, free_port) -> tuple[study.Study, Outcome, list[dict]]:
    """A study of which five trials go wrong in five ways, with its journal at its end."""
    lab.pretend(_1="die", _2="killed", _3="raise", _4="hang", _5="silent")
    retries = {"crash": 3, "lost": 3, "hung": 3}  # a trial that is run again can be the next one that goes wrong
    tuner = advisor(sampler="tpe", seed=1, samples=SAMPLES, heartbeat_timeout="20s", retries=retries)
    started = study.start(lab.study(tuner=tuner, maxTrialNumber=20, trialConcurrency=3), free_port())
    outcome = watch(started, lambda trials, wrong: None)
    study.stop(started.id)
    return started, outcome, list(read(started.folder / JOURNAL))


def test_the_default_configuration_comes_first(ended):
    _, _, events = ended
    first = next(event for event in events if event["event"] == "configuration")
    assert first["origin"] == "default"
    assert first["parameters"] == {"optim.lr": 0.001, "loss": {"_name": "ce"}}


def test_every_failure_has_its_cause_and_is_run_again(ended):
    _, outcome, events = ended
    job = {event["job"]: event["run"] for event in events if event["event"] == "job"}
    ends = {event["run"]: event for event in events if event["event"] == "end"}
    runs = {event["run"]: event for event in events if event["event"] == "run"}
    for trial in outcome.trials:
        cause = CAUSES.get(str(trial.number))
        assert ends[job[trial.id]]["cause"] in ({cause} if cause else {None, "hung"})  # a busy machine can be slow
    for number, end in ends.items():
        further = [run for run in runs.values() if run["configuration"] == runs[number]["configuration"]]
        last = max(further, key=lambda run: run["attempt"])
        assert (last["run"] == number) == (end["cause"] in (None, "no_result"))
        assert {run["continues"] for run in further} <= {
            None,
            next(j for j, r in job.items() if r == further[0]["run"]),
        }
    assert sum(end["outcome"] == "complete" for end in ends.values()) == SAMPLES - 1


def test_a_trial_without_a_result_is_reported(ended):
    _, outcome, _ = ended
    silent = next(trial.id for trial in outcome.trials if trial.number == 5)
    assert set(outcome.wrong) == {silent}
    assert outcome.exit_code == 1


def test_every_record_has_the_parameters_of_nni_and_of_the_journal(ended):
    started, _, events = ended
    ordered = {event["configuration"]: event["parameters"] for event in events if event["event"] == "configuration"}
    runs = {str(event["run"]): event for event in events if event["event"] == "run"}
    in_database = {trial.id: trial.parameters for trial in stored_trials(started.logs.parent)}
    files = list(layout.record_files(started.folder))
    assert len(files) == SAMPLES
    for record in map(records.read, files):
        run = runs[record.parameter_id]
        expected = ordered[run["configuration"]] | {"seed": 0, "data.fold": 0}
        assert json.dumps(record.parameters, sort_keys=True) == json.dumps(expected, sort_keys=True)
        assert in_database[record.trial] == expected
        assert run["continues"] in (None, record.trial)


def test_former_keys_are_refused_by_the_advisor_of_a_new_study(lab: Lab, free_port: Callable[[], int]) -> None:
    """``nnictl create`` checks nothing, so the advisor has to."""
    experiment = nnictl.create(lab.study(tuner=advisor(silence="20s")), free_port())
    started = study.find(experiment)
    _wait_for(lambda: started.manager.status()[0] == "ERROR")
    assert "unknown key 'silence': it is called 'heartbeat_timeout' now" in dispatcher_error(started.logs, since=0)
    study.stop(experiment)


def test_a_study_begun_under_former_names_is_resumed(lab: Lab, free_port: Callable[[], int]) -> None:
    lab.pretend(_2="wait")
    tuner = advisor(sampler="random", samples=4, enqueue=[{"optim.lr": 0.01}], heartbeat_timeout="30s")
    started = study.start(lab.study(tuner=tuner, trialConcurrency=1, maxTrialNumber=8), free_port())
    _wait_for(lambda: len(list(layout.record_files(started.folder))) == 2)
    study.stop(started.id)
    journal, profile = started.folder / JOURNAL, started.logs.parent / "db" / "nni.sqlite"
    with closing(sqlite3.connect(profile)) as connection, connection:
        for name, former in FORMER_NAMES.items():
            journal.write_text(journal.read_text().replace(f'"{name}"', f'"{former}"'))
            change = "update ExperimentProfile set params = replace(params, ?, ?)"
            connection.execute(change, (f'"{name}"', f'"{former}"'))
    written = journal.read_bytes()
    assert b'"known"' in written
    assert stored_profile(started.logs.parent)["params"]["tuner"]["classArgs"]["silence"] == "30s"

    lab.pretend()
    resumed, _ = resume(started.id, free_port())
    outcome = watch(resumed, lambda trials, wrong: None)
    study.stop(resumed.id)
    assert outcome.exit_code == 0
    assert journal.read_bytes().startswith(written)
    origins = [event["origin"] for event in read(journal) if event["event"] == "configuration"]
    assert origins == ["default", "enqueued", "sampled", "sampled"]


def _wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true within {seconds} s"
        time.sleep(0.2)
