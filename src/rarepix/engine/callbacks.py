"""What happens beside the training: the history file, a word to whoever listens, early stopping, the clock."""

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EarlyStopping

from rarepix.files import write_text

Listener = Callable[[dict[str, float]], None]
"""Takes the scores of a validation."""


class HistoryWriter(pl.Callback):
    """After each validation: a row in ``history.csv``, then the scores to the listener.

    The file is written as a whole each time, so that a killed trial leaves no half row. Of several processes the
    leader does it.
    """

    def __init__(self, file: Path, *, attempt: int, listener: Listener) -> None:
        self.file, self.attempt, self.listener = file, attempt, listener
        self.rows: list[dict] = []
        if file.is_file():
            with file.open(newline="", encoding="utf-8") as stream:
                self.rows = list(csv.DictReader(stream))
        self.before = sum(_seconds_of_attempts(self.rows))
        self.began = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Write the row and pass the scores on."""
        if not trainer.is_global_zero:
            return
        row = {
            "attempt": self.attempt,
            "epoch": trainer.current_epoch + 1,
            "step": trainer.global_step,
            "seconds": round(self._now(), 3),
            "lr": max(group["lr"] for group in trainer.optimizers[0].param_groups),
            **module.scores,
        }
        self.rows.append(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.file, text.getvalue())
        self.listener({**module.scores, "epoch": row["epoch"], "seconds": self.seconds()})

    def seconds(self) -> float:
        """Return how long all attempts have trained and validated so far."""
        return round(self.before + self._now(), 3)

    def _now(self) -> float:
        return time.perf_counter() - self.began


def _seconds_of_attempts(rows: list[dict]) -> list[float]:
    """Return how long each attempt had been at work when it wrote its last row."""
    return [*{row["attempt"]: float(row["seconds"]) for row in rows}.values()]


class Patience(EarlyStopping):
    """Early stopping that remembers: a run that had stopped, and is started again, trains no further."""

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stop at once if the checkpoint says that patience had run out."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class Clock(pl.Callback):
    """Seconds in training epochs and validations, images trained on, the moment of the first optimiser step."""

    def __init__(self, first_step: Callable[[], None]) -> None:
        self._first_step: Callable[[], None] | None = first_step
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

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs, batch: dict, batch_idx: int
    ) -> None:
        """Count the images, and note the first step."""
        self.images += len(batch["id"]) * trainer.world_size
        if self._first_step is not None:
            self._first_step()
            self._first_step = None

    def on_validation_start(self, *_) -> None:
        """What was until now was training."""
        self.train += self._lap()

    def on_validation_end(self, *_) -> None:
        """What was since then was validation."""
        self.validate += self._lap()
        self._validated = True

    def on_train_epoch_end(self, *_) -> None:
        """An epoch without a validation was training until now."""
        if not self._validated:
            self.train += self._lap()

    def seconds(self) -> dict[str, float]:
        """Return train, validate and images_per_second (of training, over all devices) since this process began.

        The last one is left out if nothing was trained.
        """
        found = {"train": round(self.train, 3), "validate": round(self.validate, 3)}
        return found | ({"images_per_second": round(self.images / self.train, 2)} if self.train else {})
