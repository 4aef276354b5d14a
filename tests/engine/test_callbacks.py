"""The history file and the clock."""

import csv
import time

import pytest

from rarepix.engine import callbacks
from rarepix.engine.callbacks import Clock, HistoryWriter
from tests.engine.conftest import module_of, scripted


def rows(file) -> list[dict]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_row_after_each_validation_and_then_a_word(fit, tmp_path):
    file, told = tmp_path / "history.csv", []

    def listener(scores: dict[str, float]) -> None:
        told.append((scores["objective"], len(rows(file))))

    fit(module_of(scripted(0.1, 0.3, 0.2)), callbacks=[HistoryWriter(file, attempt=1, listener=listener)], epochs=3)
    assert told == [(0.1, 1), (0.3, 2), (0.2, 3)]
    found = rows(file)
    assert [row["epoch"] for row in found] == ["1", "2", "3"]
    assert [row["step"] for row in found] == ["4", "8", "12"]
    assert [float(row["objective"]) for row in found] == [0.1, 0.3, 0.2]
    assert [row["attempt"] for row in found] == ["1"] * 3
    assert list(found[0])[:5] == ["attempt", "epoch", "step", "seconds", "lr"]
    assert {"train_loss", "val_loss"} <= set(found[0])


def test_seldom_validations_have_rows_at_their_epochs(fit, tmp_path):
    history = HistoryWriter(tmp_path / "history.csv", attempt=1, listener=lambda scores: None)
    fit(module_of(scripted(0.1, 0.2)), callbacks=[history], epochs=5, validate_every=2)
    assert [row["epoch"] for row in rows(tmp_path / "history.csv")] == ["2", "4"]


def test_the_next_attempt_goes_on_below(fit, tmp_path):
    file = tmp_path / "history.csv"
    quiet = {"listener": lambda scores: None}
    fit(module_of(scripted(0.1, 0.2)), callbacks=[HistoryWriter(file, attempt=1, **quiet)], epochs=2)
    last = tmp_path / "checkpoints" / "last.ckpt"
    fit(module_of(scripted(0.3, 0.4)), callbacks=[HistoryWriter(file, attempt=2, **quiet)], epochs=4, ckpt=str(last))
    found = [(row["attempt"], row["epoch"], row["objective"]) for row in rows(file)]
    assert found == [("1", "1", "0.1"), ("1", "2", "0.2"), ("2", "3", "0.3"), ("2", "4", "0.4")]
    assert [path.name for path in tmp_path.iterdir() if "history" in path.name] == ["history.csv"]


def test_an_error_of_the_listener_ends_the_training(fit, tmp_path):
    def listener(scores: dict[str, float]) -> None:
        raise ConnectionError("nobody there")

    with pytest.raises(ConnectionError, match="nobody there"):
        fit(module_of(), callbacks=[HistoryWriter(tmp_path / "history.csv", attempt=1, listener=listener)], epochs=3)
    assert len(rows(tmp_path / "history.csv")) == 1


def test_the_clock_counts_images_and_says_the_first_step_once(fit):
    steps, began = [], time.perf_counter()
    clock = Clock(lambda: steps.append(time.perf_counter()))
    fit(module_of(), callbacks=[clock], epochs=3)
    whole = time.perf_counter() - began
    seconds = clock.seconds()
    assert len(steps) == 1
    assert clock.images == 3 * 4 * 2
    assert clock.train > 0
    assert clock.validate > 0
    assert clock.train + clock.validate < whole
    assert seconds["images_per_second"] == pytest.approx(24 / clock.train, abs=0.01)


def test_a_clock_without_training_has_no_speed():
    assert Clock(lambda: None).seconds() == {"train": 0.0, "validate": 0.0}


def test_an_epoch_without_a_validation_is_training_too(monkeypatch):
    moments = iter([0, 10, 13, 20, 24, 25, 99])  # seconds; what is asked for at each hook
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: next(moments))
    clock = Clock(lambda: None)  # at 0
    clock.on_train_epoch_start()  # 10
    clock.on_train_epoch_end()  # 13
    clock.on_train_epoch_start()  # 20: what was between the epochs is neither
    clock.on_validation_start()  # 24
    clock.on_validation_end()  # 25
    clock.on_train_epoch_end()  # a checkpoint was written, which is neither
    assert (clock.train, clock.validate) == (3 + 4, 1)
