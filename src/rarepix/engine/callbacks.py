"""Callbacks of the training: history file and report, early stopping, timings, counts of batch codes."""

import csv
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import EarlyStopping
from torch import Tensor

from rarepix.engine import distributed
from rarepix.files import write_text


class HistoryWriter(pl.Callback):
    """Write a row to ``history.csv`` after each validation, then report its scores; in the main process only.

    The file is written as a whole each time, so that a killed trial leaves no half row. The stages of a trial share the
    file: epochs and steps go on from one to the next, and a column ``stage`` names the stage.
    """

    def __init__(
        self,
        file: Path,
        *,
        attempt: int,
        report: Callable[[dict[str, float]], None],
        stage: str | None = None,
        epochs_before: int = 0,
        steps_before: int = 0,
    ) -> None:
        """Go on with the rows in *file*, of earlier attempts and earlier stages.

        Args:
            report: receives the scores of each validation.
            stage: name of this stage, only where the trial holds several.
            epochs_before, steps_before: of the stages before this one.
        """
        self.file, self.attempt, self.report, self.stage = file, attempt, report, stage
        self.epochs_before, self.steps_before = epochs_before, steps_before
        self.rows: list[dict] = []
        if file.is_file():
            with file.open(newline="", encoding="utf-8") as stream:
                self.rows = list(csv.DictReader(stream))
        last = {(row.get("stage"), row["attempt"]): float(row["seconds"]) for row in self.rows}
        self.earlier_seconds = sum(seconds for (name, _), seconds in last.items() if name == stage)
        self.seconds_of_others = sum(last.values()) - self.earlier_seconds
        self.began = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Write the row and report the scores."""
        if not trainer.is_global_zero:
            return
        row = {
            "attempt": self.attempt,
            **({"stage": self.stage} if self.stage else {}),
            "epoch": self.epochs_before + trainer.current_epoch + 1,
            "step": self.steps_before + trainer.global_step,
            "seconds": round(self._elapsed(), 3),
            "lr": max(group["lr"] for group in trainer.optimizers[0].param_groups),
            **module.scores,
        }
        self.rows.append(row)
        text = io.StringIO()
        columns = dict.fromkeys(name for row in self.rows for name in row)  # stages may have other terms of a loss
        writer = csv.DictWriter(text, fieldnames=list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.file, text.getvalue())
        seconds = round(self.seconds() + self.seconds_of_others, 3)
        self.report({**module.scores, "epoch": row["epoch"], "seconds": seconds})

    def seconds(self) -> float:
        """Return how long all attempts have trained and validated this stage so far, in seconds."""
        return round(self.earlier_seconds + self._elapsed(), 3)

    def _elapsed(self) -> float:
        return time.perf_counter() - self.began


class ResumableEarlyStopping(EarlyStopping):
    """Early stopping whose state survives a restart: a run that had stopped trains no further when it is resumed."""

    @property
    def state_key(self) -> str:
        """Key of the state in a checkpoint: a former name of the class, so that older checkpoints can be resumed."""
        return super().state_key.replace(type(self).__qualname__, "Patience")

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stop at once if the patience in the checkpoint has run out."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class PhaseTimer(pl.Callback):
    """Measures the seconds of training and of validation, the training images per second and the first step."""

    def __init__(self, on_first_step: Callable[[], None]) -> None:
        """Start; *on_first_step* is called once, after the first optimiser step."""
        self._on_first_step = on_first_step
        self.train = self.validate = 0.0
        self.images = 0
        self._since = time.perf_counter()
        self._validated = False

    def _lap(self) -> float:
        now = time.perf_counter()
        lap, self._since = now - self._since, now
        return lap

    def on_train_epoch_start(self, *_) -> None:
        """Begin to time an epoch."""
        self._lap()
        self._validated = False

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs, batch: dict, *_) -> None:
        """Count the images of all devices."""
        self.images += len(batch["id"]) * trainer.world_size
        self._on_first_step()
        self._on_first_step = lambda: None

    def on_validation_start(self, *_) -> None:
        """Count the time until now as training."""
        self.train += self._lap()

    def on_validation_end(self, *_) -> None:
        """Count the time since then as validation."""
        self.validate += self._lap()
        self._validated = True

    def on_train_epoch_end(self, *_) -> None:
        """Count an epoch without validation as training."""
        if not self._validated:
            self.train += self._lap()

    def seconds(self) -> dict[str, float]:
        """Return train, validate and images_per_second (of training, over all devices) since this process began.

        ``images_per_second`` is left out if nothing was trained.
        """
        seconds = {"train": round(self.train, 3), "validate": round(self.validate, 3)}
        return seconds | ({"images_per_second": round(self.images / self.train, 2)} if self.train else {})


class BatchCounter(pl.Callback):
    """Counts the codes N under one key of the training batches, over all devices and all attempts of a trial."""

    state_key = "Tally"
    """Key of the state in a checkpoint: a former name of the class, so that older checkpoints can be resumed."""

    def __init__(self, key: str, names: Sequence[str]) -> None:
        """Count the codes in ``batch[key]``; ``names[code]`` is a code's name. Without names nothing is counted."""
        self.key, self.names = key, tuple(names)
        self.counts = dict.fromkeys(self.names, 0)  # over the finished epochs
        self._epoch: Tensor | None = None

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs, batch: dict, *_) -> None:
        """Add the codes of a batch, on its device."""
        if self.names:
            codes = torch.arange(len(self.names), device=module.device)
            counts = (batch[self.key].to(module.device)[:, None] == codes).sum(dim=0)
            self._epoch = counts if self._epoch is None else self._epoch + counts

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Bring the epoch's counts to the host, once."""
        if self._epoch is not None:
            counts = distributed.all_reduce_sum(self._epoch)
            for name, count in zip(self.names, counts.tolist(), strict=True):
                self.counts[name] += int(count)
            self._epoch = None

    def state_dict(self) -> dict[str, int]:
        """Return the counts, for a checkpoint."""
        return dict(self.counts)

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on from the counts in a checkpoint."""
        self.counts |= state_dict
