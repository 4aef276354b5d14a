"""The environment of nnictl. (What it does to real managers: patch/ and the tests of studies.)"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rarepix.search import preload
from rarepix.search.nni import install_patch
from rarepix.settings import ConfigError


def test_this_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/somewhere")
    assert install_patch.environment()["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "/somewhere"]


def test_node_loads_the_patch_beside_its_other_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--no-warnings")
    options = install_patch.environment()["NODE_OPTIONS"]
    assert options == f'--no-warnings --require "{install_patch.FILE}"'
    monkeypatch.setenv("NODE_OPTIONS", options)
    assert install_patch.environment()["NODE_OPTIONS"] == options


def test_connections_to_this_machine_bypass_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "example.org")
    monkeypatch.delenv("NO_PROXY", raising=False)
    variables = install_patch.environment()
    assert variables["no_proxy"] == "example.org,localhost,127.0.0.1"
    assert variables["NO_PROXY"] == "localhost,127.0.0.1"


def test_refuses_another_nni(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_patch, "version", lambda name: "2.10.1")
    with pytest.raises(
        install_patch.PatchError, match=r"nni must be version 3\.0 exactly .* but got 2\.10\.1: pip install"
    ):
        install_patch.environment()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python /env/bin/nnictl create --config nni_config.yml", True),
        ("python -W ignore -u /env/bin/nnictl stop", True),
        ("python -m nni --exp_params x", True),
        ("python -X dev -m nni.tools.nni_manager_scripts.launch_trial_keeper /tmp", True),
        ("python -m nnictl", False),
        ("python -m trials.segment --set nni=1", False),
        ("python train.py nnictl", False),
        ("python -c nnictl", False),
        ("python", False),
    ],
)
def test_nni_s_programs_are_known_by_their_command_line(command: str, expected: bool) -> None:
    assert install_patch.is_nni(command.split()) is expected


def test_at_start_up_another_nni_is_a_warning_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install_patch, "version", lambda name: "2.10.1")
    monkeypatch.setenv("NODE_OPTIONS", "")
    install_patch.at_start_up(["python", "/env/bin/nnictl"])
    assert os.environ["NODE_OPTIONS"] == ""
    assert "NNI's server is not corrected: nni must be version 3.0" in capsys.readouterr().err


def test_nni_has_the_methods_that_the_patch_replaces() -> None:
    import nni_node

    node = Path(nni_node.__path__[0])
    corrected = {
        "common/command_channel/http.js": ["getChannelUrl", "handleGet", "handlePut"],
        "common/command_channel/websocket/server.js": ["getChannelUrl"],
        "common/globals/rest.js": ["registerWebSocketHandler"],
        "common/trial_keeper/process.js": ["kill"],
        "common/trial_keeper/task_scheduler/scheduler.js": ["schedule"],
        "core/nniDataStore.js": ["getMetricData"],
        "core/nnimanager.js": ["onTrialJobMetrics", "addRecoveredTrialJob"],
        "core/tuner_command_channel.js": ["init", "sendCommand"],
        "training_service/v3/compat.js": ["submitTrialJob", "cancelTrialJob", "start"],
    }
    missing = [
        f"{file}: {name}"
        for file, names in corrected.items()
        for name in names
        if not re.search(rf"^    (async )?{name}\(", (node / file).read_text(), re.M)
    ]
    assert missing == []


@pytest.fixture
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with, and restore, an environment that opens nothing."""
    monkeypatch.setenv(install_patch.HOST_VARIABLE, "")
    monkeypatch.setenv(install_patch.NAMES_VARIABLE, "mine.example")


@pytest.mark.usefixtures("loopback_only")
def test_this_machine_only_needs_no_warning() -> None:
    assert install_patch.set_bind_host("127.0.0.1") is None
    assert os.environ[install_patch.HOST_VARIABLE] == ""


@pytest.mark.usefixtures("loopback_only")
def test_open_to_every_network_is_a_warning() -> None:
    assert "whoever reaches this port over the network can run programs as" in install_patch.set_bind_host("0.0.0.0")
    assert os.environ[install_patch.HOST_VARIABLE] == "0.0.0.0"
    names = os.environ[install_patch.NAMES_VARIABLE].split(",")
    assert names[0] == "mine.example"
    assert {os.uname().nodename, "127.0.0.1"} <= set(names)


@pytest.mark.usefixtures("loopback_only")
@pytest.mark.parametrize("host", ["192.0.2.5", "::", "localhost", ""])
def test_refuses_a_host_that_is_no_address_of_this_machine(host: str) -> None:
    with pytest.raises(ConfigError, match=r"--host must be 127\.0\.0\.1 .* or an IPv4 address of this machine"):
        install_patch.set_bind_host(host)


def test_the_command_of_a_tunnel() -> None:
    assert install_patch.ssh_tunnel(8081).startswith("ssh -L 8081:127.0.0.1:8081 ")
    assert install_patch.ssh_tunnel(8081).endswith(f"@{os.uname().nodename}")


def test_nni_s_programs_start_without_pydantic() -> None:
    """Python reads the file in site-packages whenever one of them starts."""
    script = (
        "import sys; from rarepix.search.nni import install_patch; "
        "install_patch.at_start_up(['python', '-m', 'nni']); sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_environments_of_before_the_move_still_start_nni_with_the_patch() -> None:
    assert preload.at_start_up is install_patch.at_start_up


def test_asking_for_help_installs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "rarepix.search.nni.install_patch", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "usage: python -m rarepix.search.nni.install_patch" in done.stdout
    assert "written" not in done.stdout
