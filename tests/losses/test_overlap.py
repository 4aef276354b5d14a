"""The Dice and Tversky families by hand, and what absent classes and empty batches must not do."""

import math

import pytest
import torch

from rarepix.losses import build_loss

IGNORE = 255
FAMILY = ["dice", "log_dice", "gdice", "jaccard", "tversky", "focal_tversky", "lovasz"]
TRUTH = torch.tensor([[[0, 0, 1, 1], [0, 0, 1, 1]]])
PREDICTED = torch.tensor([[[0, 0, 0, 1], [0, 0, 0, 1]]])
# class 0: tp 4, fp 2, fn 0; class 1: tp 2, fp 0, fn 2


def confident(target: torch.Tensor, classes: int) -> torch.Tensor:
    """Logits that predict *target* with certainty."""
    return torch.nn.functional.one_hot(target, classes).movedim(-1, 1).float() * 200 - 100


def loss_of(name: str, logits: torch.Tensor, target: torch.Tensor, task: str = "multiclass", **given) -> float:
    return float(build_loss(name, task=task, classes=logits.shape[1], **given)(logits, target)["loss"])


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("dice", {}, 1 - (8 / 10 + 4 / 6) / 2),
        ("dice", {"smooth": 1.0}, 1 - (5 / 6 + 3 / 4) / 2),  # added to the overlap and to the mean size of both regions
        ("dice", {"foreground_only": True}, 1 - 4 / 6),
        ("dice", {"foreground_only": True, "background": 1}, 1 - 8 / 10),
        ("log_dice", {}, -(math.log(8 / 10) + math.log(4 / 6)) / 2),
        ("gdice", {}, 1 - 2 * (4 / 16 + 2 / 16) / (10 / 16 + 6 / 16)),
        ("jaccard", {}, 1 - (4 / 6 + 2 / 4) / 2),
        ("tversky", {"fp_weight": 0.3, "fn_weight": 0.7}, 1 - (4 / 4.6 + 2 / 3.4) / 2),
        ("focal_tversky", {"gamma": 2.0}, ((1 - 4 / 4.6) ** 2 + (1 - 2 / 3.4) ** 2) / 2),
        ("dice_plus", {}, 1 - (2 * 2 + 1) / (2 + 4 + 1)),
        ("lovasz", {}, 1 - (4 / 6 + 2 / 4) / 2),  # of confident predictions it is 1 - IoU
        ("unified_focal", {"region_weight": 1.0}, ((1 - 4 / 4.8) + (1 - 2 / 3.2) ** 0.5) / 2),
    ],
)
def test_by_hand(name, given, wanted):
    assert loss_of(name, confident(PREDICTED, 2), TRUTH, **given) == pytest.approx(wanted, abs=1e-6)


def test_soft_by_hand():
    """Probabilities of one half everywhere: the overlap is 2 · 4/2 / (4 + 4) for both classes."""
    assert loss_of("dice", torch.zeros(1, 2, 2, 4), TRUTH) == pytest.approx(0.5, abs=1e-6)


def test_pooled_over_the_batch():
    """A class that only one image of the batch holds is compared over all images."""
    truth = torch.cat([TRUTH, torch.zeros_like(TRUTH)])
    predicted = torch.cat([TRUTH, PREDICTED])  # in the second image 2 pixels of class 1 that are not there
    # class 0: 2·10 / (12 + 10), class 1: 2·4 / (4 + 6)
    assert loss_of("dice", confident(predicted, 2), truth) == pytest.approx(1 - (20 / 22 + 8 / 10) / 2, abs=1e-6)


@pytest.mark.parametrize(("fp_weight", "fn_weight"), [(0.1, 0.9), (0.3, 0.7)])
def test_swapping_the_weights_of_tversky_changes_a_multiclass_loss(fp_weight, fn_weight):
    """Pooled over classes it would not: each wrong pixel is a false positive and a false negative."""
    one = loss_of("tversky", confident(PREDICTED, 2), TRUTH, fp_weight=fp_weight, fn_weight=fn_weight)
    other = loss_of("tversky", confident(PREDICTED, 2), TRUTH, fp_weight=fn_weight, fn_weight=fp_weight)
    assert abs(one - other) > 0.02


def test_a_larger_weight_makes_false_negatives_cost_more():
    logits = torch.full((1, 1, 1, 4), -100.0)
    logits[..., 0] = 100.0
    missing, extra = torch.tensor([[[1, 1, 0, 0]]]), torch.tensor([[[1, 0, 0, 0]]])
    more = logits.clone()
    more[..., 1] = 100.0
    recall = {"fp_weight": 0.1, "fn_weight": 0.9, "task": "binary"}
    assert loss_of("tversky", logits, missing, **recall) == pytest.approx(1 - 1 / 1.9, abs=1e-6)
    assert loss_of("tversky", more, extra, **recall) == pytest.approx(1 - 1 / 1.1, abs=1e-6)


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_a_batch_of_background_has_a_loss_and_a_gradient_that_lowers_it(name, task):
    """The mean probability (Lovász: the hinge): predicting nothing has the lowest loss, and each step leads there."""
    channels = 1 if task == "binary" else 3
    logits = torch.randn(2, channels, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = torch.zeros(2, channels, 4, 4, dtype=torch.long)
    loss = build_loss(name, task=task, classes=channels)
    value = loss(logits, target)["loss"]
    value.backward()
    assert (logits.grad >= 0).all()
    assert (logits.grad > 0).any()
    if name not in ("lovasz", "gdice"):
        assert float(value) == pytest.approx(float(torch.sigmoid(logits).mean()), abs=1e-6)
        assert (logits.grad > 0).all()
    assert float(loss(torch.full_like(logits, -50.0), target)["loss"]) == pytest.approx(0, abs=1e-6)


def test_foreground_only_on_a_batch_without_foreground():
    logits = torch.randn(1, 3, 2, 4, generator=torch.Generator().manual_seed(0))
    wanted = torch.softmax(logits, 1)[:, 1:].mean()
    assert loss_of("dice", logits, torch.zeros_like(TRUTH), foreground_only=True) == pytest.approx(
        float(wanted), abs=1e-6
    )


def test_dice_plus_counts_only_images_with_foreground():
    truth = torch.cat([TRUTH, torch.zeros_like(TRUTH)])
    predicted = torch.cat([PREDICTED, PREDICTED])
    assert loss_of("dice_plus", confident(predicted, 2), truth) == pytest.approx(1 - 5 / 7, abs=1e-6)
    assert loss_of("dice_plus", confident(predicted, 2), torch.zeros_like(truth)) == 0


def test_generalised_dice_weighs_by_the_inverse_of_squared_size():
    """The one pixel of class 1 weighs 1, the 7 of class 0 weigh 1/49 each way."""
    truth = torch.tensor([[[0, 0, 0, 0], [0, 0, 0, 1]]])
    wanted = 1 - 2 * (7 / 49 + 0) / ((7 + 8) / 49 + 1)
    assert loss_of("gdice", confident(torch.zeros_like(truth), 2), truth) == pytest.approx(wanted, abs=1e-6)
