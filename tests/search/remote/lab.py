"""A lab with two other machines."""

from pathlib import Path

import pytest

from rarepix.search.checks import machines
from tests.search.lab import Lab
from tests.search.ports import free_port
from tests.search.remote.sshd import Machine, new_key

PATIENCE = {"RAREPIX_NNI_LOST_SECONDS": "6", "RAREPIX_NNI_RETRY_SECONDS": "2"}


class MachineLab:
    """A checkout with a pretended trial, and machines ``one`` and ``two``, each with its data at a path of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        (folder / "lab").mkdir()
        self.lab = Lab(folder / "lab", patch)
        (self.lab.folder / "tiny.yaml").write_text("data: {root: $PRETENDED_DATA}\n")
        (self.lab.folder / ".nniignore").write_text("/home\n/results\n")  # NNI's own growing logs among them
        (self.lab.folder / "src").mkdir()
        (self.lab.folder / "src" / "marker.py").touch()
        patch.setattr(machines, "rehearse", lambda study, folder, configs: [])  # there is no data
        for name, value in PATIENCE.items():
            patch.setenv(name, value)
        self.key = new_key(folder / "key")
        self.machines = [Machine(name, folder / name, free_port(), self.key) for name in ("one", "two")]
        for machine in self.machines:
            data = machine.home / f"disk of {machine.name}"
            data.mkdir()
            names = machine.home / ".config" / "rarepix" / "paths.env"
            names.parent.mkdir(parents=True)
            names.write_text(f"PRETENDED_DATA={data}\n")

    def study(self, **changes: object) -> Path:
        """Write the file of a study that runs on the machines."""
        service = {"platform": "remote", "machineList": [machine.entry() for machine in self.machines]}
        return self.lab.study(**{"trainingService": service, "nniManagerIp": "127.0.0.1"} | changes)

    def close(self) -> None:
        """Stop everything."""
        self.lab.stop_all()
        for machine in self.machines:
            machine.unplug()
