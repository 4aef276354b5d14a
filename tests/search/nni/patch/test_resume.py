"""A manager that was killed or stopped, and resumed at once on the same port while its orphans still run.

The tests share one experiment; the last two resume it on another address, and with a tuner that cannot be imported.
"""

import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from urllib.request import Request

import pytest

from rarepix.search.nni import client, nnictl
from rarepix.search.nni.orphans import is_running
from tests.search.nni.patch.raw_http import REST, ask, listening
from tests.search.nni.patch.real_experiment import RealExperiment, until

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealExperiment]:
    with pytest.MonkeyPatch.context() as patch:
        made = RealExperiment(tmp_path_factory.mktemp("resume"), patch)
        yield made
        made.end()


@pytest.fixture(scope="module")
def resumed(experiment: RealExperiment) -> RealExperiment:
    """Trials 0 and 1 are running when the manager is killed; then 0 is killed, and 3 dies at once."""
    experiment.set_trials(steps=600, pause=10)  # they report to nobody while there is no manager
    experiment.create()
    until(lambda: len(experiment.manager.get("metric-data")) >= 2)
    experiment.orphans = experiment.trial_processes()
    os.kill(experiment.process.pid, signal.SIGKILL)
    with sqlite3.connect(experiment.data / "db" / "nni.sqlite") as database:
        experiment.first_attempts = database.execute("select count(*) from MetricData").fetchone()[0]
        (waited,) = database.execute("select trialJobId from TrialJobEvent where sequenceId = 1 limit 1").fetchone()
        # as if it had been resumed and killed once more
        add = "insert into TrialJobEvent (timestamp, trialJobId, event, data) values (?, ?, 'ADD_RESUMED', '')"
        database.execute(add, (int(time.time() * 1000), waited))
    experiment.set_trials(steps=3, pause=0.1, _0="killed", _3="die")
    experiment.resume()
    ask_for_trials(experiment, 5)
    until(lambda: experiment.manager.status()[0] in ("DONE", "ERROR"))
    return experiment


def ask_for_trials(experiment: RealExperiment, number: int) -> None:
    """Set maxTrialNumber, as the web UI does."""
    profile = experiment.manager.get("experiment")
    profile["params"]["maxTrialNumber"] = number
    client._open(
        Request(
            f"{experiment.manager.url}/api/v1/nni/experiment?update_type=MAX_TRIAL_NUM",
            json.dumps(profile).encode(),
            {"Content-Type": "application/json"},
            method="PUT",
        )
    )


def test_the_old_tuner_does_not_end_the_new_run(resumed: RealExperiment) -> None:
    """Without the patch: ERROR, "Dispatcher stream error"."""
    assert resumed.manager.status() == ("DONE", [])


def test_every_trial_that_was_running_runs_again_under_its_number(resumed: RealExperiment) -> None:
    jobs = resumed.jobs()
    assert {number: job["status"] for number, job in jobs.items()} == {
        0: "FAILED", 1: "SUCCEEDED", 2: "SUCCEEDED", 3: "FAILED", 4: "SUCCEEDED",
    }  # fmt: skip
    assert len({job["trialJobId"] for job in jobs.values()}) == 5


def test_the_tuner_receives_every_end_with_the_exit_code_of_the_process(resumed: RealExperiment) -> None:
    ends = {end["trial_job_id"]: end for kind, end in resumed.messages() if kind == "end"}
    numbers = {job["trialJobId"]: number for number, job in resumed.jobs().items()}
    assert len(ends) == sum(kind == "end" for kind, _ in resumed.messages())
    assert {numbers[trial]: (end["event"], end["exit_code"]) for trial, end in ends.items()} == {
        0: ("FAILED", None), 1: ("SUCCEEDED", 0), 2: ("SUCCEEDED", 0), 3: ("FAILED", 3), 4: ("SUCCEEDED", 0),
    }  # fmt: skip
    assert json.loads(ends[resumed.jobs()[1]["trialJobId"]]["hyper_params"])["parameter_source"] == "resumed"


