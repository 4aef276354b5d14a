"""A folder in which studies run: real NNI, pretended trials, a home of its own."""

import json
import shutil
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import yaml

from rarepix.config import TrialConfig
from rarepix.search.checks import dry_run
from rarepix.search.nni import nnictl
from rarepix.search.studies import study

PRETEND = Path(__file__).with_name("pretend_trial.py")
STUDY = {
    "experimentName": "pretended",
    "searchSpace": {
        "optim.lr": {"_type": "loguniform", "_value": [0.0001, 0.1]},
        "loss": {
            "_type": "choice",
            "_value": [{"_name": "ce"}, {"_name": "focal", "gamma": {"_type": "uniform", "_value": [0, 5]}}],
        },
    },
    "trialCommand": "python -m trials.segment --recipe tiny.yaml",
    "trialConcurrency": 2,
    "maxTrialNumber": 2,
    "maxTrialDuration": "60s",
    "tuner": {"name": "Random", "classArgs": {"seed": 1}},
    "trainingService": {"platform": "local"},
}
"""A valid study."""


class EmptyStage(AbstractContextManager):
    """Stands for the dry run: every trial succeeds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __exit__(self, *error: object) -> None:
        """Nothing was started."""

    def problems(self, configs: Iterable[TrialConfig], plan: str) -> list[str]:
        """Return no errors."""
        return []


class Lab:
    """A checkout with a pretended trial, and a home for NNI."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = patch
        (folder / "home").mkdir()
        (folder / "trials").mkdir()
        (folder / "data").mkdir()
        (folder / "trials" / "__init__.py").touch()
        shutil.copy(PRETEND, folder / "trials" / "segment.py")
        (folder / "tiny.yaml").write_text("data: {root: data}\n")
        patch.setattr(dry_run, "DryRun", EmptyStage)  # it has no data
        patch.setattr(dry_run, "inventory_hashes", lambda config, folder, plan: ["0"])  # as in the pretended records
        patch.setenv("HOME", str(folder / "home"))
        patch.delenv("RAREPIX_RESULTS", raising=False)
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def pretend(self, **how: str) -> None:
        """Set what the trials of the next study do: ``_0="die"`` …"""
        self.patch.setenv("PRETEND", json.dumps({number.strip("_"): what for number, what in how.items()}))

    def study(self, **changes: object) -> Path:
        """Write ``STUDY`` with *changes* as a study's file; None removes the key."""
        file = self.folder / "study.yml"
        tree = {key: value for key, value in (STUDY | changes).items() if value is not None}
        file.write_text(yaml.safe_dump(tree, sort_keys=False))
        return file

    def stop_all(self) -> None:
        """Stop every study of this home that still runs, and the orphaned processes of killed managers."""
        for experiment in nnictl.list_experiments():
            study.stop(experiment)
