"""Losses by name: what they are built from, and what is refused."""

import pytest
import torch

from rarepix.labels import Task
from rarepix.losses import build_loss
from rarepix.losses.settings import LOSS_PARAMETERS, LossConfig
from rarepix.losses.table import TERMS

BATCH = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)), torch.zeros(2, 4, 4, dtype=torch.long)


def test_every_loss_can_be_configured_and_built():
    """The table that imports torch and the one that does not must say the same."""
    assert set(TERMS) == set(LOSS_PARAMETERS)
    fields = set(LossConfig.model_fields) - {"name"}
    assert {key for parameters in LOSS_PARAMETERS.values() for key in parameters} == fields


@pytest.mark.parametrize("name", LOSS_PARAMETERS)
def test_given_parameters_reach_the_loss(name):
    defaults = LossConfig(name=name)
    for key, value in LOSS_PARAMETERS[name].items():
        other = LossConfig(name=name, **{key: value + 0.5})
        assert other.parameters() == defaults.parameters() | {key: value + 0.5}
        prices = [
            float(build_loss(name, task="multiclass", classes=3, **config.parameters())(*BATCH)["loss"])
            for config in (defaults, other)
        ]
        assert prices[0] != prices[1], key


@pytest.mark.parametrize("name", ["CE", "Focal", "DICE"])
def test_case_does_not_matter(name):
    loss = build_loss(name, task=Task.MULTICLASS, classes=3)
    assert set(loss(*BATCH)) == {"loss", name.lower()}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("dise", {}, r"unknown loss 'dise': did you mean 'dice'\? valid: ce, dice, focal"),
        ("ce", {"gamma": 1.0}, r"loss 'ce' takes \['label_smoothing'\], but got \['gamma'\]"),
        ("ce", {"task": "multilabel"}, "loss 'ce' is defined for multiclass masks, but the task is 'multilabel'"),
        ("dice", {"task": Task.BINARY}, "loss 'dice' is defined for multiclass masks, but the task is 'binary'"),
        ("ce", {"task": "panoptic"}, "'panoptic' is not a valid Task"),
    ],
)
def test_refuses(name, given, message):
    with pytest.raises(ValueError, match=message):
        build_loss(name, **({"task": "multiclass", "classes": 3} | given))
