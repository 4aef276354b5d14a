"""A manager that was killed, or stopped, and resumed at once on the same port while what it left still runs."""

import json
import os
import signal
import sqlite3
import time
from urllib.request import Request

import pytest

from rarepix.search.nni import client, nnictl
from rarepix.search.nni.processes import lives
from tests.search.nni.patch.plain import Plain, until

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def resumed(plain: Plain) -> Plain:
    """Trials 0 and 1 are running when the manager is killed; then 0 is killed, and 3 dies at once."""
    plain.trials_do(steps=600, pause=10)  # they report to nobody while there is no manager
    plain.create()
    until(lambda: len(plain.manager.ask("metric-data")) >= 2)
    plain.orphans = plain.trial_processes()
    os.kill(plain.process.pid, signal.SIGKILL)
    with sqlite3.connect(plain.data / "db" / "nni.sqlite") as database:
        plain.first_attempts = database.execute("select count(*) from MetricData").fetchone()[0]
        (waited,) = database.execute("select trialJobId from TrialJobEvent where sequenceId = 1 limit 1").fetchone()
        row = (int(time.time() * 1000), waited, "ADD_RESUMED", "", None, None, None, None)
        database.execute(
            "insert into TrialJobEvent values (?, ?, ?, ?, ?, ?, ?, ?)", row
        )  # as if resumed and killed again
    plain.trials_do(steps=3, pause=0.1, _0="killed", _3="die")
    plain.resume()
    ask_for_trials(plain, 5)
    until(lambda: plain.manager.status()[0] in ("DONE", "ERROR"))
    return plain


def ask_for_trials(plain: Plain, number: int) -> None:
    """Set maxTrialNumber, as the web UI does."""
    profile = plain.manager.ask("experiment")
    profile["params"]["maxTrialNumber"] = number
    client._open(
        Request(
            f"{plain.manager.url}/api/v1/nni/experiment?update_type=MAX_TRIAL_NUM",
            json.dumps(profile).encode(),
            {"Content-Type": "application/json"},
            method="PUT",
        )
    )


def test_the_old_tuner_does_not_end_the_new_run(resumed: Plain) -> None:
    """Unpatched: ERROR, "Dispatcher stream error"."""
    assert resumed.manager.status() == ("DONE", [])


def test_every_trial_that_was_running_runs_again_under_its_number(resumed: Plain) -> None:
    jobs = resumed.jobs()
    assert {number: job["status"] for number, job in jobs.items()} == {
        0: "FAILED", 1: "SUCCEEDED", 2: "SUCCEEDED", 3: "FAILED", 4: "SUCCEEDED",
    }  # fmt: skip
    assert len({job["trialJobId"] for job in jobs.values()}) == 5


def test_every_end_is_told_with_the_exit_code_of_the_process(resumed: Plain) -> None:
    ends = {end["trial_job_id"]: end for what, end in resumed.heard() if what == "end"}
    numbers = {job["trialJobId"]: number for number, job in resumed.jobs().items()}
    assert len(ends) == sum(what == "end" for what, _ in resumed.heard())
    assert {numbers[trial]: (end["event"], end["exit_code"]) for trial, end in ends.items()} == {
        0: ("FAILED", None), 1: ("SUCCEEDED", 0), 2: ("SUCCEEDED", 0), 3: ("FAILED", 3), 4: ("SUCCEEDED", 0),
    }  # fmt: skip
    assert json.loads(ends[resumed.jobs()[1]["trialJobId"]]["hyper_params"])["parameter_source"] == "resumed"


def test_the_tuner_hears_all_results_of_a_trial_before_its_end(resumed: Plain) -> None:
    heard = resumed.heard()
    trial = resumed.jobs()[1]["trialJobId"]
    about = [(what, said.get("type"), said.get("sequence")) for what, said in heard if is_about(said, trial)]
    steps = [("metric", "PERIODICAL", step) for step in range(3)]
    assert sorted(about[:4]) == sorted([*steps, ("metric", "FINAL", 0)]) or about[3] == ("end", None, None)
    assert [one for one in about if one[1] != "FINAL"] == [*steps, ("end", None, None)]
    assert ("metric", "FINAL", 0) in about


def is_about(said: object, trial: str) -> bool:
    """Return whether a message names *trial*."""
    return isinstance(said, dict) and said.get("trial_job_id") == trial


def test_a_trial_that_ran_again_shows_its_last_attempt_and_the_database_keeps_all(resumed: Plain) -> None:
    """Unpatched, the curve is drawn twice over."""
    for number in (0, 1):
        trial = resumed.jobs()[number]["trialJobId"]
        shown = resumed.manager.ask(f"metric-data/{trial}?type=PERIODICAL")
        assert [metric["sequence"] for metric in shown] == [0, 1, 2]
    with sqlite3.connect(f"file:{resumed.data / 'db' / 'nni.sqlite'}?mode=ro", uri=True) as database:
        kept = database.execute("select count(*) from MetricData").fetchone()[0]
    assert kept == resumed.first_attempts + 4 * 3 + 3


def test_what_the_killed_manager_left_behind_ends_by_itself(resumed: Plain) -> None:
    """Unpatched, an orphan's result is taken for that of the trial that runs again."""
    assert resumed.orphans
    until(lambda: not any(map(lives, resumed.orphans)))


def test_trial_numbers_go_on_after_a_stop(resumed: Plain) -> None:
    """Unpatched they begin again at 1. (The last test: it ends the experiment.)"""
    nnictl.stop(resumed.id)
    resumed.trials_do(steps=1, pause=0.1)
    resumed.resume()
    ask_for_trials(resumed, 7)
    until(lambda: len([job for job in resumed.manager.ask("trial-jobs") if job["status"] == "SUCCEEDED"]) == 5)
    assert sorted(job["sequenceId"] for job in resumed.manager.ask("trial-jobs")) == list(range(7))
    assert dict(resumed.heard())["start"] == {"preload": "1"}
