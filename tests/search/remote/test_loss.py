"""Real studies that lose machines, at the same time: one with NNI's own tuner, one with the advisor, which retries.

The first runs on two machines, of which one does not answer for a while and the other is lost with its disk. The second
runs on two others and loses one in the middle of a trial.
"""

import csv
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from rarepix import layout, records
from rarepix.cli import app
from rarepix.layout import JOURNAL
from rarepix.search.checks.tuner import ADVISOR
from rarepix.search.nni import nnictl
from rarepix.search.nni.client import Trial
from rarepix.search.nni.trial_io import RECORD_KEY
from rarepix.search.optimizer.journal import read
from rarepix.search.remote.fetch import fetch_results
from rarepix.search.studies import study
from rarepix.search.studies.study import Study
from rarepix.search.studies.watch import Outcome, watch
from tests.search.ports import free_port
from tests.search.remote.lab import MachineLab
from tests.search.remote.sshd import Machine

pytestmark = pytest.mark.full

TRIALS = 8
HANGING = (0, 4, 5)
"""Numbers of the trials that run when their machine is frozen or lost."""
WAITING = 1
"""Number of the trial that waits on the other machine until the first is given up: none is placed there before."""
SAMPLES = 3
RETRIED = 1
"""Number of the search's trial that runs when its machine is lost."""

STRANGERS = [
    "GET /api/v1/nni/check-status HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /platform/remote/1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n",
    "GET /platform/remote/1?run=0123 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n",
    "x" * 10000,
]
"""What another user of a machine might send to the port that leads to the manager."""


class Survived:
    """The study with NNI's own tuner, after both of its machines were away."""

    def __init__(self, lab: MachineLab) -> None:
        self.machines = lab.machines[:2]
        for machine in self.machines:
            machine.environment = {
                "PRETEND": json.dumps({**dict.fromkeys(map(str, HANGING), "hang"), str(WAITING): "wait"}),
                "PRETEND_SECONDS": "1",
            }
            machine.begin()
        tuner = {"name": "TPE", "classArgs": {"optimize_mode": "maximize"}}
        file = lab.study(self.machines, maxTrialNumber=TRIALS, maxTrialDuration="1h", tuner=tuner, debug=True)
        self.study: Study = study.start(file, free_port())

    def lose_machines(self) -> None:
        """Freeze one machine until the study has given it up, thaw it, and lose the other with its disk."""
        self.silent = self.machine_of(0)
        self.lost = next(machine for machine in self.machines if machine is not self.silent)
        until(lambda: hanging(self.silent))
        frozen = self.silent.trials()
        self.environment = frozen[0].environ()
        self.listening = {entry for machine in self.machines for entry in addresses(machine)}
        self.answers = [send(port, request) for port in forwarded_ports(self.silent) for request in STRANGERS]
        self.silent.freeze()
        until(lambda: self.job(0)["status"] == "FAILED")
        (self.code_on(self.lost) / "go-on").touch()
        until(lambda: len(hanging(self.lost)) == 2)
        self.while_silent = {number: self.job(number)["status"] for number in range(6)}
        self.silent.thaw()
        until(lambda: not any(process.is_running() for process in frozen))
        until(lambda: "is used again" in self.log())
        self.lost.unplug()
        self.lost.burn()

    def finish(self) -> None:
        """Follow the study to its end and fetch its results twice."""
        self.outcome: Outcome = watch(self.study, lambda trials, wrong: None)
        self.numbers = {trial.run: trial.number for trial in self.outcome.trials}
        self.places = {number: self.machine_of(number) for number in range(TRIALS)}
        self.jobs = self.study.manager.get("trial-jobs")
        self.exported = self.study.manager.get("export-data")
        self.fetched = fetch_results(self.study.id)
        self.again = fetch_results(self.study.id)

    def job(self, number: int) -> dict:
        """Return one of NNI's trial jobs (an empty one before it is there)."""
        jobs = self.study.manager.get("trial-jobs")
        return next((job for job in jobs if job.get("sequenceId") == number), {"status": None})

    def machine_of(self, number: int) -> Machine:
        """Return the machine that a trial ran on."""
        until(lambda: "logPath" in self.job(number))
        place = re.search(r"/remote-worker(\d+)/", self.job(number)["logPath"])[1]
        return self.machines[int(place) - 1]

    def code_on(self, machine: Machine) -> Path:
        """Return the folder in which trials run on a machine."""
        environments = machine.home / "nni-experiments" / self.study.id / "environments"
        return environments / f"remote-worker{self.machines.index(machine) + 1}" / "upload" / "trial_code"

    def log(self) -> str:
        """Return what the manager has logged."""
        return (self.study.logs / "nnimanager.log").read_text()

    def folder(self, number: int) -> Path:
        """Return the folder of a trial, here."""
        (run,) = [run for run, other in self.numbers.items() if other == number]
        return self.study.folder / "trials" / run


