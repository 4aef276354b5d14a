"""Losses that are a mean over pixels, against formulas written out in float64."""

import numpy as np
import pytest
import torch

from rarepix.losses import build_loss
from rarepix.losses.pixelwise import kth_largest

IGNORE = 255
WEIGHTS = np.array([0.5, 1.0, 4.0])
COUNTS = np.array([900.0, 90.0, 10.0])


@pytest.fixture(scope="module")
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=random) * 2
    target = torch.randint(0, 3, (2, 4, 5), generator=random)
    target[0, :2] = IGNORE
    return logits, target


def loss_of(name: str, batch, task: str = "multiclass", **given) -> float:
    return float(build_loss(name, task=task, classes=batch[0].shape[1], **given)(*batch)["loss"])


def rows(batch) -> tuple[np.ndarray, np.ndarray]:
    """Logits (pixels × channels) and ids of the pixels that count."""
    logits, target = (tensor.double().numpy() for tensor in batch)
    counted = target.ravel() != IGNORE
    return np.moveaxis(logits, 1, -1).reshape(-1, logits.shape[1])[counted], target.ravel()[counted].astype(int)


def pixels(batch) -> tuple[np.ndarray, np.ndarray]:
    """Probability of the true class and ids of the pixels that count."""
    z, ids = rows(batch)
    softmax = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return softmax[range(len(ids)), ids], ids


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_cross_entropy(batch, smoothing, weights):
    z, ids = rows(batch)
    logs = z - np.log(np.exp(z).sum(1, keepdims=True))
    losses = -((np.eye(3)[ids] * (1 - smoothing) + smoothing / 3) * logs).sum(1)
    expected = np.average(losses, weights=None if weights is None else weights[ids])
    assert loss_of("ce", batch, label_smoothing=smoothing, class_weights=weights) == pytest.approx(expected, rel=1e-5)


def binary(batch) -> tuple[torch.Tensor, torch.Tensor]:
    return batch[0][:, :1], torch.where(batch[1] == 2, 0, batch[1])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, [1.0, 5.0]])
def test_binary_cross_entropy(batch, smoothing, weights):
    z, ids = rows(binary(batch))
    yes = 1 / (1 + np.exp(-z[:, 0]))
    wanted = ids * (1 - smoothing) + smoothing / 2
    losses = -(wanted * np.log(yes) + (1 - wanted) * np.log(1 - yes))
    expected = np.average(losses, weights=None if weights is None else np.array(weights)[ids])
    assert loss_of(
        "ce", binary(batch), "binary", label_smoothing=smoothing, class_weights=weights
    ) == pytest.approx(expected, rel=1e-5)  # fmt: skip


