"""Losses of soft masks: values by hand for shares between 0 and 1, and what is refused."""

import math

import pytest
import torch
import torch.nn.functional as F

from rarepix.labels import SOFT_SCALE
from rarepix.losses import build_loss
from rarepix.losses.checks import LossError
from rarepix.losses.registry import TERMS

PROB = 0.8
LOGITS = torch.full((1, 1, 1, 4), math.log(PROB / (1 - PROB)), dtype=torch.float64)
TARGET = torch.tensor([[[127, 127, 254, 255]]], dtype=torch.uint8)
"""Shares 1/2, 1/2 and 1, and an ignored pixel; the network says 0.8 everywhere."""
CE = (-0.5 * math.log(PROB) - 0.5 * math.log(1 - PROB), -math.log(PROB))
"""Of a pixel with share 1/2, and with share 1."""
OVERLAP, PREDICTED, ACTUAL = PROB * 2, PROB * 3, 2.0
"""Σ p y, Σ p and Σ y of the three pixels that count."""


def mean(half: float, one: float) -> float:
    """Return the mean over two pixels with share 1/2 and one with share 1."""
    return (2 * half + one) / 3


BY_HAND = [
    ("ce", {}, mean(*CE)),
    (
        "ce",
        {"label_smoothing": 0.2},  # shares 0.5 and 0.9
        mean(CE[0], -0.9 * math.log(PROB) - 0.1 * math.log(1 - PROB)),
    ),
    ("ce", {"class_weights": [1.0, 3.0]}, (2 * 2 * CE[0] + 3 * CE[1]) / (2 * 2 + 3)),
    ("inverse_frequency_ce", {"class_pixels": [75, 25]}, (2 * 2 * CE[0] + 3 * CE[1]) / (2 * 2 + 3)),
    (
        "logit_adjustment",
        {"class_pixels": [75, 25]},  # the odds are a third: 4 becomes 4 / 3, the probability 4 / 7
        mean(-0.5 * math.log(4 / 7) - 0.5 * math.log(3 / 7), -math.log(4 / 7)),
    ),
    ("poly1", {"epsilon": 2.0}, mean(CE[0] + 2 * 0.5, CE[1] + 2 * 0.2)),
    ("focal", {"gamma": 2.0}, mean(0.3**2 * CE[0], 0.2**2 * CE[1])),
    ("focal", {"gamma": 0.5, "balance": 0.25}, mean(0.3**0.5 * CE[0] * 0.5, 0.2**0.5 * CE[1] * 0.25)),
    ("background_weighted_bce", {"background_weight": 0.2}, mean(0.6 * CE[0], CE[1])),
    ("dice", {}, 1 - 2 * OVERLAP / (PREDICTED + ACTUAL)),
    ("log_dice", {}, -math.log(2 * OVERLAP / (PREDICTED + ACTUAL))),
    ("jaccard", {}, 1 - OVERLAP / (PREDICTED + ACTUAL - OVERLAP)),
    ("tversky", {}, 1 - OVERLAP / (OVERLAP + 0.3 * (PREDICTED - OVERLAP) + 0.7 * (ACTUAL - OVERLAP))),
    (
        "focal_tversky",
        {"gamma": 2.0},
        (1 - OVERLAP / (OVERLAP + 0.3 * (PREDICTED - OVERLAP) + 0.7 * (ACTUAL - OVERLAP))) ** 2,
    ),
    (
        "gdice",  # background: overlap 2 · 0.2 · 0.5, predicted 0.6, actual 1; weights 1 and 1 / 4
        {},
        1 - 2 * (0.2 + OVERLAP / 4) / (0.6 + 1 + (PREDICTED + ACTUAL) / 4),
    ),
    ("dice_plus", {"smooth": 0.0}, 1 - 2 * OVERLAP / (PREDICTED + ACTUAL)),
    (
        "proposed",
        {"presence_weight": 0.0, "dice_weight": 0.5},
        mean(*CE) + 0.5 * (1 - (2 * OVERLAP + 1) / (PREDICTED + ACTUAL + 1)),
    ),
]