class Searched:
    """The search of the advisor, after it has lost a machine."""

    def __init__(self, lab: MachineLab) -> None:
        self.machines = lab.machines[2:]
        for machine in self.machines:
            machine.environment = {"PRETEND": json.dumps({str(RETRIED): "hang"}), "PRETEND_SECONDS": "1"}
            machine.begin()
        tuner = {"className": ADVISOR, "codeDirectory": ".", "classArgs": {"seed": 1, "samples": SAMPLES}}
        file = lab.study(self.machines, tuner=tuner, maxTrialNumber=2 * SAMPLES, maxTrialDuration="1h")
        self.study: Study = study.start(file, free_port())

    def lose_machine(self) -> None:
        """Lose the machine with the hanging trial, with its disk."""
        until(lambda: any(hanging(machine) for machine in self.machines))
        lost = next(machine for machine in self.machines if hanging(machine))
        lost.unplug()
        lost.burn()

    def finish(self) -> None:
        """Follow the search to its end."""
        self.outcome: Outcome = watch(self.study, lambda trials, wrong: None)
        self.jobs = {job["trialJobId"]: job for job in self.study.manager.get("trial-jobs")}

    def machine_of(self, trial: Trial) -> str:
        """Return NNI's name of the machine that a trial ran on."""
        return re.search(r"/(remote-worker\d+)/", self.jobs[trial.id]["logPath"])[1]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Survived, Searched]]:
    with pytest.MonkeyPatch.context() as patch:
        lab = MachineLab(tmp_path_factory.mktemp("machines"), patch, names=("one", "two", "three", "four"))
        try:
            survived, searched = Survived(lab), Searched(lab)
            searched.lose_machine()
            survived.lose_machines()
            searched.finish()
            survived.finish()
            yield survived, searched
        finally:
            lab.close()


@pytest.fixture
def survived(both: tuple[Survived, Searched]) -> Survived:
    return both[0]


@pytest.fixture
def searched(both: tuple[Survived, Searched]) -> Searched:
    return both[1]


def test_a_lost_machine_costs_only_its_running_trials(survived: Survived) -> None:
    """Unpatched, the study stalls when a machine does not answer, and its manager ends when one cannot be reached."""
    ends = {trial.number: trial.status for trial in survived.outcome.trials}
    assert ends == {number: "FAILED" if number in HANGING else "SUCCEEDED" for number in range(TRIALS)}
    assert survived.outcome.broken is None
    assert {survived.numbers[trial] for trial in survived.outcome.wrong} == set(HANGING)


def test_the_other_machine_continues_meanwhile(survived: Survived) -> None:
    assert survived.while_silent == {0: "FAILED", **dict.fromkeys((1, 2, 3), "SUCCEEDED"), 4: "RUNNING", 5: "RUNNING"}
    assert {number for number, machine in survived.places.items() if machine is survived.lost} == {1, 2, 3, 4, 5}


def test_a_machine_is_used_again_when_it_is_back(survived: Survived) -> None:
    """Under its old name; by then its orphaned processes have been ended."""
    assert {number for number, machine in survived.places.items() if machine is survived.silent} == {0, 6, 7}


def test_every_folder_of_a_reachable_machine_is_fetched(survived: Survived) -> None:
    assert {survived.numbers[trial] for trial in survived.fetched.fetched} == {6, 7}
    for number in (6, 7):
        record = records.read(survived.folder(number) / "record.json")
        assert record.status is records.Status.COMPLETE
        assert (survived.folder(number) / record.files["history"]).is_file()


def test_the_records_of_a_lost_machine_are_kept(survived: Survived) -> None:
    parameters = {trial.number: trial.parameters for trial in survived.outcome.trials}
    for number in (1, 2, 3):
        record = records.read(survived.folder(number) / "record.json")
        assert record.status is records.Status.COMPLETE
        assert record.parameters == parameters[number]
        assert record.counts["val"]["thing"].tp == 1
        assert record.files == {}, "a record must not name files that are lost"


def test_fetch_reports_what_was_fetched_and_what_was_not(survived: Survived) -> None:
    first, again = survived.fetched, survived.again
    assert not first.complete
    assert {survived.numbers[trial] for trial in first.missing} == set(HANGING)
    assert {survived.numbers[trial] for trial in first.record_only} == {1, 2, 3}
    assert len(first.unreachable) == 1
    assert str(survived.lost.port) in first.unreachable[0]
    assert again.fetched == {}
    assert set(again.already_here) == set(first.fetched)
    assert (again.missing, again.record_only) == (first.missing, first.record_only)
    assert list((survived.study.folder / "trials").glob(".*")) == []


