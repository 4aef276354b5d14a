"""The plug-in, as nnU-Net calls it."""

import pytest
import torch

from rarepix.losses import build_loss
from rarepix.losses.checks import LossError
from rarepix.losses.nnunet import NNUNetLoss

CLASSES = 3


class DeepSupervision(torch.nn.Module):
    """A stand-in for nnU-Net's wrapper: the weighted sum of the loss of each resolution."""

    def __init__(self, loss: torch.nn.Module, weights: list[float]) -> None:
        super().__init__()
        self.loss, self.weights = loss, weights

    def forward(self, outputs: list[torch.Tensor], targets: list[torch.Tensor]) -> torch.Tensor:
        pairs = zip(self.weights, outputs, targets, strict=True)
        return sum(weight * self.loss(output, target) for weight, output, target in pairs if weight)


def volume(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(size)
    target = torch.randint(0, CLASSES, (2, 1, size, size, size), generator=random).float()
    return torch.randn(2, CLASSES, size, size, size, generator=random), target


@pytest.mark.parametrize("name", ["ce+l1", "ce+kl", "softmax_focal+l1", "dice", "ce+dice+boundary"])
def test_deep_supervision_is_the_weighted_sum_of_each_resolution(name):
    batches = [volume(size) for size in (6, 3, 2)]
    outputs = [logits.clone().requires_grad_() for logits, _ in batches]
    total = DeepSupervision(NNUNetLoss(name, classes=CLASSES), [0.6, 0.4, 0.0])(
        outputs, [target for _, target in batches]
    )
    plain = build_loss(name, task="multiclass", classes=CLASSES)
    wanted = [float(plain(logits, target[:, 0].long())["loss"]) for logits, target in batches]
    assert total.shape == ()
    assert float(total) == pytest.approx(0.6 * wanted[0] + 0.4 * wanted[1], rel=1e-6)
    total.backward()
    assert outputs[0].grad.any()
    assert outputs[2].grad is None


def test_a_target_may_lack_the_channel_axis():
    logits, target = volume(4)
    loss = NNUNetLoss("ce+l1", classes=CLASSES)
    assert float(loss(logits, target[:, 0])) == float(loss(logits, target))


def test_negative_ids_are_ignored():
    logits, target = volume(4)
    outside = target.clone()
    target[:, :, 0] = 255
    outside[:, :, 0] = -1
    loss = NNUNetLoss("ce+l1", classes=CLASSES)
    assert float(loss(logits, outside)) == float(loss(logits, target))


def test_the_published_focal_loss_by_its_formula():
    """t = clip(one-hot, s / (C - 1), 1 - s), p = Σ t · softmax + s, mean of -(1 - p)² ln p."""
    logits, target = volume(3)
    smoothing = 1e-5
    one_hot = torch.nn.functional.one_hot(target[:, 0].long(), CLASSES).movedim(-1, 1).float()
    prob = (one_hot.clamp(smoothing / (CLASSES - 1), 1 - smoothing) * torch.softmax(logits, 1)).sum(1) + smoothing
    wanted = (-((1 - prob) ** 2) * prob.log()).mean()
    value = NNUNetLoss("softmax_focal", classes=CLASSES, published=True)(logits, target)
    assert float(value) == pytest.approx(float(wanted), rel=1e-5)
    weights = torch.tensor([1.0, 2.0, 5.0])
    weighted = (-((1 - prob) ** 2) * prob.log() * (weights / weights.sum())[target[:, 0].long()]).mean()
    value = NNUNetLoss("softmax_focal", classes=CLASSES, published=True, class_weights=weights)(logits, target)
    assert float(value) == pytest.approx(float(weighted), rel=1e-5)


def test_regions_that_overlap():
    logits, _ = volume(3)
    target = (torch.rand(logits.shape, generator=torch.Generator().manual_seed(1)) < 0.3).float()
    value = NNUNetLoss("ce+dice", classes=CLASSES, task="multilabel")(logits, target)
    assert float(value) == float(build_loss("ce+dice", task="multilabel", classes=3)(logits, target.long())["loss"])


def test_schedules_follow_the_epoch():
    logits, target = volume(3)
    loss = NNUNetLoss("ce+l1", classes=CLASSES, alpha=2, schedule="linear", over=4)
    first = float(loss(logits, target))
    loss.set_epoch(4)
    assert first == float(loss.loss(logits, target[:, 0].long())["ce"])
    assert float(loss(logits, target)) > first


def test_refuses_a_target_that_is_not_whole_numbers():
    logits, target = volume(3)
    with pytest.raises(LossError, match="must hold ids, whole numbers"):
        NNUNetLoss("ce", classes=CLASSES)(logits, target + 0.5)
