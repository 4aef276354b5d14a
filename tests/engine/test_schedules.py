"""Learning rates: functions of the step by hand and by their published values, and a plateau that remembers."""

import math

import pytest
import torch

from rarepix.engine.schedules import SHAPES, build_schedule, lr_factor
from rarepix.engine.settings import SCHEDULES, OptimConfig
from tests.engine.conftest import batches, loader, module_of, scripted, trainer_of

EPOCHS = 10


@pytest.mark.parametrize(
    ("config", "step", "factor"),
    [
        ({"schedule": "constant"}, 70, 1.0),
        ({"schedule": "poly", "power": 0.9}, 0, 1.0),
        ({"schedule": "poly", "power": 0.9}, 50, 0.5**0.9),
        ({"schedule": "poly", "power": 2}, 75, 0.0625),
        ({"schedule": "poly"}, 100, 0.0),
        ({"schedule": "poly"}, 150, 0.0),
        ({"schedule": "cosine"}, 0, 1.0),
        ({"schedule": "cosine"}, 25, (1 + math.sqrt(0.5)) / 2),
        ({"schedule": "cosine"}, 50, 0.5),
        ({"schedule": "cosine"}, 100, 0.0),
        ({"schedule": "cosine"}, 150, 0.0),
        ({"schedule": "cosine", "lr": 0.1, "min_lr": 0.02}, 50, 0.6),
        ({"schedule": "cosine", "lr": 0.1, "min_lr": 0.02}, 100, 0.2),
        ({"schedule": "step", "every": 3, "factor": 0.5}, 29, 1.0),
        ({"schedule": "step", "every": 3, "factor": 0.5}, 30, 0.5),
        ({"schedule": "step", "every": 3, "factor": 0.5}, 90, 0.125),
        ({"schedule": "step", "every": 3, "factor": 0.5}, 150, 0.125),
        ({"schedule": "constant", "warmup": 2}, 0, 0.0),
        ({"schedule": "constant", "warmup": 2}, 5, 0.25),
        ({"schedule": "constant", "warmup": 2}, 20, 1.0),
        ({"schedule": "poly", "power": 1.0, "warmup": 10}, 50, 0.5),  # where the two lines meet
        ({"schedule": "poly", "power": 1.0, "warmup": 10}, 90, 0.1),
    ],
)
def test_schedules(config, step, factor):
    assert lr_factor(OptimConfig(**config), 100, epochs=EPOCHS)(step) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("schedule", ["poly", "cosine"])
def test_schedules_fall(schedule):
    factor = lr_factor(OptimConfig(schedule=schedule), 37, epochs=EPOCHS)
    values = [factor(step) for step in range(38)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 38


@pytest.mark.parametrize("schedule", SHAPES)
def test_no_steps_no_division_by_zero(schedule):
    assert lr_factor(OptimConfig(schedule=schedule), 0, epochs=1)(0) == 1.0


def test_every_schedule_can_be_built():
    assert set(SHAPES) | {"plateau"} == set(SCHEDULES)


@pytest.mark.parametrize(
    ("warmup", "rates"),
    [
        (0, {0: 0.01, 1: 0.00955337, 5: 0.00774171, 10: 0.00540528, 20: 0.0001}),
        (1, {0: 0.0001, 1: 0.00208, 4: 0.00802, 5: 0.00774171}),
    ],
)
def test_published_rates(warmup, rates):
    """The poly schedule of the label-marginal losses: 4 epochs of 5 steps, 0.01 to 0.0001."""
    config = OptimConfig(lr=0.01, min_lr=1e-4, schedule="poly", warmup=warmup)
    factor = lr_factor(config, 20, epochs=4)
    assert {step: 0.01 * factor(step) for step in rates} == pytest.approx(rates, abs=5e-9)


def test_cosine_against_torch():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=30, eta_min=0.01)
    ours = lr_factor(OptimConfig(lr=0.3, schedule="cosine", min_lr=0.01), 30, epochs=3)
    for step in range(30):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.3 * ours(step), rel=1e-6)
        optimizer.step()
        theirs.step()


PLATEAU = OptimConfig(lr=0.1, encoder_ratio=0.5, schedule="plateau", factor=0.5, patience=1, min_lr=0.02)
OBJECTIVES = [0.5, 0.5, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6]
"""Falls after the third and the sixth, and after the eighth as far as min_lr."""


def rates(trainer) -> dict[str, float]:
    return {group["name"]: group["lr"] for group in trainer.optimizers[0].param_groups}


@pytest.mark.parametrize(
    ("epochs", "decoder"), [(1, 0.1), (2, 0.1), (3, 0.05), (5, 0.05), (6, 0.025), (7, 0.025), (8, 0.02)]
)
def test_plateau(fit, epochs, decoder):
    trainer, _ = fit(module_of(scripted(*OBJECTIVES), optim=PLATEAU), epochs=epochs)
    assert rates(trainer) == pytest.approx({"encoder": decoder / 2, "decoder": decoder})


def test_plateau_waits_for_validations_not_epochs(fit):
    trainer, _ = fit(module_of(scripted(0.5, 0.5, 0.5), optim=PLATEAU), epochs=7, validate_every=2)
    assert rates(trainer)["decoder"] == pytest.approx(0.05)


@pytest.mark.parametrize("interrupted", [2, 3, 5])
def test_a_resumed_run_remembers_every_validation_of_its_plateau(tmp_path, interrupted):
    """The last one before the interruption, too: Lightning alone would forget it."""
    quiet = {
        "train_dataloaders": loader(batches()),
        "val_dataloaders": loader(batches(2, seed=1)),
        "weights_only": True,
    }
    first = trainer_of(tmp_path, epochs=interrupted)
    first.fit(module_of(scripted(*OBJECTIVES), optim=PLATEAU), **quiet)
    last = str(tmp_path / "checkpoints" / "last.ckpt")
    resumed = trainer_of(tmp_path, epochs=6)
    resumed.fit(module_of(scripted(*OBJECTIVES[interrupted:]), optim=PLATEAU), ckpt_path=last, **quiet)
    assert rates(resumed) == pytest.approx({"encoder": 0.0125, "decoder": 0.025})


def test_what_lightning_is_told():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    told = build_schedule(optimizer, PLATEAU, 20, epochs=4, validate_every=2)
    assert told.pop("scheduler").mode == "max"
    assert told == {"interval": "epoch", "frequency": 2, "monitor": "objective", "strict": True}
    assert build_schedule(optimizer, OptimConfig(), 20, epochs=4, validate_every=2)["interval"] == "step"
