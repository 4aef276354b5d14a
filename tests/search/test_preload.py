"""The environment of nnictl. (What the preload does to a real manager is tested in test_study.py.)"""

import os
import re
import sys
from pathlib import Path

import pytest

from rarepix.search import preload


def test_this_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/somewhere")
    assert preload.environment()["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "/somewhere"]


def test_node_loads_the_preload_beside_what_it_is_told_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--no-warnings")
    options = preload.environment()["NODE_OPTIONS"]
    assert options == f'--no-warnings --require "{preload.FILE}"'
    monkeypatch.setenv("NODE_OPTIONS", options)
    assert preload.environment()["NODE_OPTIONS"] == options


def test_this_machine_is_asked_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "example.org")
    monkeypatch.delenv("NO_PROXY", raising=False)
    found = preload.environment()
    assert found["no_proxy"] == "example.org,localhost,127.0.0.1"
    assert found["NO_PROXY"] == "localhost,127.0.0.1"


def test_refuses_another_nni(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preload, "version", lambda name: "2.10.1")
    with pytest.raises(
        preload.PreloadError, match=r"nni must be version 3\.0 exactly .* but got 2\.10\.1: pip install"
    ):
        preload.environment()


def test_the_files_that_it_hooks_are_there() -> None:
    import nni_node

    node = Path(nni_node.__path__[0])
    hooked = [
        "training_service/v3/compat.js",
        "common/trial_keeper/process.js",
        "common/trial_keeper/task_scheduler/index.js",
        "core/tuner_command_channel.js",
    ]
    assert [name for name in hooked if not (node / name).is_file()] == []
    text = preload.FILE.read_text()
    assert text.startswith("'use strict';")
    assert len(re.findall(r"^    \[/", text, re.M)) == len(hooked)
