"""Class shares by hand."""

import math

import pytest
import torch

from rarepix.losses import build_loss

IGNORE = 255
HALF = torch.zeros(2, 2, 1, 4)
TARGET = torch.tensor([[[0, 0, 0, 1]], [[0, 1, IGNORE, IGNORE]]])
# shares of class 1: 1/4 and 1/2 in the images, 2/6 in the batch; predicted: 1/2


def term(name: str, logits: torch.Tensor, target: torch.Tensor, task: str = "multiclass", **given) -> float:
    loss = build_loss(f"ce+{name}", task=task, classes=logits.shape[1], **given)
    return float(loss(logits, target)[name])


def kl(*shares: float) -> float:
    return sum(share * math.log(share / 0.5) for share in shares)


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("l1", {}, (0.25 + 0.25 + 0 + 0) / 4),
        ("l1", {"marginal": "batch"}, 1 / 2 - 1 / 3),
        ("l1", {"foreground_only": True}, (0.25 + 0) / 2),
        ("kl", {}, kl(0.75, 0.25) / 2),
        ("kl", {"marginal": "batch"}, kl(2 / 3, 1 / 3)),
        ("kl", {"foreground_only": True}, kl(0.25) / 2),
        ("db", {}, (math.log(1.25) + math.log(0.75)) / 4),
        ("db", {"marginal": "batch"}, (math.log(7 / 6) + math.log(5 / 6)) / 2),
    ],
)
def test_by_hand(name, given, wanted):
    assert term(name, HALF, TARGET, **given) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("temperature", [1, 4, 100])
def test_a_higher_temperature_comes_nearer_to_the_share_of_the_argmax(temperature):
    """p of class 1 is σ(T), of 3 of 4 pixels; nothing overflows at high temperatures."""
    logits = torch.tensor([[[[0, 0, 0, 0]], [[1, 1, 1, -1]]]]).float()
    target = torch.tensor([[[1, 1, 1, 0]]])
    predicted = (3 / (1 + math.exp(-temperature)) + 1 / (1 + math.exp(temperature))) / 4
    assert term("l1", logits, target, temperature=temperature) == pytest.approx(abs(0.75 - predicted), abs=1e-6)


def test_where_pixels_are_does_not_matter():
    logits = torch.randn(2, 2, 1, 4, generator=torch.Generator().manual_seed(0))
    moved = TARGET[..., torch.tensor([3, 1, 2, 0])]
    whole = torch.where(TARGET == IGNORE, 0, TARGET)
    moved = torch.where(moved == IGNORE, 0, moved)
    for name in ("l1", "kl", "db"):
        assert term(name, logits, whole) == pytest.approx(term(name, logits, moved), abs=1e-6)


def test_binary_divergence_has_the_background_in_it():
    logits, target = HALF[:, :1], TARGET
    assert term("kl", logits, target, "binary") == pytest.approx(kl(0.75, 0.25) / 2, abs=1e-6)
    assert term("kl", logits, target.unsqueeze(1), "multilabel") == pytest.approx((kl(0.25) + kl(0.5)) / 2, abs=1e-6)


def test_a_channel_with_ignored_pixels_only_is_in_no_mean():
    target = torch.stack([TARGET, torch.full_like(TARGET, IGNORE)], 1)
    target[1, 1] = torch.tensor([[1, 1, 1, 0]])
    assert term("l1", HALF, target, "multilabel") == pytest.approx((0.25 + 0 + 0.25) / 3, abs=1e-6)


@pytest.mark.parametrize("name", ["l1", "kl"])
def test_the_gradient_leads_to_the_true_share(name):
    logits = torch.zeros(1, 2, 1, 4, requires_grad=True)
    target = torch.tensor([[[0, 0, 0, 1]]])
    loss = build_loss(f"ce+{name}", task="multiclass", classes=2, alpha=1000.0)
    loss(logits, target)["loss"].backward()
    assert (logits.grad[:, 1] > 0).all()  # class 1 has fewer pixels than predicted
