"""Parameter groups and learning rates: every parameter in one group, every rate a function of the step."""

import math

import pytest
import torch

from rarepix.engine.optim import build_optimizer, lr_factor, parameter_groups
from rarepix.engine.settings import OptimConfig


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


@pytest.mark.parametrize("name", ["adamw", "sgd"])
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


def test_optimisers_are_those_named():
    assert isinstance(build_optimizer(Net(), OptimConfig(name="adamw")), torch.optim.AdamW)
    assert isinstance(build_optimizer(Net(), OptimConfig(name="sgd")), torch.optim.SGD)


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
    ],
)
def test_schedules(config, step, factor):
    assert lr_factor(OptimConfig(**config), 100)(step) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("schedule", ["poly", "cosine"])
def test_schedules_fall(schedule):
    factor = lr_factor(OptimConfig(schedule=schedule), 37)
    values = [factor(step) for step in range(38)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 38


def test_no_steps_no_division_by_zero():
    assert lr_factor(OptimConfig(schedule="poly"), 0)(0) == 1.0
