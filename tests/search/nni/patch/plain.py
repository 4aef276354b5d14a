"""NNI in a home of its own: light trials, an advisor that writes down what it hears, the preload, and no study."""

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


class Plain:
    """One experiment, its manager and all that it started."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, **changes: Any) -> None:
        self.folder, self.patch = folder, patch
        for name in ("light_trial.py", "listening_advisor.py"):
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
            "tuner": {"codeDirectory": ".", "className": "listening_advisor.Listening"},
            "trainingService": {"platform": "local"},
        }
        (folder / "config.yml").write_text(yaml.safe_dump(config | changes))
        self.port = free_port()
        self.manager = client.Manager(self.port)
        self.id = ""

    def trials_do(self, steps: int, pause: float, **how: str) -> None:
        """Say what the trials do that are started by the next create or resume: ``_0="die"`` …"""
        self.patch.setenv("STEPS", str(steps))
        self.patch.setenv("PAUSE", str(pause))
        self.patch.setenv("PRETEND", json.dumps({number.strip("_"): what for number, what in how.items()}))

    def create(self, nnictl_run: Callable[..., str] = nnictl.run) -> None:
        """Start it."""
        patiently(lambda: nnictl_run("create", "--config", str(self.folder / "config.yml"), "--port", str(self.port)))
        (self.id,) = nnictl.list_experiments()

    def resume(self) -> None:
        """Start it again, on the same port."""
        patiently(lambda: nnictl.run("resume", self.id, "--port", str(self.port)))

    @property
    def process(self) -> psutil.Process:
        """The manager's."""
        return psutil.Process(nnictl.list_experiments()[self.id].pid)

    @property
    def data(self) -> Path:
        """NNI's folder of this experiment."""
        return nnictl.list_experiments()[self.id].folder

    def heard(self) -> list[tuple[str, Any]]:
        """Return what the advisor heard since it was started last."""
        lines = [json.loads(line) for line in (self.data / "checkpoint" / "heard.jsonl").read_text().splitlines()]
        last = max(at for at, (what, _) in enumerate(lines) if what == "start")
        return [(what, said) for what, said in lines[last:]]

    def jobs(self) -> dict[int, dict[str, Any]]:
        """Return trial number → trial, as the web UI has it."""
        return {job["sequenceId"]: job for job in self.manager.ask("trial-jobs")}

    def trial_processes(self) -> list[int]:
        """Return the process ids of this experiment's trials."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("NNI_CODE_DIR") == str(self.folder):
                    found.append(process.pid)
            except psutil.Error:
                continue
        return found

    def end(self) -> None:
        """Stop whatever still runs."""
        for experiment in nnictl.list_experiments().values():
            if experiment.alive:
                nnictl.stop(experiment.id)
        for pid in self.trial_processes():
            os.kill(pid, 9)


def patiently(start: Callable[[], Any], attempts: int = 4) -> None:
    """Start a manager. nnictl gives it 3 s to answer (too few on a machine with other work) and then ends it."""
    for _ in range(attempts - 1):
        with contextlib.suppress(nnictl.NniError):
            start()
            return
    start()


def until(holds: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until *holds* holds; an ``AssertionError`` where it does not within *seconds*."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)