def test_weights_of_channels_in_a_multilabel_task(batch):
    logits, _ = batch
    target = (torch.rand(logits.shape, generator=torch.Generator().manual_seed(1)) < 0.4).long()
    alone = [loss_of("ce", (logits[:, c : c + 1], target[:, c : c + 1]), "multilabel") for c in range(3)]
    assert loss_of("ce", (logits, target), "multilabel", class_weights=WEIGHTS) == pytest.approx(
        np.average(alone, weights=WEIGHTS), rel=1e-5
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 3.5])
@pytest.mark.parametrize("balance", [None, 0.25])
def test_focal_is_one_class_against_the_rest(batch, gamma, balance):
    z, ids = rows(batch)
    own = np.eye(3)[ids]
    right = 1 / (1 + np.exp(-np.where(own, z, -z)))
    losses = (1 - right) ** gamma * -np.log(right)
    if balance is not None:
        losses = losses * np.where(own, balance, 1 - balance)
    assert loss_of("focal", batch, gamma=gamma, balance=balance) == pytest.approx(losses.sum(1).mean(), rel=1e-5)
    weighted = (losses * WEIGHTS / WEIGHTS.mean()).sum(1).mean()
    assert loss_of("focal", batch, gamma=gamma, balance=balance, class_weights=WEIGHTS) == pytest.approx(
        weighted, rel=1e-5
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_softmax_focal(batch, gamma):
    right, _ = pixels(batch)
    expected = ((1 - right) ** gamma * -np.log(right)).mean()
    assert loss_of("softmax_focal", batch, gamma=gamma) == pytest.approx(expected, rel=1e-5)


def test_poly1(batch):
    right, _ = pixels(batch)
    assert loss_of("poly1", batch, epsilon=2.0) == pytest.approx((-np.log(right) + 2 * (1 - right)).mean(), rel=1e-5)


def test_inverse_frequency(batch):
    right, ids = pixels(batch)
    for power in (1.0, 0.5):
        expected = np.average(-np.log(right), weights=(1 / COUNTS[ids]) ** power)
        assert loss_of("inverse_frequency_ce", batch, class_pixels=COUNTS, power=power) == pytest.approx(
            expected, rel=1e-5
        )


def test_inverse_frequency_of_a_class_that_is_absent_from_training(batch):
    """It weighs as if it had one pixel, so the weight is finite."""
    with_none, with_one = (loss_of("inverse_frequency_ce", batch, class_pixels=[900, 100, n]) for n in (0, 1))
    assert with_none == with_one


def test_logit_adjustment(batch):
    logits, target = batch
    shifted = logits + 0.5 * torch.tensor(np.log(COUNTS / 1000)).float().view(1, 3, 1, 1)
    assert loss_of("logit_adjustment", batch, class_pixels=COUNTS, tau=0.5) == pytest.approx(
        loss_of("ce", (shifted, target)), rel=1e-5
    )
    one, ids = binary(batch)
    odds = one + float(np.log(10 / 990))
    value = loss_of("logit_adjustment", (one, ids), "binary", class_pixels=[990, 10])
    assert value == pytest.approx(loss_of("ce", (odds, ids), "binary"), rel=1e-5)


@pytest.mark.parametrize(("threshold", "min_kept"), [(0.5, 0.01), (0.01, 0.3), (0.7, 0.0625)])
def test_ohem(batch, threshold, min_kept):
    right, _ = pixels(batch)
    losses = np.sort(-np.log(right))[::-1]
    kept = max((right <= threshold).sum(), int(np.ceil(min_kept * len(losses))))
    assert loss_of("ohem", batch, threshold=threshold, min_kept=min_kept) == pytest.approx(
        losses[:kept].mean(), rel=1e-5
    )


@pytest.mark.parametrize("share", [0.01, 0.25, 1.0])
def test_topk(batch, share):
    losses = np.sort(-np.log(pixels(batch)[0]))[::-1]
    number = int(np.ceil(share * len(losses)))
    assert loss_of("topk", batch, share=share) == pytest.approx(losses[:number].mean(), rel=1e-5)


def test_ties_at_the_threshold_share_the_gradient():
    logits = torch.zeros(1, 2, 1, 4).requires_grad_()
    build_loss("topk", task="multiclass", classes=2, share=0.5)(logits, torch.zeros(1, 1, 4, dtype=torch.long))[
        "loss"
    ].backward()
    assert logits.grad[0, 0, 0].tolist() == pytest.approx([-0.125] * 4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_kth_largest_is_that_of_a_sort(dtype):
    values = torch.randn(500, generator=torch.Generator().manual_seed(3), dtype=dtype).abs() * 10
    values[100:140] = values[0]
    counted = torch.rand(500, generator=torch.Generator().manual_seed(4)) < 0.7
    ordered = values[counted].sort(descending=True).values
    for k in (1, 2, 57, len(ordered)):
        assert kth_largest(values, counted, torch.tensor(k)) == ordered[k - 1]


def test_weights_of_background_and_object(batch):
    z, ids = rows(binary(batch))
    yes = 1 / (1 + np.exp(-z[:, 0]))
    losses = -np.where(ids, np.log(yes), np.log(1 - yes)) * np.where(ids, 2.0, 0.3)
    value = loss_of("background_weighted_bce", binary(batch), "binary", background_weight=0.3, object_weight=2.0)
    assert value == pytest.approx(losses.mean(), rel=1e-5)


def test_the_edge_of_a_box_by_hand():
    """Probabilities of one half: CE is ln 2. The edge of a box of 2 × 2 in 6 × 6 is all of it and the ring around."""
    target = torch.zeros(1, 6, 6, dtype=torch.long)
    target[0, 2:4, 2:4] = 1
    value = loss_of("box_aware_bce", (torch.zeros(1, 1, 6, 6), target), "binary", edge_kernel=3, edge_weight=0.25)
    assert value == pytest.approx(np.log(2) * (16 * 0.25 + 20) / 36, rel=1e-6)
    target[0, :, :2] = IGNORE  # ignored pixels make no edge
    value = loss_of("box_aware_bce", (torch.zeros(1, 1, 6, 6), target), "binary", edge_kernel=3, edge_weight=0.25)
    assert value == pytest.approx(np.log(2) * (12 * 0.25 + 12) / 24, rel=1e-6)


def test_unified_focal_pixels_by_hand(batch):
    """Background is suppressed, the rest is not."""
    right, ids = pixels(batch)
    losses = np.where(ids == 0, 0.4 * (1 - right) ** 0.5, 0.6) * -np.log(right)
    assert loss_of("unified_focal", batch, region_weight=0.0) == pytest.approx(losses.mean(), rel=1e-5)
    losses = 0.6 * -np.log(right)
    value = loss_of("unified_focal", batch, region_weight=0.0, background=None)
    assert value == pytest.approx(losses.mean(), rel=1e-5)