@pytest.mark.parametrize(("name", "given", "wanted"), BY_HAND)
def test_by_hand(name, given, wanted):
    loss = build_loss(name, task="binary", classes=1, scale=SOFT_SCALE, **given)
    assert float(loss(LOGITS, TARGET)["loss"]) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("l1", 0.8 - 2 / 3),
        ("db", math.log(0.8 + 2 / 3)),
        ("kl", 2 / 3 * math.log(2 / 3 / 0.8) + 1 / 3 * math.log(1 / 3 / 0.2)),
    ],
)
def test_class_shares_by_hand(name, wanted):
    loss = build_loss(f"ce+{name}", task="binary", classes=1, scale=SOFT_SCALE)
    assert float(loss(LOGITS, TARGET)[name]) == pytest.approx(wanted, rel=1e-6)


def test_every_term_that_takes_soft_masks_is_worked_out_by_hand():
    by_hand = {name for name, _, _ in BY_HAND} | {"l1", "db", "kl"}
    assert by_hand == {name for name, row in TERMS.items() if row.soft and row.needs == "mask"}


@pytest.mark.parametrize("gamma", [0.0, 0.3, 2.0])
def test_focal_has_a_gradient_where_the_prediction_is_right(gamma):
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    loss = build_loss("focal", task="binary", classes=1, scale=SOFT_SCALE, gamma=gamma)
    value = loss(logits, torch.full((1, 2, 2), SOFT_SCALE // 2))["loss"]
    value.backward()
    assert torch.isfinite(logits.grad).all()
    assert float(value) == pytest.approx(math.log(2) if gamma == 0 else 0, abs=0.01)


def test_a_library_loss_gets_the_shares_and_its_ignore_index():
    loss = build_loss("smp/SoftBCEWithLogitsLoss", task="binary", classes=1, scale=SOFT_SCALE)
    wanted = F.binary_cross_entropy_with_logits(LOGITS[..., :3], torch.tensor([[[[0.5, 0.5, 1.0]]]]).double()) * 3 / 4
    assert float(loss(LOGITS, TARGET)["loss"]) == pytest.approx(float(wanted), rel=1e-6)
    quality = build_loss("toolbelt/QualityFocalLoss", task="binary", classes=1, scale=SOFT_SCALE)
    focal = build_loss("focal", task="binary", classes=1, scale=SOFT_SCALE)
    assert float(quality(LOGITS, TARGET)["loss"]) == pytest.approx(float(focal(LOGITS, TARGET)["loss"]), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("lovasz", {}, "'lovasz' is not defined on soft masks: use a loss of ce, .*presence_bce, or masks of 0 and 1"),
        ("ce+boundary", {}, "'boundary' is not defined on soft masks"),
        ("smp/LovaszLoss", {}, "'smp/LovaszLoss' is not defined on soft masks: use a loss of smp/DiceLoss, "),
        ("ce", {"published": True}, "the published forms are not defined on soft masks: leave published out"),
        (
            "ce",
            {"scale": 255},
            "scale must be 1 or, of the soft masks of a binary or multilabel task, 254, but got 255",
        ),
        ("ce", {"scale": "254"}, "scale must be an integer, but got '254'"),
        ("ce", {"task": "multiclass", "classes": 3}, "but got 254 for a multiclass task"),
        ("ce", {"ignore_index": 200}, r"ignore_index must not be an id of a class \(0 to 254\), but got 200"),
    ],
)
def test_refuses(name, given, message):
    with pytest.raises(LossError, match=message):
        build_loss(name, **({"task": "binary", "classes": 1, "scale": SOFT_SCALE} | given))


@pytest.mark.parametrize("name", ["ce", "smp/DiceLoss"])
def test_refuses_shares_that_are_none(name):
    loss = build_loss(name, task="binary", classes=1, scale=SOFT_SCALE)
    with pytest.raises(LossError, match="must be from 0 to 254 or 255 .ignored., but they go from -1 to 300"):
        loss(LOGITS, torch.tensor([[[-1, 300, 0, 0]]]))


def test_a_loss_of_hard_masks_refuses_soft_ones():
    with pytest.raises(LossError, match="must be from 0 to 1 or 255 .ignored., but they go from 0 to 254"):
        build_loss("ce", task="binary", classes=1)(LOGITS, TARGET)