def test_tuner_and_export_accept_a_report_with_a_record(survived: Survived) -> None:
    """NNI's TPE has learnt from it: it finished the study."""
    values = [json.loads(row["value"]) for row in survived.exported]
    assert len(values) == TRIALS - len(HANGING)
    assert all(value["default"] == 0.5 and isinstance(value[RECORD_KEY], str) for value in values)
    file = survived.study.code / "exported.csv"
    nnictl.run("experiment", "export", survived.study.id, "--filename", str(file), "--type", "csv")
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert {row["default"] for row in rows} == {"0.5"}


def test_the_web_ui_gets_only_scores(survived: Survived) -> None:
    """It would plot the packed record as a score."""
    finals = [job["finalMetricData"][0]["data"] for job in survived.jobs if job.get("finalMetricData")]
    assert [json.loads(json.loads(data))["default"] for data in finals] == [0.5] * (TRIALS - len(HANGING))
    assert not any(RECORD_KEY in data for data in finals)


def test_a_machine_runs_the_code_that_was_sent(survived: Survived) -> None:
    source = Path(survived.environment["PYTHONPATH"].split(":")[0])
    assert source.parts[-3:] == ("upload", "trial_code", "src")


def test_no_machine_is_upgraded_by_nni(survived: Survived) -> None:
    assert "print(nni.__version__)" in survived.log()
    assert "pip install" not in survived.log()


def test_the_machines_listen_on_their_loopback_only(survived: Survived) -> None:
    assert survived.listening
    assert {address for address in survived.listening if not address.startswith("127.")} == set()


def test_only_the_remote_runner_may_use_the_way_back(survived: Survived) -> None:
    """Whoever could use it could run programs as the user of the manager."""
    assert len(survived.answers) == len(STRANGERS)
    assert {answer.partition(b"\r\n")[0] for answer in survived.answers} == {b"HTTP/1.1 403 Forbidden"}


def test_every_configuration_of_the_search_is_done_once(searched: Searched) -> None:
    assert searched.outcome.exit_code == 0, searched.outcome
    assert searched.outcome.summary() == f"{SAMPLES} of {SAMPLES} trials done, 1 tried again"
    left = [records.read(file) for file in layout.record_files(searched.study.folder)]
    assert [record.status for record in left] == [records.Status.COMPLETE] * SAMPLES
    assert len({record.parameters["optim.lr"] for record in left}) == SAMPLES


def test_the_lost_trial_is_retried_on_another_machine_under_its_name(searched: Searched) -> None:
    lost = next(trial for trial in searched.outcome.trials if trial.number == RETRIED)
    retry = next(trial for trial in searched.outcome.trials if trial.parameters.get("continues") == lost.id)
    assert (lost.status, retry.status) == ("FAILED", "SUCCEEDED")
    assert searched.machine_of(lost) != searched.machine_of(retry)
    record = records.read(searched.study.folder / "trials" / lost.id / "record.json")
    assert record.parameters == lost.parameters


def test_the_journal_has_the_reason_of_the_retry(searched: Searched) -> None:
    ends = [event for event in read(searched.study.folder / JOURNAL) if event["event"] == "end"]
    assert sorted(event["cause"] for event in ends if event["cause"]) == ["lost"]


def test_no_process_is_left_when_the_study_is_stopped(survived: Survived) -> None:
    """The last test: it ends the study that the others look at."""
    study.stop(survived.study.id)
    until(lambda: not [machine for machine in survived.machines if list(machine.programs())])
    answer = CliRunner().invoke(app, ["study", "fetch", str(survived.study.folder)])
    assert answer.exit_code == 1
    assert f"{len(survived.fetched.fetched)} here already" in answer.output
    assert "must accept the login, but" in answer.output


def hanging(machine: Machine) -> list[psutil.Process]:
    """Return the trials of a machine that hang: those that have started a process of their own."""
    return [trial for trial in machine.trials() if trial.is_running() and trial.children()]


def addresses(machine: Machine) -> Iterator[str]:
    """Yield the addresses on which a machine's programs listen, its sshd's own port aside."""
    for process in machine.processes():
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                yield connection.laddr.ip


def forwarded_ports(machine: Machine) -> list[int]:
    """Return the ports on which a machine's sshd listens besides its own."""
    return [
        connection.laddr.port
        for process in machine.processes()
        if process.name().startswith("sshd")
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port != machine.port
    ]


def send(port: int, request: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stranger:
        stranger.sendall(request.encode())
        return stranger.recv(1000)


def until(holds: Callable[[], object], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.3)
