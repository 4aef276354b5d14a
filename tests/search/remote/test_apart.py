"""A study on two machines in separate networks, connected by SSH only; its manager is killed, and it is resumed."""

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


class Network:
    """A network of one machine and this one."""

    def __init__(self, number: int) -> None:
        self.name = f"rarepix{os.getpid()}-{number}"
        self.link = f"rpx{os.getpid() % 100000}-{number}"
        self.local, self.remote = (f"10.213.{number}.{end}" for end in (1, 2))

    def build(self) -> str | None:
        """Build it; return why it cannot be built, None if it can."""
        steps = [
            f"netns add {self.name}",
            f"link add {self.link} type veth peer name eth0 netns {self.name}",
            f"addr add {self.local}/30 dev {self.link}",
            f"link set {self.link} up",
            f"-n {self.name} addr add {self.remote}/30 dev eth0",
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
def networks() -> Iterator[list[Network]]:
    if shutil.which("ip") is None:
        pytest.skip("this machine has no program ip (iproute2), so it cannot make networks")
    built = [Network(number) for number in (1, 2)]
    try:
        for network in built:
            why = network.build()
            if why:
                pytest.skip(f"this machine cannot make networks (only root can, and not in every container): {why}")
        yield built
    finally:
        for network in built:
            network.remove()


@pytest.fixture
def lab(networks: list[Network], tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MachineLab]:
    made = MachineLab(tmp_path, monkeypatch)
    try:
        for machine, network in zip(made.machines, networks, strict=True):
            machine.address = network.remote
            machine.environment = {"PRETEND": json.dumps({"0": "hang", "1": "hang"})}
            machine.begin("ip", "netns", "exec", network.name)
        yield made
    finally:
        made.close()


def test_a_study_runs_on_isolated_machines_and_is_resumed_after_its_manager_was_killed(
    lab: MachineLab, networks: list[Network]
) -> None:
    started = study.start(lab.study(maxTrialNumber=3, maxTrialDuration="1h"), free_port())
    until(lambda: all(hanging(machine) for machine in lab.machines))
    reach = f"import socket; socket.create_connection(('{networks[0].local}', {started.port}), timeout=5)"
    attempt = ip("netns", "exec", networks[0].name, sys.executable, "-c", reach)
    assert "ConnectionRefusedError" in attempt.stderr

    before = [process for machine in lab.machines for process in machine.programs()]
    os.kill(nnictl.list_experiments()[started.id].pid, signal.SIGKILL)
    gone, alive = psutil.wait_procs(before, timeout=240)
    assert (len(gone) >= 4, alive) == (True, []), "remote runners and trials end by themselves"

    for machine in lab.machines:
        pretend_nothing(machine)
    resumed, _ = resume.resume(started.id, free_port())
    outcome = watch(resumed, lambda trials, wrong: None)
    study.stop(resumed.id)
    assert outcome.broken is None
    assert {trial.number: trial.status for trial in outcome.trials} == dict.fromkeys(range(3), "SUCCEEDED")
    assert outcome.wrong == {}


def pretend_nothing(machine: Machine) -> None:
    """Restart the machine so that its trials do not hang any more."""
    network = psutil.Process(machine._sshd.pid)
    inside = ["ip", "netns", "exec", ip("netns", "identify", str(network.pid)).stdout.strip()]
    machine.unplug()
    machine.environment = {}
    machine.begin(*inside)
