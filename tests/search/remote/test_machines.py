"""Machines that cannot run trials are refused before anything starts, each with what to do."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rarepix.config import TrialConfig
from rarepix.search.checks import machines, preflight
from rarepix.search.checks.probe import PACKAGES
from rarepix.search.nni.study_file import read_study
from rarepix.settings import ConfigError
from tests.search.ports import free_port
from tests.search.remote.lab import MachineLab
from tests.search.remote.sshd import Machine, new_key

pytestmark = pytest.mark.full

REHEARSE = machines.rehearse  # the lab puts another in its place
GOOD = {"versions": dict.fromkeys(PACKAGES, "0"), "gpus": 0, "free": 2**40, "complaints": []}


@pytest.fixture
def machine(lab: MachineLab) -> Machine:
    return lab.machines[0]


@pytest.fixture
def check(lab: MachineLab) -> Callable[..., None]:
    def check(*entries: object, **changes: Any) -> None:
        service = {"platform": "remote", "machineList": list(entries)}
        preflight.check(lab.study(**{"trainingService": service} | changes))

    return check


def test_a_machine_with_everything_is_taken(check: Callable[..., None], machine: Machine) -> None:
    check(machine.entry())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sshKeyFile": "nowhere"}, r"sshKeyFile must be a readable file, but .*nowhere: No such file .*: make one"),
        ({"password": "secret"}, r"machine 1: password must not be given, since NNI .* shows it"),
        ({"sshPassphrase": "secret"}, r"machine 1: sshPassphrase must not be given"),
        ({"user": None}, r"machine 1: user must be given, but is not"),
        ({"usr": "me"}, r"machine 1: unknown key 'usr': did you mean 'user'"),
        ({"host": "-oProxyCommand=touch x"}, r"machine 1: host: .* but got '-oProxyCommand=touch x'"),
        ({"port": 70000}, r"machine 1: port: .* but got 70000"),
        ({"host": "nowhere.invalid"}, r"nowhere.invalid:\d+ must let us in, but: .*: correct the name"),
        ({"pythonPath": "/nowhere"}, r"pythonPath must be the folder of a Python there, but /nowhere/python .*: set"),
    ],
)
def test_a_wrong_entry_is_refused(
    check: Callable[..., None], machine: Machine, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check(machine.entry(**changes))


def test_a_machine_that_is_off_is_named_beside_one_that_is_on(check: Callable[..., None], machine: Machine) -> None:
    port = free_port()
    with pytest.raises(
        ConfigError, match=rf"^\w+@127.0.0.1:{port} must let us in, but: .*refused: switch it on, or try"
    ):
        check(machine.entry(), machine.entry(port=port))


@pytest.mark.parametrize(
    ("machines", "message"), [([], "must list at least one"), ([3], "with host and user, but got 3")]
)
def test_a_list_of_no_machines_is_refused(check: Callable[..., None], machines: list, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(*machines)


def test_each_machine_stands_in_the_list_once(check: Callable[..., None], machine: Machine) -> None:
    with pytest.raises(ConfigError, match=r"must name each machine once, but names .* again"):
        check(machine.entry(), machine.entry(pythonPath=None))


def test_keys_that_open_nothing_are_refused(check: Callable[..., None], machine: Machine, tmp_path: Path) -> None:
    strange = new_key(tmp_path / "strange")
    with pytest.raises(ConfigError, match=r"Permission denied .*: let the key in with `ssh-copy-id -i .*strange.pub"):
        check(machine.entry(sshKeyFile=str(strange)))
    with pytest.raises(ConfigError, match=rf"{strange}.pub is its public half: give {strange}$"):
        check(machine.entry(sshKeyFile=f"{strange}.pub"))
    with pytest.raises(ConfigError, match="without a passphrase"):
        check(machine.entry(sshKeyFile=str(new_key(tmp_path / "locked", "secret"))))
    strange.chmod(0o644)
    with pytest.raises(ConfigError, match=f"others may read {strange}: chmod 600 it"):
        check(machine.entry(sshKeyFile=str(strange)))
    (tmp_path / "text").write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(ConfigError, match=r"must be a secret key of OpenSSH's, but .*text begins with"):
        check(machine.entry(sshKeyFile=str(tmp_path / "text")))


def test_another_host_under_a_known_name_is_refused(check: Callable[..., None], lab: MachineLab) -> None:
    """NNI itself would take it."""
    other = lab.machines[1]
    other.begin()
    check(other.entry())
    other.unplug()
    (other.folder / "host_key").unlink()
    new_key(other.folder / "host_key")
    other.begin()
    with pytest.raises(ConfigError, match=r"Host key verification failed.*: if .* on purpose, .*ssh-keygen -R "):
        check(other.entry())


def test_data_are_looked_for_where_each_machine_has_them(
    check: Callable[..., None], lab: MachineLab, machine: Machine
) -> None:
    names = machine.home / ".config" / "rarepix" / "paths.env"
    kept = names.read_text()
    names.write_text("PRETENDED_DATA=/nowhere\n")
    with pytest.raises(ConfigError, match=rf":{machine.port}: data.root must be a folder there, but /nowhere is not"):
        check(machine.entry())
    names.write_text("")
    with pytest.raises(ConfigError, match=rf":{machine.port}: data.root: every variable .* '\$PRETENDED_DATA'"):
        check(machine.entry())
    names.write_text(kept)
    with pytest.raises(ConfigError, match=r"data.root must be a path that means something on other machines"):
        check(machine.entry(), trialCommand="python -m trials.segment --recipe tiny.yaml --set data.root=data")


def test_a_gpu_that_is_wanted_must_be_there(check: Callable[..., None], machine: Machine) -> None:
    with pytest.raises(ConfigError, match=r"trialGpuNumber demands 64 GPU for a trial, but that machine shows \d"):
        check(machine.entry(), trialGpuNumber=64)


@pytest.mark.parametrize(
    ("answer", "uploads", "message"),
    [
        (
            {"versions": GOOD["versions"] | {"nni": "2.10"}},
            True,
            "nni must be 3.0 on every machine, but there it is 2.10",
        ),
        ({}, True, "torch must be the same on every machine, .* and there 0: make env there"),
        ({}, False, "rarepix must be the same on every machine, .* and there 0: make env there"),
        ({"free": 2**30}, True, "must have 2 GiB free, but has 1.0: make room"),
        ({"complaints": ["no data"]}, True, "no data"),
    ],
)
def test_an_answer_is_judged(answer: dict, uploads: bool, message: str) -> None:
    assert re.search(message, "\n".join(machines._judge(GOOD | answer, gpus=0, uploads=uploads)))


def test_the_manager_is_not_opened_to_a_network_by_an_address_alone(
    check: Callable[..., None], machine: Machine
) -> None:
    check(machine.entry(), nniManagerIp="127.0.0.1")
    with pytest.raises(ConfigError, match=r"nniManagerIp must be left out, or 127.0.0.1: .* but got 10.0.0.1"):
        check(machine.entry(), nniManagerIp="10.0.0.1")


def test_a_rehearsal_takes_place_on_the_machine(lab: MachineLab, machine: Machine) -> None:
    """With our code, which need not be installed there; nothing of it stays."""
    before = set(Path("/tmp").glob("tmp.*"))
    service = {"platform": "remote", "machineList": [machine.entry()]}
    config = TrialConfig(data={"root": "$PRETENDED_DATA"})
    found = REHEARSE(read_study(lab.study(trainingService=service)), lab.lab.folder, [config])
    assert [line.partition(": ")[0] for line in found] == [f"{machine.entry()['user']}@127.0.0.1:{machine.port}"]
    assert "must hold a dataset in VOC layout" in found[0]
    assert set(Path("/tmp").glob("tmp.*")) <= before
