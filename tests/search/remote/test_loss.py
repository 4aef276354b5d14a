"""A real study on two machines, of which one falls silent for a while and one is lost with its disk."""

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

from rarepix import records
from rarepix.cli import app
from rarepix.search.nni import nnictl
from rarepix.search.nni.record_transfer import KEY
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
"""Numbers of the trials during which their machines are taken away."""


STRANGERS = [
    "GET /api/v1/nni/check-status HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /platform/remote/1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n",
    "GET /platform/remote/1?run=0123 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n",
    "x" * 10000,
]
"""What another user of a machine might say to the port that leads to the manager."""


class Survived:
    """The study, after it has lost what it could lose."""

    def __init__(self, lab: MachineLab) -> None:
        self.machines = lab.machines
        for machine in self.machines:
            machine.environment = {
                "PRETEND": json.dumps(dict.fromkeys(map(str, HANGING), "hang")),
                "PRETEND_SECONDS": "1",
            }
            machine.begin()
        tuner = {"name": "TPE", "classArgs": {"optimize_mode": "maximize"}}
        self.study: Study = study.start(lab.study(maxTrialNumber=TRIALS, tuner=tuner, debug=True), free_port())
        self.silent = self.machine_of(0)
        self.lost = next(machine for machine in self.machines if machine is not self.silent)
        until(lambda: hanging(self.silent))
        orphans = self.silent.trials()
        self.environment = orphans[0].environ()
        self.listening = {entry for machine in self.machines for entry in addresses(machine)}
        self.knocks = [knock(port, request) for port in ways_back(self.silent) for request in STRANGERS]
        self.silent.freeze()
        until(lambda: self.job(0)["status"] == "FAILED")
        until(lambda: len(hanging(self.lost)) == 2)
        self.while_silent = {number: self.job(number)["status"] for number in range(6)}
        self.silent.thaw()
        until(lambda: not any(process.is_running() for process in orphans))
        until(lambda: "is used again" in self.log())
        self.lost.unplug()
        self.lost.burn()
        self.outcome: Outcome = watch(self.study, lambda trials, wrong: None)
        self.numbers = {trial.run: trial.number for trial in self.outcome.trials}
        self.places = {number: self.machine_of(number) for number in range(TRIALS)}
        self.jobs = self.study.manager.ask("trial-jobs")
        self.exported = self.study.manager.ask("export-data")
        self.gathered = fetch_results(self.study.id)
        self.again = fetch_results(self.study.id)

    def job(self, number: int) -> dict:
        """Return one of NNI's trial jobs (an empty one before it is there)."""
        jobs = self.study.manager.ask("trial-jobs")
        return next((job for job in jobs if job.get("sequenceId") == number), {"status": None})

    def machine_of(self, number: int) -> Machine:
        """Return the machine that a trial ran on."""
        until(lambda: "logPath" in self.job(number))
        place = re.search(r"/remote-worker(\d+)/", self.job(number)["logPath"])[1]
        return self.machines[int(place) - 1]

    def log(self) -> str:
        """Return what the manager has logged."""
        return (self.study.logs / "nnimanager.log").read_text()

    def folder(self, number: int) -> Path:
        """Return the folder of a trial, here."""
        (run,) = [run for run, other in self.numbers.items() if other == number]
        return self.study.folder / "trials" / run


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survived]:
    with pytest.MonkeyPatch.context() as patch:
        lab = MachineLab(tmp_path_factory.mktemp("machines"), patch)
        try:
            yield Survived(lab)
        finally:
            lab.close()


def test_a_lost_machine_costs_its_running_trials_alone(survived: Survived) -> None:
    """Unpatched, the study stalls when a machine falls silent, and its manager ends when one cannot be reached."""
    ends = {trial.number: trial.status for trial in survived.outcome.trials}
    assert ends == {number: "FAILED" if number in HANGING else "SUCCEEDED" for number in range(TRIALS)}
    assert survived.outcome.broken is None
    assert {survived.numbers[trial] for trial in survived.outcome.wrong} == set(HANGING)


def test_the_other_machine_goes_on_meanwhile(survived: Survived) -> None:
    assert survived.while_silent == {0: "FAILED", **dict.fromkeys((1, 2, 3), "SUCCEEDED"), 4: "RUNNING", 5: "RUNNING"}
    assert {number for number, machine in survived.places.items() if machine is survived.lost} == {1, 2, 3, 4, 5}


def test_a_machine_is_used_again_when_it_is_back(survived: Survived) -> None:
    """Under its old name; by then its orphans have been ended."""
    assert {number for number, machine in survived.places.items() if machine is survived.silent} == {0, 6, 7}


