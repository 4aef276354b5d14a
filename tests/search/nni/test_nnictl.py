"""nnictl as rarepix runs it. (With real managers: tests of studies and of the patch.)"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rarepix.search.nni import nnictl


def test_a_killed_manager_that_nobody_has_reaped_has_stopped(zombie: int, tmp_path: Path) -> None:
    """Plain nnictl says that it runs, and refuses to resume its experiment."""
    entry = {"id": "a", "status": "RUNNING", "pid": zombie, "startTime": 0, "endTime": "N/A", "port": 1,
             "logDir": "none"}  # fmt: skip
    (tmp_path / "nni-experiments").mkdir()
    (tmp_path / "nni-experiments" / ".experiment").write_text(json.dumps({"a": entry}))
    script = """
from rarepix.search.nni.nnictl import correct_nnictl
correct_nnictl()
from nni.tools.nnictl.nnictl_utils import update_experiment
update_experiment()
"""
    subprocess.run([sys.executable, "-c", script], env=os.environ | {"HOME": str(tmp_path)}, check=True)
    assert json.loads((tmp_path / "nni-experiments" / ".experiment").read_text())["a"]["status"] == "STOPPED"


def test_it_runs_as_a_module_and_returns_what_nnictl_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert nnictl.run("--version").split()[-1] == "3.0"
    with pytest.raises(nnictl.NniError, match="nnictl no-such-command failed: .*invalid choice"):
        nnictl.run("no-such-command")
