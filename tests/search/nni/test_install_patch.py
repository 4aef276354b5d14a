"""The environment of nnictl. (What it does to real managers: preload/, test_security.py and test_study.py.)"""

import os
import re
import sys
from pathlib import Path

import pytest

from rarepix.search.nni import install_patch


def test_this_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/somewhere")
    assert install_patch.environment()["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "/somewhere"]


def test_node_loads_the_preload_beside_what_it_is_told_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--no-warnings")
    options = install_patch.environment()["NODE_OPTIONS"]
    assert options == f'--no-warnings --require "{install_patch.FILE}"'
    monkeypatch.setenv("NODE_OPTIONS", options)
    assert install_patch.environment()["NODE_OPTIONS"] == options


def test_this_machine_is_asked_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "example.org")
    monkeypatch.delenv("NO_PROXY", raising=False)
    found = install_patch.environment()
    assert found["no_proxy"] == "example.org,localhost,127.0.0.1"
    assert found["NO_PROXY"] == "localhost,127.0.0.1"


def test_refuses_another_nni(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_patch, "version", lambda name: "2.10.1")
    with pytest.raises(
        install_patch.PreloadError, match=r"nni must be version 3\.0 exactly .* but got 2\.10\.1: pip install"
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
def test_nni_s_programs_are_told_by_their_command_line(command: str, expected: bool) -> None:
    assert install_patch.is_nni(command.split()) is expected


def test_at_start_up_another_nni_is_said_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install_patch, "version", lambda name: "2.10.1")
    monkeypatch.setenv("NODE_OPTIONS", "")
    install_patch.at_start_up(["python", "/env/bin/nnictl"])
    assert os.environ["NODE_OPTIONS"] == ""
    assert "NNI's server is not corrected: nni must be version 3.0" in capsys.readouterr().err


def test_what_it_corrects_is_there() -> None:
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
