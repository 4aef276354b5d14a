"""A lab with other machines."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from rarepix.search.checks import machines
from tests.search.lab import Lab
from tests.search.ports import free_port
from tests.search.remote.sshd import Machine, new_key

PATIENCE = {"RAREPIX_NNI_LOST_SECONDS": "10", "RAREPIX_NNI_RETRY_SECONDS": "2"}


class MachineLab:
    """A checkout with a pretended trial, and other machines, each with its data at a path of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, names: Sequence[str] = ("one", "two")) -> None:
        (folder / "lab").mkdir()
        self.lab = Lab(folder / "lab", patch)
        (self.lab.folder / "tiny.yaml").write_text("data: {root: $PRETENDED_DATA}\n")
        (self.lab.folder / ".nniignore").write_text("/home\n/results\n")  # the first has NNI's logs, which grow
        (self.lab.folder / "src").mkdir()
        (self.lab.folder / "src" / "marker.py").touch()
        patch.setattr(machines, "dry_run_problems", lambda study, folder, configs, plan: [])  # there is no data
        for name, value in PATIENCE.items():
            patch.setenv(name, value)
        self.key = new_key(folder / "key")
        self.machines = [Machine(name, folder / name, free_port(), self.key) for name in names]
        for machine in self.machines:
            data = machine.home / f"disk of {machine.name}"
            data.mkdir()
            paths = machine.home / ".config" / "rarepix" / "paths.env"
            paths.parent.mkdir(parents=True)
            paths.write_text(f"PRETENDED_DATA={data}\n")

    def study(self, machines: Sequence[Machine] | None = None, **changes: object) -> Path:
        """Write the file of a study that runs on *machines* (all of the lab by default)."""
        service = {"platform": "remote", "machineList": [machine.entry() for machine in machines or self.machines]}
        return self.lab.study(**{"trainingService": service, "nniManagerIp": "127.0.0.1"} | changes)

    def close(self) -> None:
        """Stop everything."""
        self.lab.stop_all()
        for machine in self.machines:
            machine.unplug()
