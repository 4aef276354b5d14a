"""The trainer: when it stops, which checkpoint it keeps, and that a resumed run is the run it would have been."""

import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping

from rarepix.engine.trainer import read_progress
from tests.engine.conftest import batches, loader, module_of, scripted, trainer_of


@pytest.mark.parametrize(
    ("patience", "min_delta", "objectives", "ran", "best"),
    [
        (0, 0.0, [0.5, 0.4, 0.3, 0.2, 0.1], 5, 1),
        (0, 0.0, [0.1, 0.2, 0.5, 0.4, 0.3], 5, 3),
        (1, 0.0, [0.1, 0.2, 0.2, 0.9, 0.9], 3, 2),
        (2, 0.0, [0.5, 0.4, 0.3, 0.9, 0.9], 3, 1),
        (2, 0.0, [0.5, 0.4, 0.6, 0.5, 0.5], 5, 3),
        (1, 0.1, [0.1, 0.15, 0.9, 0.9, 0.9], 2, 2),
        (2, 0.0, [0.0, 0.0, 0.0, 0.9, 0.9], 3, 1),
    ],
)
def test_early_stopping_and_the_best_checkpoint(fit, tmp_path, patience, min_delta, objectives, ran, best):
    trainer, _ = fit(module_of(scripted(*objectives)), epochs=5, patience=patience, min_delta=min_delta)
    checkpoints = tmp_path / "checkpoints"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]
    assert read_progress(checkpoints / "best.ckpt").epochs == best
    assert read_progress(checkpoints / "last.ckpt").epochs == ran
    assert trainer.global_step == ran * 4
    assert bool([callback for callback in trainer.callbacks if isinstance(callback, EarlyStopping)]) == bool(patience)


@pytest.mark.parametrize("name", ["best.ckpt", "last.ckpt"])
def test_checkpoints_hold_nothing_that_must_be_unpickled(fit, tmp_path, name):
    _, module = fit(module_of(), epochs=2, patience=3)
    state = torch.load(tmp_path / "checkpoints" / name, weights_only=True)
    assert set(state["state_dict"]) == set(module.state_dict())
    assert {"optimizer_states", "lr_schedulers", "epoch"} <= set(state)


def test_a_resumed_run_is_the_run_it_would_have_been(tmp_path):
    quiet = {
        "train_dataloaders": loader(batches()),
        "val_dataloaders": loader(batches(2, seed=1)),
        "weights_only": True,
    }
    whole = module_of()
    trainer_of(tmp_path / "whole", epochs=4).fit(whole, **quiet)
    # the same schedule, cut off by an interruption after two epochs rather than by its end
    cut = trainer_of(tmp_path / "cut", epochs=4)

    class Stop(Exception):
        pass

    validations = iter(range(4))

    def scorer(counts):
        if next(validations) == 2:
            raise Stop
        return {"objective": 0.5}

    with pytest.raises(Stop):
        cut.fit(module_of(scorer), **quiet)
    last = tmp_path / "cut" / "checkpoints" / "last.ckpt"
    assert read_progress(last).epochs == 2
    resumed = module_of()
    for parameter in resumed.parameters():
        torch.nn.init.zeros_(parameter)
    trainer_of(tmp_path / "cut", epochs=4).fit(resumed, ckpt_path=str(last), **quiet)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_better_epoch_before_the_interruption_stays_the_best(fit, tmp_path):
    checkpoints = tmp_path / "checkpoints"
    fit(module_of(scripted(0.3, 0.9)), epochs=2)
    fit(module_of(scripted(0.5, 0.6)), epochs=4, ckpt=str(checkpoints / "last.ckpt"))
    assert read_progress(checkpoints / "best.ckpt").epochs == 2
    assert read_progress(checkpoints / "last.ckpt").epochs == 4


def test_the_best_epoch_stays_the_best_when_the_folder_has_moved(fit, tmp_path):
    fit(module_of(scripted(0.3, 0.9)), epochs=2)
    (tmp_path / "checkpoints").rename(tmp_path / "before")
    (tmp_path / "home").mkdir()
    (tmp_path / "before").rename(tmp_path / "home" / "checkpoints")
    trainer = trainer_of(tmp_path / "home", epochs=4)
    last = tmp_path / "home" / "checkpoints" / "last.ckpt"
    quiet = {
        "train_dataloaders": loader(batches()),
        "val_dataloaders": loader(batches(2, seed=1)),
        "weights_only": True,
    }
    trainer.fit(module_of(scripted(0.5, 0.6)), ckpt_path=str(last), **quiet)
    assert read_progress(last).epochs == 4
    assert read_progress(last.with_name("best.ckpt")).epochs == 2
    assert sorted(file.name for file in last.parent.iterdir()) == ["best.ckpt", "last.ckpt"]


def test_a_checkpoint_that_is_not_whole_is_an_error(fit, tmp_path):
    fit(module_of(), epochs=1)
    last = tmp_path / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:-200])
    with pytest.raises((RuntimeError, OSError)):
        read_progress(last)


def test_an_interrupted_run_stops_as_early_as_the_whole_one(fit, tmp_path):
    """What early stopping has seen is part of the last checkpoint."""
    fit(module_of(scripted(0.5, 0.4)), epochs=2, patience=3)
    trainer, _ = fit(
        module_of(scripted(0.4, 0.4, 0.9, 0.9)), epochs=6, patience=3, ckpt=str(tmp_path / "checkpoints" / "last.ckpt")
    )
    assert trainer.global_step == 4 * 4
    assert read_progress(tmp_path / "checkpoints" / "best.ckpt").epochs == 1


def test_the_last_checkpoint_is_of_the_last_epoch_with_and_without_validation(fit, tmp_path):
    fit(module_of(scripted(0.5, 0.4)), epochs=5, validate_every=2)
    assert read_progress(tmp_path / "checkpoints" / "last.ckpt").epochs == 5
    assert read_progress(tmp_path / "checkpoints" / "best.ckpt").epochs == 2


def test_a_run_that_was_done_is_not_trained_again(fit, tmp_path):
    fit(module_of(scripted(0.5, 0.4)), epochs=2)
    trainer, _ = fit(module_of(scripted()), epochs=2, ckpt=str(tmp_path / "checkpoints" / "last.ckpt"))
    assert trainer.global_step == 8


def test_a_run_that_had_stopped_early_is_not_trained_on(fit, tmp_path):
    fit(module_of(scripted(0.5, 0.4)), epochs=5, patience=1)
    trainer, _ = fit(module_of(scripted(0.9)), epochs=5, patience=1, ckpt=str(tmp_path / "checkpoints" / "last.ckpt"))
    assert trainer.global_step == 8
    assert read_progress(tmp_path / "checkpoints" / "best.ckpt").epochs == 1


def test_tensorboard_writes_into_the_folder(fit, tmp_path):
    fit(module_of(), epochs=1, tensorboard=True)
    assert list((tmp_path / "tensorboard").glob("events.*"))


def test_no_tensorboard_no_files(fit, tmp_path):
    fit(module_of(), epochs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]
