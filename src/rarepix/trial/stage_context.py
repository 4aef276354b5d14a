"""What a stage gets from the trial that it belongs to."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from rarepix.records import Dataset

Report = Callable[[dict[str, float]], None]
"""Receives the scores of a validation."""


class StartupTimer:
    """Seconds from the start of the trial's (first) process to the first optimiser step, by phase."""

    def __init__(self) -> None:
        self._last = self.began = psutil.Process().create_time()
        self.seconds: dict[str, float] = {}

    def mark(self, phase: str) -> None:
        """Note that *phase* ends now, for the first time: later stages do not start the trial."""
        if f"startup_{phase}" in self.seconds:
            return
        now = time.time()
        self.seconds[f"startup_{phase}"] = round(now - self._last, 3)
        self.seconds["startup_total"] = round(now - self.began, 3)
        self._last = now


def _nothing(dataset: Dataset, device: str, resumed_from_epoch: int | None, first_weights: str) -> None:
    """Take no notice of the beginning."""


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """What a stage gets from its trial; the defaults are those of a training by itself."""

    name: str = "segment"
    attempt: int = 1
    own_folder: bool = False
    """Whether the stage has a folder of its own in that of the trial: then the history and the checkpoints name it."""
    epochs_before: int = 0
    steps_before: int = 0
    history: Path | None = None
    """The trial's history; None: ``history.csv`` in the stage's folder."""
    logs: Path | None = None
    """Folder of TensorBoard's event files; None: ``tensorboard`` in the stage's folder."""
    initial_weights: Path | None = None
    """Checkpoint from whose weights the training begins; None: those that the configuration names."""
    startup: StartupTimer = field(default_factory=StartupTimer)
    began: Callable[[Dataset, str, int | None, str], None] = _nothing
    """Called before the first step with the data, the device, the finished epochs from which the stage goes on, and
    what its network's weights began with (``models.build_model``)."""
