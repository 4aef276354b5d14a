"""Lightning's Trainer as a trial needs it."""

import logging
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy

from rarepix.engine.callbacks import ResumableEarlyStopping
from rarepix.engine.hardware import Hardware
from rarepix.engine.module import METADATA_KEY
from rarepix.engine.settings import EngineConfig
from rarepix.layout import BEST, CHECKPOINTS, LAST, TENSORBOARD

EXPECTED_WARNINGS = (
    "The '(train|val|test)_dataloader' does not have many workers",
    "The number of training batches",
    "Checkpoint directory",
    r"`isinstance\(treespec",
    "It is recommended to use `self.log",
)
"""Beginnings of warnings that a trial causes on purpose: few loader processes, few batches, a checkpoint folder that is
resumed, scores that need no mean over processes; and one of torch's own."""


class Checkpoints(ModelCheckpoint):
    """Checkpoints in a folder that may be moved, or fetched from another machine, before the run is resumed.

    Lightning remembers full paths, and forgets the best score when the folder is another one.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state with the paths of the present folder."""
        folder = Path(self.dirpath)
        paths = {key: state_dict[key] for key in ("best_model_path", "kth_best_model_path", "last_model_path")}
        moved = {key: str(folder / Path(path).name) if path else path for key, path in paths.items()}
        best = {str(folder / Path(path).name): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | moved | {"best_k_models": best, "dirpath": self.dirpath})


def build_trainer(
    config: EngineConfig, hardware: Hardware, folder: Path, callbacks: list[pl.Callback], *, logs: Path | None = None
) -> pl.Trainer:
    """Return a Trainer that writes ``checkpoints/{last,best}.ckpt`` to *folder* and monitors ``objective``.

    *logs* is the folder of TensorBoard's event files; None: ``tensorboard`` in *folder*.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in EXPECTED_WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    # two of them: the option save_last of one writes last.ckpt only when the best one changes
    options = {"dirpath": folder / CHECKPOINTS, "enable_version_counter": False}
    best = Checkpoints(
        filename=Path(BEST).stem, monitor="objective", mode="max", save_on_train_epoch_end=False, **options
    )
    last = Checkpoints(filename=Path(LAST).stem, save_on_train_epoch_end=True, **options)
    stop = ResumableEarlyStopping("objective", config.min_delta, config.patience, mode="max")
    logs = logs or folder / TENSORBOARD
    # networks of several libraries have parameters that no output depends on
    several = DDPStrategy(cluster_environment=LightningEnvironment(), find_unused_parameters=True)
    return pl.Trainer(
        accelerator=hardware.accelerator,
        devices=config.devices,
        strategy="auto" if config.devices == 1 else several,
        precision=hardware.precision,
        max_epochs=config.epochs,
        check_val_every_n_epoch=config.validate_every,
        num_sanity_val_steps=0,
        # last.ckpt is written last: it holds the state of the callbacks before it
        callbacks=[*callbacks, *([stop] if config.patience else []), best, last],
        logger=config.tensorboard and pl.loggers.TensorBoardLogger(logs.parent, name="", version=logs.name),
        log_every_n_steps=1,
        enable_progress_bar=sys.stdout.isatty() if config.progress == "auto" else config.progress == "on",
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


class Progress(NamedTuple):
    """How far a training was when a checkpoint of it was written."""

    epochs: int
    """Finished ones."""
    metadata: dict[str, Any]
    """What the checkpoint says of its network, see ``wiring.build_module``."""


def read_progress(checkpoint: Path) -> Progress:
    """Return how far the training was when *checkpoint* was written, and what it says of its network."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    return Progress(int(state["epoch"]) + 1, state.get(METADATA_KEY) or {})
