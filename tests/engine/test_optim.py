"""The optimiser: its groups and updates. The schedules: functions of the step, and a plateau that is resumed."""

import math

import pytest
import torch
from pydantic import ValidationError

from rarepix.engine.optim import SHAPES, build_optimizer, build_schedule, lr_factor, parameter_groups
from rarepix.engine.settings import OPTIMISERS, SCHEDULES, OptimConfig
from tests.engine.conftest import batches, loader, module_of, scripted, trainer_of


class Net(torch.nn.Module):
    """The parts of a segmentation network."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
        self.decoder = torch.nn.Conv2d(4, 4, 1)
        self.segmentation_head = torch.nn.Conv2d(4, 2, 1)

    def param_groups(self) -> dict[str, list[torch.nn.Parameter]]:
        rest = [*self.decoder.parameters(), *self.segmentation_head.parameters()]
        return {"encoder": [*self.encoder.parameters()], "decoder": rest}


def names(net: Net, groups: list[dict]) -> list[tuple[str, float, float, set[str]]]:
    name_of = {id(parameter): name for name, parameter in net.named_parameters()}
    return [(g["name"], g["lr"], g["weight_decay"], {name_of[id(p)] for p in g["params"]}) for g in groups]


def test_groups_by_hand():
    net = Net()
    assert names(net, parameter_groups(net, OptimConfig(lr=0.5, encoder_ratio=0.1, weight_decay=0.3))) == [
        ("encoder", 0.05, 0.3, {"encoder.0.weight"}),
        ("encoder", 0.05, 0.0, {"encoder.0.bias", "encoder.1.weight", "encoder.1.bias"}),
        ("decoder", 0.5, 0.3, {"decoder.weight", "segmentation_head.weight"}),
        ("decoder", 0.5, 0.0, {"decoder.bias", "segmentation_head.bias"}),
    ]


def test_every_parameter_is_in_one_group(tiny_config):
    from rarepix.models import build_model

    model = build_model(tiny_config.model, classes=4)
    grouped = [id(p) for group in parameter_groups(model, tiny_config.optim) for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())


def test_frozen_parameters_are_left_out():
    net = Net()
    net.encoder.requires_grad_(False)
    assert {group["name"] for group in parameter_groups(net, OptimConfig())} == {"decoder"}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_an_encoder_ratio_of_zero_leaves_the_encoder_as_it_is(name):
    net = Net()
    before = {key: value.clone() for key, value in net.named_parameters()}
    optimizer = build_optimizer(net, OptimConfig(name=name, lr=0.1, encoder_ratio=0.0, weight_decay=0.1))
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    changed = {key for key, value in net.named_parameters() if not torch.equal(value, before[key])}
    assert changed == {"decoder.weight", "decoder.bias", "segmentation_head.weight", "segmentation_head.bias"}


def test_sgd_by_hand():
    net = Net()
    optimizer = build_optimizer(net, OptimConfig(name="sgd", lr=0.1, momentum=0.5, weight_decay=0.2))
    weight, bias = net.decoder.weight, net.decoder.bias
    expected_weight, expected_bias = weight.detach().clone(), bias.detach().clone()
    speed_weight, speed_bias = torch.zeros_like(weight), torch.zeros_like(bias)
    for _ in range(3):
        for parameter in net.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        speed_weight = 0.5 * speed_weight + 1 + 0.2 * expected_weight
        speed_bias = 0.5 * speed_bias + 1
        expected_weight, expected_bias = expected_weight - 0.1 * speed_weight, expected_bias - 0.1 * speed_bias
    assert torch.allclose(weight, expected_weight, atol=1e-6)
    assert torch.allclose(bias, expected_bias, atol=1e-6)


def stepped(steps: int = 3, **config) -> tuple[torch.Tensor, torch.Tensor]:
    """The weight of the decoder before, and after some steps along a gradient of ones."""
    torch.manual_seed(0)
    net = Net()
    before = net.decoder.weight.detach().clone()
    optimizer = build_optimizer(net, OptimConfig(lr=0.1, **config))
    for _ in range(steps):
        for parameter in net.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
    return before, net.decoder.weight.detach()


def test_nesterov_by_hand():
    before, after = stepped(name="sgd", momentum=0.5, nesterov=True, weight_decay=0)
    # speed 1, 1.5, 1.75; each step goes 1 + half of the speed
    assert torch.allclose(before - after, torch.full_like(before, 0.1 * (1.5 + 1.75 + 1.875)), atol=1e-6)


def test_adam_decays_through_its_moments_and_adamw_beside_them():
    """In the first step Adam goes by the sign of gradient + decay · weight, AdamW by that of the gradient alone."""
    before, after = stepped(1, name="adam", weight_decay=100.0)
    assert torch.allclose(before - after, 0.1 * torch.sign(1 + 100 * before), atol=1e-5)
    before, after = stepped(1, name="adamw", weight_decay=0.5)
    assert torch.allclose(before - after, 0.1 + 0.1 * 0.5 * before, atol=1e-5)


def test_radam_by_hand():
    """Its first five steps have no second moment: m̂ is the gradient, 1, and decay is beside it (Liu et al. 2020).

    Of the sixth on the rectification r = √((ρ - 4)(ρ - 2)ρ∞ / ((ρ∞ - 4)(ρ∞ - 2)ρ)) is that of the paper.
    """
    before, after = stepped(1, name="radam", weight_decay=0.5)
    assert torch.allclose(after, before * (1 - 0.1 * 0.5) - 0.1, atol=1e-6)
    limit = 2 / (1 - 0.999) - 1
    lengths = [limit - 2 * t * 0.999**t / (1 - 0.999**t) for t in range(1, 9)]
    assert [length > 5 for length in lengths] == [False] * 5 + [True] * 3
    rates = [
        math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)) if rho > 5 else 1.0
        for rho in lengths
    ]
    before, after = stepped(8, name="radam", weight_decay=0)
    assert torch.allclose(before - after, torch.full_like(before, 0.1 * sum(rates)), atol=1e-5)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"momentum": 0.9}, "optim.momentum belongs to optim.name sgd, but that is 'adamw': leave optim.momentum out"),
        ({"name": "radam", "momentum": 0.9}, "optim.momentum belongs to optim.name sgd, but that is 'radam'"),
        ({"name": "adam", "nesterov": True}, "optim.nesterov belongs to optim.name sgd, but that is 'adam'"),
        ({"schedule": "cosine", "power": 2}, "optim.power belongs to optim.schedule poly, but that is 'cosine'"),
        ({"schedule": "poly", "patience": 2}, "optim.patience belongs to optim.schedule plateau, but that is 'poly'"),
        ({"schedule": "plateau", "warmup": 1}, "optim.warmup belongs to .* constant or poly or cosine or step, but"),
        ({"schedule": "cosine", "factor": 0.1}, "optim.factor belongs to optim.schedule step or plateau, .*to null"),
        ({"lr": 0.1, "min_lr": 0.2}, "optim.min_lr must be at most optim.lr = 0.1, but got 0.2"),
        ({"name": "sgd", "momentum": 0, "nesterov": True}, "optim.momentum, which must be above 0, but got 0"),
    ],
)
def test_contradictory_parameters_are_refused(config, message):
    with pytest.raises(ValidationError, match=message):
        OptimConfig(**config)


def test_parameters_that_are_not_given_have_their_defaults():
    sgd = OptimConfig(name="sgd", schedule="step", factor=0.3)
    assert sgd.parameters("name") == {"momentum": 0.9, "nesterov": False}
    assert sgd.parameters("schedule") == {"every": 10, "factor": 0.3, "warmup": 0}
    assert OptimConfig().parameters("name") == {}
    assert OptimConfig(min_lr=0.0, schedule="plateau").parameters("schedule")["min_lr"] == 0.0


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
def test_a_training_without_steps(schedule):
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
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=30, eta_min=0.01)
    factor = lr_factor(OptimConfig(lr=0.3, schedule="cosine", min_lr=0.01), 30, epochs=3)
    for step in range(30):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.3 * factor(step), rel=1e-6)
        optimizer.step()
        reference.step()


PLATEAU = OptimConfig(lr=0.1, encoder_ratio=0.5, schedule="plateau", factor=0.5, patience=1, min_lr=0.02)
OBJECTIVES = [0.5, 0.5, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6]
"""The rate falls after the third and the sixth, and after the eighth to min_lr."""


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
    """Even the last one before the interruption, which Lightning alone would forget."""
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


def test_lightnings_configuration_of_a_schedule():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    configuration = build_schedule(optimizer, PLATEAU, 20, epochs=4, validate_every=2)
    assert configuration.pop("scheduler").mode == "max"
    assert configuration == {"interval": "epoch", "frequency": 2, "monitor": "objective", "strict": True}
    assert build_schedule(optimizer, OptimConfig(), 20, epochs=4, validate_every=2)["interval"] == "step"
