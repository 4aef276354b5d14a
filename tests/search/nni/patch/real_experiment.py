"""A real NNI experiment with our patch, in a home of its own: light trials, a logging advisor, and no study."""

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from rarepix.search.nni import client, nnictl
from tests.search.ports import free_port

HERE = Path(__file__).parent


class RealExperiment:
    """One experiment with its manager and the processes that it started."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, **changes: Any) -> None:
        self.folder, self.patch = folder, patch
        for name in ("light_trial.py", "logging_advisor.py"):
            shutil.copy(HERE / name, folder / name)
        (folder / "home").mkdir()
        patch.setenv("HOME", str(folder / "home"))
        config = {
            "searchSpace": {"x": {"_type": "uniform", "_value": [0, 1]}},
            "trialCommand": f"{sys.executable} light_trial.py",
            "trialCodeDirectory": ".",
            "trialConcurrency": 2,
            "maxTrialNumber": 2,
            "maxTrialDuration": "600s",
            "tuner": {"codeDirectory": ".", "className": "logging_advisor.LoggingAdvisor"},
            "trainingService": {"platform": "local"},
        }
        (folder / "config.yml").write_text(yaml.safe_dump(config | changes))
        self.port = free_port()
        self.manager = client.Manager(self.port)
        self.id = ""

    def set_trials(self, steps: int, pause: float, **how: str) -> None:
        """Set what the trials of the next create or resume do: ``_0="die"`` …"""
        self.patch.setenv("STEPS", str(steps))
        self.patch.setenv("PAUSE", str(pause))
        self.patch.setenv("PRETEND", json.dumps({number.strip("_"): what for number, what in how.items()}))

    def create(self, nnictl_run: Callable[..., str] = nnictl.run) -> None:
        """Start it."""
        patiently(lambda: nnictl_run("create", "--config", str(self.folder / "config.yml"), "--port", str(self.port)))
        (self.id,) = nnictl.list_experiments()

    def resume(self) -> None:
        """Resume it on the same port."""
        patiently(lambda: nnictl.run("resume", self.id, "--port", str(self.port)))

    @property
    def process(self) -> psutil.Process:
        """The manager's."""
        return psutil.Process(nnictl.list_experiments()[self.id].pid)

    @property
    def data(self) -> Path:
        """NNI's folder of this experiment."""
        return nnictl.list_experiments()[self.id].folder

    def messages(self) -> list[tuple[str, Any]]:
        """Return kind and content of what the advisor received since its last start."""
        lines = [json.loads(line) for line in (self.data / "checkpoint" / "messages.jsonl").read_text().splitlines()]
        last = max(index for index, (kind, _) in enumerate(lines) if kind == "start")
        return [(kind, content) for kind, content in lines[last:]]

    def jobs(self) -> dict[int, dict[str, Any]]:
        """Return trial number → trial job, from the REST interface."""
        return {job["sequenceId"]: job for job in self.manager.get("trial-jobs")}

    def trial_processes(self) -> list[int]:
        """Return the process ids of this experiment's trials."""
        pids = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("NNI_CODE_DIR") == str(self.folder):
                    pids.append(process.pid)
            except psutil.Error:
                continue
        return pids

    def end(self) -> None:
        """Stop whatever still runs."""
        for experiment in nnictl.list_experiments().values():
            if experiment.alive:
                nnictl.stop(experiment.id)
        for pid in self.trial_processes():
            os.kill(pid, 9)


def patiently(start: Callable[[], Any], attempts: int = 4) -> None:
    """Start a manager. Plain nnictl ends one that does not answer within 3 s, which happens on a busy machine."""
    for _ in range(attempts - 1):
        with contextlib.suppress(nnictl.NniError):
            start()
            return
    start()


def until(condition: Callable[[], Any], seconds: float = 180) -> None:
    """Wait until *condition()* is true. Raises ``AssertionError`` if it is not within *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        time.sleep(0.2)