def test_every_folder_of_a_machine_that_is_there_comes_home(survived: Survived) -> None:
    assert {survived.numbers[trial] for trial in survived.gathered.brought} == {6, 7}
    for number in (6, 7):
        record = records.read(survived.folder(number) / "record.json")
        assert record.status is records.Status.COMPLETE
        assert (survived.folder(number) / record.files["history"]).is_file()


def test_what_a_lost_machine_had_counted_is_here(survived: Survived) -> None:
    parameters = {trial.number: trial.parameters for trial in survived.outcome.trials}
    for number in (1, 2, 3):
        record = records.read(survived.folder(number) / "record.json")
        assert record.status is records.Status.COMPLETE
        assert record.parameters == parameters[number]
        assert record.counts["val"]["thing"].tp == 1
        assert record.files == {}, "files that are not here must not be named"


def test_gathering_says_what_came_and_what_did_not(survived: Survived) -> None:
    first, again = survived.gathered, survived.again
    assert not first.complete
    assert {survived.numbers[trial] for trial in first.missing} == set(HANGING)
    assert {survived.numbers[trial] for trial in first.reported} == {1, 2, 3}
    assert len(first.unreachable) == 1
    assert str(survived.lost.port) in first.unreachable[0]
    assert again.brought == {}
    assert set(again.here) == set(first.brought)
    assert (again.missing, again.reported) == (first.missing, first.reported)
    assert list((survived.study.folder / "trials").glob(".*")) == []


def test_tuner_and_export_take_a_report_with_a_record(survived: Survived) -> None:
    """NNI's TPE has learnt from it (above it finished the study)."""
    values = [json.loads(row["value"]) for row in survived.exported]
    assert len(values) == TRIALS - len(HANGING)
    assert all(value["default"] == 0.5 and isinstance(value[KEY], str) for value in values)
    file = survived.study.code / "exported.csv"
    nnictl.run("experiment", "export", survived.study.id, "--filename", str(file), "--type", "csv")
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert {row["default"] for row in rows} == {"0.5"}


def test_the_web_ui_is_given_scores_alone(survived: Survived) -> None:
    """It would draw the packed record as a score, all over its plots."""
    finals = [job["finalMetricData"][0]["data"] for job in survived.jobs if job.get("finalMetricData")]
    assert [json.loads(json.loads(data))["default"] for data in finals] == [0.5] * (TRIALS - len(HANGING))
    assert not any(KEY in data for data in finals)


def test_a_machine_runs_the_code_that_was_sent(survived: Survived) -> None:
    source = Path(survived.environment["PYTHONPATH"].split(":")[0])
    assert source.parts[-3:] == ("upload", "trial_code", "src")


def test_no_machine_is_upgraded_by_nni(survived: Survived) -> None:
    assert "print(nni.__version__)" in survived.log()
    assert "pip install" not in survived.log()


def test_the_machines_listen_to_themselves_alone(survived: Survived) -> None:
    assert survived.listening
    assert {address for address in survived.listening if not address.startswith("127.")} == set()


def test_the_way_back_is_for_the_keeper_alone(survived: Survived) -> None:
    """Whoever got through could run programs as the user of the manager."""
    assert len(survived.knocks) == len(STRANGERS)
    assert {answer.partition(b"\r\n")[0] for answer in survived.knocks} == {b"HTTP/1.1 403 Forbidden"}


def test_nothing_is_left_when_the_study_is_stopped(survived: Survived) -> None:
    """The last test: it ends the study that the others look at."""
    study.stop(survived.study.id)
    until(lambda: not [machine for machine in survived.machines if list(machine.programs())])
    told = CliRunner().invoke(app, ["study", "gather", str(survived.study.folder)])
    assert told.exit_code == 1
    assert f"{len(survived.gathered.brought)} here already" in told.output
    assert "must let us in, but" in told.output


def hanging(machine: Machine) -> list[psutil.Process]:
    """Return the trials of a machine that have started a process of their own, which is when they hang."""
    return [trial for trial in machine.trials() if trial.is_running() and trial.children()]


def addresses(machine: Machine) -> Iterator[str]:
    """Yield the addresses on which a machine's programs listen, its sshd's own port aside."""
    for process in machine.processes():
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                yield connection.laddr.ip


def ways_back(machine: Machine) -> list[int]:
    """Return the ports on which a machine's sshd listens besides its own."""
    return [
        connection.laddr.port
        for process in machine.processes()
        if process.name().startswith("sshd")
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port != machine.port
    ]


def knock(port: int, request: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as stranger:
        stranger.sendall(request.encode())
        return stranger.recv(1000)


def until(holds: Callable[[], object], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.3)
