"""Lightning's Trainer as a trial needs it."""

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy

from rarepix.engine.callbacks import Patience
from rarepix.engine.precision import Hardware
from rarepix.engine.settings import EngineConfig
from rarepix.layout import BEST, CHECKPOINTS, LAST, TENSORBOARD

ON_PURPOSE = (
    "The '(train|val|test)_dataloader' does not have many workers",
    "The number of training batches",
    "Checkpoint directory",
    r"`isinstance\(treespec",
    "It is recommended to use `self.log",
)
"""Warnings of Lightning about few loader processes, few batches, a resumed folder and scores that need no mean over
processes, and one of torch's own."""


class Checkpoints(ModelCheckpoint):
    """Checkpoints in a folder that may have been moved or brought home from another machine since.

    Lightning remembers them by their full paths, and forgets the best score when the folder is another one.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what was remembered, with the paths of now."""
        here = Path(self.dirpath)
        paths = {key: state_dict[key] for key in ("best_model_path", "kth_best_model_path", "last_model_path")}
        moved = {key: str(here / Path(path).name) if path else path for key, path in paths.items()}
        best = {str(here / Path(path).name): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | moved | {"best_k_models": best, "dirpath": self.dirpath})


def build_trainer(config: EngineConfig, hardware: Hardware, folder: Path, callbacks: list[pl.Callback]) -> pl.Trainer:
    """Return a Trainer that keeps ``checkpoints/{last,best}.ckpt`` in *folder* and watches the metric ``objective``."""
    _quiet()
    # two of them: the option save_last of one writes last.ckpt only when the best one changes
    kept = {"dirpath": folder / CHECKPOINTS, "enable_version_counter": False}
    best = Checkpoints(filename=Path(BEST).stem, monitor="objective", mode="max", save_on_train_epoch_end=False, **kept)
    last = Checkpoints(filename=Path(LAST).stem, save_on_train_epoch_end=True, **kept)
    stop = [Patience("objective", config.min_delta, config.patience, mode="max")] if config.patience else []
    return pl.Trainer(
        accelerator=hardware.accelerator,
        devices=config.devices,
        strategy=_strategy(config),
        precision=hardware.precision,
        max_epochs=config.epochs,
        check_val_every_n_epoch=config.validate_every,
        num_sanity_val_steps=0,
        callbacks=[*callbacks, *stop, best, last],  # the last one holds the state of those before it
        logger=_tensorboard(folder) if config.tensorboard else False,
        log_every_n_steps=1,
        enable_progress_bar=_wants_progress(config),
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def finished_epochs(checkpoint: Path) -> int:
    """Return the number of epochs that were done when *checkpoint* was written."""
    return int(torch.load(checkpoint, weights_only=True, map_location="cpu")["epoch"]) + 1


def _strategy(config: EngineConfig) -> DDPStrategy | str:
    if config.devices == 1:
        return "auto"
    # a network is the same at each step: parameters that it never uses are found once, and are no error
    return DDPStrategy(cluster_environment=LightningEnvironment(), static_graph=True)


def _tensorboard(folder: Path) -> pl.loggers.Logger:
    return pl.loggers.TensorBoardLogger(folder, name="", version=TENSORBOARD)


def _wants_progress(config: EngineConfig) -> bool:
    return sys.stdout.isatty() if config.progress == "auto" else config.progress == "on"


def _quiet() -> None:
    """Silence what Lightning says at each start about things that a trial decides on purpose."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in ON_PURPOSE:
        warnings.filterwarnings("ignore", message=message)