def test_the_tuner_receives_all_results_of_a_trial_before_its_end(resumed: RealExperiment) -> None:
    trial = resumed.jobs()[1]["trialJobId"]
    messages = [
        (kind, content.get("type"), content.get("sequence"))
        for kind, content in resumed.messages()
        if isinstance(content, dict) and content.get("trial_job_id") == trial
    ]
    steps = [("metric", "PERIODICAL", step) for step in range(3)]
    assert sorted(messages[:4]) == sorted([*steps, ("metric", "FINAL", 0)]) or messages[3] == ("end", None, None)
    assert [message for message in messages if message[1] != "FINAL"] == [*steps, ("end", None, None)]
    assert ("metric", "FINAL", 0) in messages


def test_a_trial_that_ran_again_shows_its_last_attempt_and_the_database_keeps_all(resumed: RealExperiment) -> None:
    """Without the patch, the curve is drawn twice."""
    for number in (0, 1):
        trial = resumed.jobs()[number]["trialJobId"]
        shown = resumed.manager.get(f"metric-data/{trial}?type=PERIODICAL")
        assert [metric["sequence"] for metric in shown] == [0, 1, 2]
    with sqlite3.connect(f"file:{resumed.data / 'db' / 'nni.sqlite'}?mode=ro", uri=True) as database:
        kept = database.execute("select count(*) from MetricData").fetchone()[0]
    assert kept == resumed.first_attempts + 4 * 3 + 3


def test_the_orphans_of_the_killed_manager_end_by_themselves(resumed: RealExperiment) -> None:
    """Without the patch, a result of an orphan becomes that of the trial that runs again."""
    assert resumed.orphans
    until(lambda: not any(map(is_running, resumed.orphans)))


@pytest.fixture(scope="module")
def reopened(resumed: RealExperiment) -> RealExperiment:
    """Stop it, and resume it on another address of this machine."""
    nnictl.stop(resumed.id)
    resumed.patch.setenv("RAREPIX_NNI_HOST", "127.0.0.2")
    resumed.patch.setenv("RAREPIX_NNI_NAMES", "study.example")
    resumed.set_trials(steps=1, pause=0.1)
    resumed.resume()
    ask_for_trials(resumed, 7)
    until(lambda: [job["status"] for job in resumed.manager.get("trial-jobs")].count("SUCCEEDED") == 5)
    return resumed


def test_trial_numbers_continue_after_a_stop(reopened: RealExperiment) -> None:
    """Without the patch they begin again at 1."""
    assert sorted(job["sequenceId"] for job in reopened.manager.get("trial-jobs")) == list(range(7))
    assert dict(reopened.messages())["start"] == {"patch": "1"}


def test_another_address_can_be_opened_and_answers_to_its_names_only(reopened: RealExperiment) -> None:
    """Trials and tuner still use 127.0.0.1: new trials have succeeded."""
    assert listening(reopened.process) == {"127.0.0.1", "127.0.0.2"}
    for host, status in (("study.example", "200 OK"), ("127.0.0.2", "200 OK"), ("other", "403 Forbidden")):
        answer = ask(reopened.port, f"GET {REST}/version", f"Host: {host}:{reopened.port}", address="127.0.0.2")
        assert answer == f"HTTP/1.1 {status}"


def test_a_tuner_that_cannot_be_imported_breaks_the_experiment(reopened: RealExperiment) -> None:
    """The last test. Plain NNI waits for the tuner to connect, even if it has ended."""
    nnictl.stop(reopened.id)
    (reopened.folder / "logging_advisor.py").write_text("import no_such_module\n")
    reopened.resume()
    until(lambda: reopened.manager.status()[0] == "ERROR")
    assert reopened.manager.status()[1] == ["the tuner or assessor has ended: see dispatcher.log"]
