"""The callbacks: history file, timer, counter of batch codes, and the keys of their states in a checkpoint."""

import csv
import time
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from rarepix.engine import callbacks
from rarepix.engine.callbacks import BatchCounter, HistoryWriter, PhaseTimer, ResumableEarlyStopping
from tests.engine.conftest import batches, loader, module_of, scripted, trainer_of


def rows(file) -> list[dict]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_validation_writes_a_row_and_is_then_reported(fit, tmp_path):
    file, reports = tmp_path / "history.csv", []

    def report(scores: dict[str, float]) -> None:
        reports.append((scores["objective"], len(rows(file))))

    fit(module_of(scripted(0.1, 0.3, 0.2)), callbacks=[HistoryWriter(file, attempt=1, report=report)], epochs=3)
    assert reports == [(0.1, 1), (0.3, 2), (0.2, 3)]
    written = rows(file)
    assert [row["epoch"] for row in written] == ["1", "2", "3"]
    assert [row["step"] for row in written] == ["4", "8", "12"]
    assert [float(row["objective"]) for row in written] == [0.1, 0.3, 0.2]
    assert [row["attempt"] for row in written] == ["1"] * 3
    assert list(written[0])[:5] == ["attempt", "epoch", "step", "seconds", "lr"]
    assert {"train_loss", "val_loss"} <= set(written[0])


def test_rows_have_the_epochs_of_rare_validations(fit, tmp_path):
    history = HistoryWriter(tmp_path / "history.csv", attempt=1, report=lambda scores: None)
    fit(module_of(scripted(0.1, 0.2)), callbacks=[history], epochs=5, validate_every=2)
    assert [row["epoch"] for row in rows(tmp_path / "history.csv")] == ["2", "4"]


def test_the_next_attempt_appends_rows(fit, tmp_path):
    file = tmp_path / "history.csv"
    quiet = {"report": lambda scores: None}
    fit(module_of(scripted(0.1, 0.2)), callbacks=[HistoryWriter(file, attempt=1, **quiet)], epochs=2)
    last = tmp_path / "checkpoints" / "last.ckpt"
    fit(module_of(scripted(0.3, 0.4)), callbacks=[HistoryWriter(file, attempt=2, **quiet)], epochs=4, ckpt=str(last))
    written = [(row["attempt"], row["epoch"], row["objective"]) for row in rows(file)]
    assert written == [("1", "1", "0.1"), ("1", "2", "0.2"), ("2", "3", "0.3"), ("2", "4", "0.4")]
    assert [path.name for path in tmp_path.iterdir() if "history" in path.name] == ["history.csv"]


def test_an_error_of_the_report_ends_the_training(fit, tmp_path):
    def report(scores: dict[str, float]) -> None:
        raise ConnectionError("not delivered")

    with pytest.raises(ConnectionError, match="not delivered"):
        fit(module_of(), callbacks=[HistoryWriter(tmp_path / "history.csv", attempt=1, report=report)], epochs=3)
    assert len(rows(tmp_path / "history.csv")) == 1


def test_the_timer_counts_images_and_notes_the_first_step_once(fit):
    steps, began = [], time.perf_counter()
    timer = PhaseTimer(lambda: steps.append(time.perf_counter()))
    fit(module_of(), callbacks=[timer], epochs=3)
    whole = time.perf_counter() - began
    seconds = timer.seconds()
    assert len(steps) == 1
    assert timer.images == 3 * 4 * 2
    assert timer.train > 0
    assert timer.validate > 0
    assert timer.train + timer.validate < whole
    assert seconds["images_per_second"] == pytest.approx(24 / timer.train, abs=0.01)


def test_a_timer_without_training_has_no_speed():
    assert PhaseTimer(lambda: None).seconds() == {"train": 0.0, "validate": 0.0}


def test_an_epoch_without_a_validation_counts_as_training(monkeypatch):
    moments = iter([0, 10, 13, 20, 24, 25, 99])  # seconds at each hook
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: next(moments))
    timer = PhaseTimer(lambda: None)  # at 0
    timer.on_train_epoch_start()  # 10
    timer.on_train_epoch_end()  # 13
    timer.on_train_epoch_start()  # 20: what was between the epochs is neither
    timer.on_validation_start()  # 24
    timer.on_validation_end()  # 25
    timer.on_train_epoch_end()  # a checkpoint was written, which is neither
    assert (timer.train, timer.validate) == (3 + 4, 1)


def test_states_have_the_keys_of_older_checkpoints():
    """A callback finds its state in a checkpoint by this key, so that a new name of its class must not change it."""
    assert BatchCounter("paste", ()).state_key == "Tally"
    stopping = ResumableEarlyStopping("objective", 0.0, 3, mode="max")
    assert stopping.state_key == "Patience{'monitor': 'objective', 'mode': 'max'}"


NAMES = ("unchanged", "pasted", "no place")
CODES = ((0, 1), (1, 1), (2, 0), (1, 0))
ONE_EPOCH = {"unchanged": 3, "pasted": 4, "no place": 1}


def coded() -> list[dict]:
    return [batch | {"paste": torch.tensor(codes)} for batch, codes in zip(batches(), CODES, strict=True)]


def fit_coded(counter: BatchCounter, folder: Path, *others: pl.Callback, epochs: int, ckpt: Path | None = None) -> None:
    trainer = trainer_of(folder, [counter, *others], epochs=epochs)
    trainer.fit(module_of(), loader(coded()), loader(batches(2)), ckpt_path=ckpt, weights_only=True)


def test_codes_are_counted_in_every_epoch(tmp_path):
    counter = BatchCounter("paste", NAMES)
    fit_coded(counter, tmp_path, epochs=3)
    assert counter.counts == {name: 3 * count for name, count in ONE_EPOCH.items()}


def test_without_names_nothing_is_counted(tmp_path):
    counter = BatchCounter("paste", ())
    trainer_of(tmp_path, [counter], epochs=1).fit(module_of(), loader(batches()), loader(batches(2)))
    assert counter.counts == {}


class FailInThirdEpoch(pl.Callback):
    """Raises in the middle of the third epoch."""

    def on_train_batch_end(self, trainer: pl.Trainer, module, outputs, batch, batch_idx: int) -> None:
        if trainer.current_epoch == 2 and batch_idx == 1:
            raise ConnectionError


def test_a_repeated_epoch_is_counted_once(tmp_path):
    with pytest.raises(ConnectionError):
        fit_coded(BatchCounter("paste", NAMES), tmp_path, FailInThirdEpoch(), epochs=4)
    counter = BatchCounter("paste", NAMES)
    fit_coded(counter, tmp_path, epochs=4, ckpt=tmp_path / "checkpoints" / "last.ckpt")
    assert counter.counts == {name: 4 * count for name, count in ONE_EPOCH.items()}
