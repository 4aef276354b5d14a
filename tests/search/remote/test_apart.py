"""Two machines in networks of their own, which reach the manager by nothing but SSH; it is killed, and goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from rarepix.search.nni import nnictl
from rarepix.search.studies import resume, study
from rarepix.search.studies.watch import watch
from tests.search.ports import free_port
from tests.search.remote.lab import MachineLab
from tests.search.remote.sshd import Machine
from tests.search.remote.test_loss import hanging, until

pytestmark = pytest.mark.full


def ip(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=False)


class Apart:
    """A network of one machine and this one."""

    def __init__(self, number: int) -> None:
        self.name = f"rarepix{os.getpid()}-{number}"
        self.link = f"rpx{os.getpid() % 100000}-{number}"
        self.here, self.there = (f"10.213.{number}.{end}" for end in (1, 2))

    def build(self) -> str | None:
        """Return why it cannot be built, None if it stands."""
        steps = [
            f"netns add {self.name}",
            f"link add {self.link} type veth peer name eth0 netns {self.name}",
            f"addr add {self.here}/30 dev {self.link}",
            f"link set {self.link} up",
            f"-n {self.name} addr add {self.there}/30 dev eth0",
            f"-n {self.name} link set eth0 up",
            f"-n {self.name} link set lo up",
        ]
        for step in steps:
            done = ip(*step.split())
            if done.returncode:
                return f"ip {step}: {done.stderr.strip()}"
        return None

    def remove(self) -> None:
        ip("netns", "del", self.name)
        ip("link", "del", self.link)


@pytest.fixture
def apart() -> Iterator[list[Apart]]:
    if shutil.which("ip") is None:
        pytest.skip("this machine has no program ip (iproute2), so it cannot make networks")
    networks = [Apart(number) for number in (1, 2)]
    try:
        for network in networks:
            why = network.build()
            if why:
                pytest.skip(f"this machine cannot make networks (only root can, and not in every container): {why}")
        yield networks
    finally:
        for network in networks:
            network.remove()


@pytest.fixture
def lab(apart: list[Apart], tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MachineLab]:
    made = MachineLab(tmp_path, monkeypatch)
    try:
        for machine, network in zip(made.machines, apart, strict=True):
            machine.address = network.there
            machine.environment = {"PRETEND": json.dumps({"0": "hang", "1": "hang"})}
            machine.begin("ip", "netns", "exec", network.name)
        yield made
    finally:
        made.close()


def test_a_study_runs_where_machines_reach_nothing_and_goes_on_when_its_manager_was_killed(
    lab: MachineLab, apart: list[Apart]
) -> None:
    started = study.start(lab.study(maxTrialNumber=3), free_port())
    until(lambda: all(hanging(machine) for machine in lab.machines))
    reach = f"import socket; socket.create_connection(('{apart[0].here}', {started.port}), timeout=5)"
    tried = ip("netns", "exec", apart[0].name, sys.executable, "-c", reach)
    assert "ConnectionRefusedError" in tried.stderr

    before = [process for machine in lab.machines for process in machine.programs()]
    os.kill(nnictl.list_experiments()[started.id].pid, signal.SIGKILL)
    gone, alive = psutil.wait_procs(before, timeout=90)
    assert (len(gone) >= 4, alive) == (True, []), "keepers and trials end by themselves"

    for machine in lab.machines:
        change_mind(machine)
    again, _ = resume.resume(started.id, free_port())
    outcome = watch(again, lambda trials, wrong: None)
    study.stop(again.id)
    assert outcome.broken is None
    assert {trial.number: trial.status for trial in outcome.trials} == dict.fromkeys(range(3), "SUCCEEDED")
    assert outcome.wrong == {}


def change_mind(machine: Machine) -> None:
    """Let its trials do nothing special from now on."""
    network = psutil.Process(machine._sshd.pid)
    inside = ["ip", "netns", "exec", ip("netns", "identify", str(network.pid)).stdout.strip()]
    machine.unplug()
    machine.environment = {}
    machine.begin(*inside)
