"""The advisor inside a real NNI: what it starts, stops and starts again, and what its ledger says of it."""

import json

import pytest

from rarepix import layout, records
from rarepix.layout import JOURNAL
from rarepix.search.checks.advisor import ADVISOR
from rarepix.search.nni import database
from rarepix.search.optimizer.journal import read
from rarepix.search.studies import study
from rarepix.search.studies.watch import Outcome, watch
from tests.search.lab import Lab

pytestmark = pytest.mark.full

SAMPLES = 7
CAUSES = {"1": "crash", "2": "lost", "3": "crash", "4": "hung", "5": "no_result"}
"""Number of a trial that goes wrong → what the advisor is to make of it."""


@pytest.fixture(scope="module")
def ended(lab: Lab, free_port) -> tuple[study.Study, Outcome, list[dict]]:
    """A study of which five trials go wrong in five ways, with what the ledger says at its end."""
    lab.pretend(_1="die", _2="killed", _3="raise", _4="hang", _5="silent")
    retries = {"crash": 3, "lost": 3, "hung": 3}  # a trial that is run again can be the next one that goes wrong
    class_args = {"sampler": "tpe", "seed": 1, "samples": SAMPLES, "silence": "20s", "retries": retries}
    tuner = {"className": ADVISOR, "codeDirectory": ".", "classArgs": class_args}
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


def test_what_was_lost_for_good_is_said(ended):
    _, outcome, _ = ended
    silent = next(trial.id for trial in outcome.trials if trial.number == 5)
    assert set(outcome.wrong) == {silent}
    assert outcome.exit_code == 1


def test_every_record_has_the_parameters_that_nni_and_the_ledger_say(ended):
    started, _, events = ended
    ordered = {event["configuration"]: event["parameters"] for event in events if event["event"] == "configuration"}
    runs = {str(event["run"]): event for event in events if event["event"] == "run"}
    said = {trial.id: trial.parameters for trial in database.trials(started.logs.parent)}
    files = list(layout.record_files(started.folder))
    assert len(files) == SAMPLES
    for record in map(records.read, files):
        run = runs[record.parameter_id]
        expected = ordered[run["configuration"]] | {"seed": 0, "data.fold": 0}
        assert json.dumps(record.parameters, sort_keys=True) == json.dumps(expected, sort_keys=True)
        assert said[record.trial] == expected
        assert run["continues"] in (None, record.trial)
