"""The optimiser: every parameter in one group, and the update that is named."""

from typing import get_args

import pytest
import torch
from pydantic import ValidationError

from rarepix.engine.optim import build_optimizer, parameter_groups
from rarepix.engine.settings import OPTIMISERS, SCHEDULES, OptimConfig


class Net(torch.nn.Module):
    """The parts of a segmentation network."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
        self.decoder = torch.nn.Conv2d(4, 4, 1)
        self.segmentation_head = torch.nn.Conv2d(4, 2, 1)


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


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
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


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"momentum": 0.9}, "optim.momentum belongs to optim.name sgd, but that is 'adamw': leave optim.momentum out"),
        ({"name": "adam", "nesterov": True}, "optim.nesterov belongs to optim.name sgd, but that is 'adam'"),
        ({"schedule": "cosine", "power": 2}, "optim.power belongs to optim.schedule poly, but that is 'cosine'"),
        ({"schedule": "poly", "patience": 2}, "optim.patience belongs to optim.schedule plateau, but that is 'poly'"),
        ({"schedule": "plateau", "warmup": 1}, "optim.warmup belongs to .* constant or poly or cosine or step, but"),
        ({"schedule": "cosine", "factor": 0.1}, "optim.factor belongs to optim.schedule step or plateau, .*to null"),
        ({"lr": 0.1, "min_lr": 0.2}, "optim.min_lr must be at most optim.lr = 0.1, but got 0.2"),
        ({"name": "sgd", "momentum": 0, "nesterov": True}, "optim.momentum, which must be above 0, but got 0"),
    ],
)
def test_what_does_not_go_together_is_refused(config, message):
    with pytest.raises(ValidationError, match=message):
        OptimConfig(**config)


def test_what_is_not_given_has_its_default():
    sgd = OptimConfig(name="sgd", schedule="step", factor=0.3)
    assert sgd.parameters("name") == {"momentum": 0.9, "nesterov": False}
    assert sgd.parameters("schedule") == {"every": 10, "factor": 0.3, "warmup": 0}
    assert OptimConfig().parameters("name") == {}
    assert OptimConfig(min_lr=0.0, schedule="plateau").parameters("schedule")["min_lr"] == 0.0


def test_every_choice_has_its_row():
    choices = {key: get_args(OptimConfig.model_fields[key].annotation) for key in ("name", "schedule")}
    assert {key: set(names) for key, names in choices.items()} == {"name": set(OPTIMISERS), "schedule": set(SCHEDULES)}
    for table in (OPTIMISERS, SCHEDULES):
        assert {name for parameters in table.values() for name in parameters} <= set(OptimConfig.model_fields)
