"""What nnictl takes for alive."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rarepix.search.nni.processes import lives


@pytest.fixture
def dead() -> Iterator[int]:
    """A process that was killed and that nobody has noticed."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    yield process.pid
    process.wait()


def test_what_waits_to_be_reaped_does_not_live(dead: int) -> None:
    assert psutil.Process(dead).is_running(), "which is what nnictl asks"
    assert not lives(dead)
    assert not lives(None)
    assert lives(os.getpid())


def test_an_experiment_of_such_a_manager_has_stopped(dead: int, tmp_path: Path) -> None:
    """Plain, nnictl says that it runs, and refuses to resume it."""
    entry = {"id": "a", "status": "RUNNING", "pid": dead, "startTime": 0, "endTime": "N/A", "port": 1, "logDir": "none"}
    (tmp_path / "nni-experiments").mkdir()
    (tmp_path / "nni-experiments" / ".experiment").write_text(json.dumps({"a": entry}))
    script = """
from rarepix.search.nni.run_nnictl import correct
correct()
from nni.tools.nnictl.nnictl_utils import update_experiment
update_experiment()
"""
    subprocess.run([sys.executable, "-c", script], env=os.environ | {"HOME": str(tmp_path)}, check=True)
    assert json.loads((tmp_path / "nni-experiments" / ".experiment").read_text())["a"]["status"] == "STOPPED"
