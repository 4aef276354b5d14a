"""Real studies of pretended trials: what NNI's manager does with our patch, and what watch reports.

One of them waits for a hanging trial to be stopped; the others run meanwhile.
"""

import json
import math
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request

import pytest
import yaml

from rarepix import layout, records
from rarepix.search.checks import preflight
from rarepix.search.nni import client, nnictl
from rarepix.search.studies import study
from rarepix.search.studies.study import Study, StudyError
from rarepix.search.studies.watch import Outcome, watch
from tests.search.lab import Lab

pytestmark = pytest.mark.full

PRETEND_GPU = Path(__file__).parents[1] / "pretend_gpu.py"
MODES = {"_0": "hang", "_1": "die", "_2": "raise", "_3": "silent", "_4": "unrecorded", "_5": "killed"}
"""Trial number → what goes wrong with it. Trials 6, 7 and 8 are good; 1 dies before it asks for its parameters."""
GOOD = (6, 7, 8)
TIRED = """\
from nni.algorithms.hpo.random_tuner import RandomTuner
class Tired(RandomTuner):
    def receive_trial_result(self, *args, **kwargs):
        raise ValueError('too tired')
"""
"""A tuner that fails at the first result."""


class Finished:
    """A study that has come to its end, its web server still there; and what other studies did meanwhile."""

    def __init__(self, lab: Lab, port: Callable[[], int]) -> None:
        lab.pretend(**MODES)
        lab.patch.setenv("PRETEND_SECONDS", "0.5")
        file = lab.study(maxTrialNumber=9, maxTrialDuration="40s", trialConcurrency=3)
        self.study: Study = study.start(file, port())
        lab.pretend()
        self.found = (study.find(self.study.id), study.find(str(self.study.folder)), study.find())
        self.error, self.alive_after_error = self.start_with_a_bad_tuner(lab, port())
        self.tired = self.run_with_a_tuner_that_dies(lab, port())
        self.on_gpu = OnGpu(lab, port())
        self.lines: list[tuple[int, int]] = []
        self.outcome: Outcome = watch(self.study, lambda trials, wrong: self.lines.append((len(trials), len(wrong))))
        self.by_number = {trial.number: trial for trial in self.outcome.trials}

    def start_with_a_bad_tuner(self, lab: Lab, port: int) -> tuple[str, list[str]]:
        """Return the error, and the studies that run after it."""
        file = lab.study(tuner={"name": "Evolution", "classArgs": {"population_size": "many"}})
        with pytest.raises(StudyError) as error:
            study.start(file, port)
        alive = [experiment.id for experiment in nnictl.list_experiments().values() if experiment.alive]
        return str(error.value), alive

    def run_with_a_tuner_that_dies(self, lab: Lab, port: int) -> Outcome:
        (lab.folder / "tired.py").write_text(TIRED)
        tuner = {"codeDirectory": ".", "className": "tired.Tired"}
        started = study.start(lab.study(tuner=tuner, maxTrialNumber=50, trialConcurrency=1), port)
        return watch(started, lambda trials, wrong: None)

    def record(self, number: int) -> records.TrialRecord:
        """Return the record of a trial."""
        return records.read(
            layout.trial_folder(self.study.folder.parent, self.study.folder.name, self.by_number[number].id)
            / "record.json"
        )


class OnGpu:
    """A study of trials that each need the only GPU of the machine."""

    def __init__(self, lab: Lab, port: int) -> None:
        (lab.folder / "gpu").mkdir()
        shutil.copy(PRETEND_GPU, lab.folder / "gpu" / "pynvml.py")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(lab.folder / "gpu"), prepend=os.pathsep)
            patch.setattr(preflight, "gpu_count", lambda: 1)
            service = {"platform": "local", "useActiveGpu": False}
            started = study.start(lab.study(trialGpuNumber=1, trainingService=service), port)
        self.outcome = watch(started, lambda trials, wrong: None)
        self.jobs = sorted(started.manager.get("trial-jobs"), key=lambda job: job["startTime"])
        self.records = [records.read(file) for file in layout.record_files(started.folder)]


@pytest.fixture(scope="module")
def finished(lab: Lab, free_port: Callable[[], int]) -> Finished:
    return Finished(lab, free_port)


def test_every_trial_ran_the_parameters_that_nni_recorded_for_it(finished: Finished) -> None:
    """Unpatched, one trial that dies before it asks shifts the parameters of all later ones."""
    for number in (3, *GOOD):
        record, trial = finished.record(number), finished.by_number[number]
        assert record.parameters == trial.parameters
        assert record.parameter_id == str(number)
        assert record.trial == trial.id
    assert len({json.dumps(trial.parameters) for trial in finished.outcome.trials}) == 9


def test_the_database_has_the_same_parameters(finished: Finished) -> None:
    with sqlite3.connect(f"file:{finished.study.logs.parent / 'db' / 'nni.sqlite'}?mode=ro", uri=True) as database:
        meant = dict(database.execute("select trialJobId, data from TrialJobEvent where data like '%parameter_id%'"))
        used = dict(database.execute("select trialJobId, parameterId from MetricData where type = 'FINAL'"))
    assert used
    assert {trial: str(json.loads(meant[trial])["parameter_id"]) for trial in used} == used


