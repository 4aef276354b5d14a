"""Machines that cannot run trials are refused before a study starts, each with what to do: checks that connect."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rarepix.config import TrialConfig
from rarepix.search.checks import machines, preflight
from rarepix.search.nni.study_file import read_study
from rarepix.settings import ConfigError
from tests.search.ports import free_port
from tests.search.remote.lab import MachineLab
from tests.search.remote.sshd import Machine, new_key

pytestmark = pytest.mark.full

DRY_RUN_PROBLEMS = machines.dry_run_problems  # the lab replaces it


@pytest.fixture
def machine(lab: MachineLab) -> Machine:
    return lab.machines[0]


@pytest.fixture
def check(lab: MachineLab) -> Callable[..., None]:
    def check(*entries: object, **changes: Any) -> None:
        service = {"platform": "remote", "machineList": list(entries)}
        preflight.check(lab.study(**{"trainingService": service} | changes))

    return check


def test_a_machine_with_everything_is_accepted(check: Callable[..., None], machine: Machine) -> None:
    check(machine.entry())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": "nowhere.invalid"}, r"nowhere.invalid:\d+ must accept the login, but: .*: correct the name"),
        ({"pythonPath": "/nowhere"}, r"pythonPath must be the folder of a Python there, but /nowhere/python .*: set"),
    ],
)
def test_a_wrong_entry_is_refused(
    check: Callable[..., None], machine: Machine, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check(machine.entry(**changes))


def test_only_the_machine_that_is_off_is_named(check: Callable[..., None], machine: Machine) -> None:
    port = free_port()
    message = rf"^\w+@127.0.0.1:{port} must accept the login, but: .*refused: switch it on, or try"
    with pytest.raises(ConfigError, match=message) as refused:
        check(machine.entry(), machine.entry(port=port))
    assert str(machine.port) not in str(refused.value)


def test_a_key_that_the_machine_does_not_know_is_refused(
    check: Callable[..., None], machine: Machine, tmp_path: Path
) -> None:
    unknown = new_key(tmp_path / "unknown")
    message = r"Permission denied .*: install the key there with `ssh-copy-id -i .*unknown.pub"
    with pytest.raises(ConfigError, match=message):
        check(machine.entry(sshKeyFile=str(unknown)))


def test_another_host_under_a_known_name_is_refused(check: Callable[..., None], lab: MachineLab) -> None:
    """NNI itself would accept it."""
    other = lab.machines[1]
    other.begin()
    check(other.entry())
    other.unplug()
    (other.folder / "host_key").unlink()
    new_key(other.folder / "host_key")
    other.begin()
    with pytest.raises(ConfigError, match=r"Host key verification failed.*: if .* on purpose, .*ssh-keygen -R "):
        check(other.entry())


def test_data_are_looked_for_where_each_machine_has_them(check: Callable[..., None], machine: Machine) -> None:
    paths = machine.home / ".config" / "rarepix" / "paths.env"
    original = paths.read_text()
    paths.write_text("PRETENDED_DATA=/nowhere\n")
    with pytest.raises(ConfigError, match=rf":{machine.port}: data.root must be a folder there, but /nowhere is not"):
        check(machine.entry())
    paths.write_text("")
    with pytest.raises(ConfigError, match=rf":{machine.port}: data.root: every variable .* '\$PRETENDED_DATA'"):
        check(machine.entry())
    paths.write_text(original)


def test_a_gpu_that_the_machine_does_not_have_is_refused(check: Callable[..., None], machine: Machine) -> None:
    with pytest.raises(ConfigError, match=r"trialGpuNumber demands 64 GPU for a trial, but that machine shows \d"):
        check(machine.entry(), trialGpuNumber=64)


def test_a_dry_run_takes_place_on_the_machine(lab: MachineLab, machine: Machine, tmp_path: Path) -> None:
    """It runs our own code, which need not be installed there, and leaves no file behind."""
    machine.unplug()
    machine.environment = {"TMPDIR": str(tmp_path)}
    machine.begin()
    service = {"platform": "remote", "machineList": [machine.entry()]}
    config = TrialConfig(data={"root": "$PRETENDED_DATA"})
    lines = DRY_RUN_PROBLEMS(read_study(lab.study(trainingService=service)), lab.lab.folder, [config], "segment")
    assert [line.partition(": ")[0] for line in lines] == [f"{machine.entry()['user']}@127.0.0.1:{machine.port}"]
    assert "must hold a dataset in VOC layout" in lines[0]
    assert list(tmp_path.iterdir()) == []