def test_each_trial_that_does_not_count_is_named_with_its_reason(finished: Finished) -> None:
    reasons = {trial.number: finished.outcome.wrong.get(trial.id) for trial in finished.outcome.trials}
    assert {number for number, reason in reasons.items() if not reason} == set(GOOD)
    assert "left no record" in reasons[1]
    assert reasons[2] == "RuntimeError: pretended trouble"
    assert reasons[3] == "it reported no final objective"
    assert "left no record" in reasons[4]
    assert "left no record" in reasons[5]
    assert reasons[0] == "stopped after maxTrialDuration (40 s)"
    assert finished.outcome.exit_code == 1
    assert finished.outcome.summary() == "3 of 9 trials done, 6 failed"


def test_end_states_are_correct(finished: Finished) -> None:
    """Unpatched, a trial killed by a signal or stopped for its duration shows as USER_CANCELED."""
    assert {number: trial.status for number, trial in finished.by_number.items()} == {
        0: "EARLY_STOPPED", 1: "FAILED", 2: "FAILED", 3: "SUCCEEDED", 4: "SUCCEEDED", 5: "FAILED", 6: "SUCCEEDED",
        7: "SUCCEEDED", 8: "SUCCEEDED",
    }  # fmt: skip


def test_stopping_a_trial_stops_what_it_started(finished: Finished) -> None:
    (file,) = finished.study.code.glob("child-of-*")
    assert not Path("/proc", file.read_text()).exists()


def test_a_trial_runs_in_this_environment(finished: Finished) -> None:
    """No GPU is demanded, none is hidden; the patch is for the manager, not for the trial."""
    environment = finished.record(6).config["environment"]
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert environment["CUDA_VISIBLE_DEVICES"] is None
    assert not environment["NODE_OPTIONS"]


def test_reports_are_read(finished: Finished) -> None:
    good, silent, died = (finished.by_number[number].report for number in (6, 3, 1))
    assert good == client.Report(count=3, value=0.5, final=True)
    assert silent == client.Report(count=3, value=0.2, final=False)
    assert died is None
    assert finished.lines[-1] == (9, 6)


def test_the_manager_listens_on_this_machine_only(finished: Finished) -> None:
    port = f":{finished.study.port:04X}"
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(port)
    ]
    assert listening == [f"0100007F{port}"]


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/api/v1/nni/check-status", "evil.example"),
        ("/logs/..%2f..%2f..%2fetc/passwd", "127.0.0.1"),
        ("/netron/", "127.0.0.1"),
    ],
)
def test_strange_requests_are_refused(finished: Finished, path: str, host: str) -> None:
    with pytest.raises(OSError, match="403"):
        client._open(Request(finished.study.url + path, headers={"Host": host}), timeout=60)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can ask as another user")
def test_other_users_of_the_machine_are_refused(finished: Finished) -> None:
    request = r"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"
    ask = f"exec 3<>/dev/tcp/127.0.0.1/{finished.study.port}; printf '{request}' >&3; cat <&3"
    answer = subprocess.run(
        ["bash", "-c", ask], user=65534, cwd="/", capture_output=True, text=True, timeout=60, check=True
    )
    assert answer.stdout.startswith("HTTP/1.1 403")


def test_a_study_is_found_by_its_id_and_by_its_folder(finished: Finished) -> None:
    assert finished.found == (finished.study,) * 3
    with pytest.raises(StudyError, match="unknown study 'nobody'"):
        study.find("nobody")


def test_a_tuner_that_cannot_begin_is_an_error_at_once(finished: Finished) -> None:
    """nnictl itself reports success here and returns 0."""
    assert re.match(r"the study broke at once: TypeError: 'str' .* Its logs are in", finished.error)
    assert finished.alive_after_error == [finished.study.id]


def test_a_tuner_that_dies_breaks_the_study(finished: Finished) -> None:
    """Unpatched, the study stays RUNNING for ever."""
    assert finished.tired.exit_code == 2
    assert "too tired" in finished.tired.broken


def test_the_only_gpu_of_a_machine_is_lent_to_one_trial_after_the_other(finished: Finished) -> None:
    """Unpatched, NNI never lends the last GPU, and while it waits for one it does not answer any more."""
    assert finished.on_gpu.outcome.exit_code == 0
    first, second = finished.on_gpu.jobs
    assert first["endTime"] <= second["startTime"]
    devices = [record.config["environment"]["CUDA_VISIBLE_DEVICES"] for record in finished.on_gpu.records]
    assert devices == ["0", "0"]


def test_stop_stops(finished: Finished) -> None:
    """The last test: it ends the study that the others look at."""
    study.stop(finished.study.id)
    assert not nnictl.list_experiments()[finished.study.id].alive
    with pytest.raises(client.ManagerUnreachable, match="NNI's manager must answer at"):
        finished.study.manager.status()


@pytest.mark.parametrize(
    ("data", "expected"),
    [('"0.5"', 0.5), ('"{\\"default\\": 0.25}"', 0.25), ('"{\\"loss\\": 1}"', math.nan), ('"\\"text\\""', math.nan)],
)
def test_a_metric_is_json_twice(data: str, expected: float) -> None:
    assert client.reported_objective(data) == pytest.approx(expected, nan_ok=True)


def test_a_study_file_of_the_tests_is_one_of_nni(lab: Lab) -> None:
    assert yaml.safe_load(lab.study().read_text())["trialCommand"].startswith("python -m trials.segment")
