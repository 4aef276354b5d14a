"""The reductions and epsilons exactly as published, faults and all, where they differ from the safe ones.

A binary or multilabel cross-entropy takes ignored pixels by their id, absent classes are in the mean of the Dice family
as 0, KL is not clamped, images of ignored pixels alone are in the mean over images. What is not finite then is an error
(``checks.check_result``).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rarepix.labels import Task
from rarepix.losses import focal, pixelwise
from rarepix.losses.batch import Batch
from rarepix.losses.marginal import EPSILON
from rarepix.losses.overlap import TINY, dice_scores

SMOOTHING = 1e-5


class Shares(NamedTuple):
    """Class shares of each image, or of the batch, R C."""

    true: Tensor
    said: Tensor


def cross_entropy(batch: Batch, *, label_smoothing: float, class_weights: Tensor | None) -> Tensor:
    """Return the mean cross-entropy; binary and multilabel of all pixels, an ignored one with its id as its target."""
    if batch.task is Task.MULTICLASS:
        return pixelwise.cross_entropy(batch, label_smoothing=label_smoothing, class_weights=class_weights)
    return F.binary_cross_entropy_with_logits(batch.logits, batch.ids.to(batch.logits.dtype))


def softmax_focal(batch: Batch, *, gamma: float, class_weights: Tensor | None) -> Tensor:
    """Return the focal loss of the nnU-Net plug-in: with a smoothed target, class weights divided by their sum."""
    right = torch.exp(-batch.costs)
    others = SMOOTHING / (batch.logits.shape[1] - 1)
    likely = (1 - SMOOTHING) * right + others * (1 - right) + SMOOTHING
    costs = -((1 - likely).clamp(min=0) ** gamma) * likely.log()
    if class_weights is not None:
        costs = costs * batch.position_weights(class_weights / class_weights.sum())
    return batch.mean(costs)


def dice(batch: Batch, *, smooth: float, foreground_only: bool) -> Tensor:
    """Return 1 - Dice, absent classes as 0 in the mean."""
    return _mean_over_all(batch, 1 - dice_scores(batch, smooth), foreground_only)


def log_dice(batch: Batch, *, smooth: float, foreground_only: bool) -> Tensor:
    """Return -ln Dice, absent classes as 0 in the mean."""
    return _mean_over_all(batch, -dice_scores(batch, smooth).clamp(min=TINY).log(), foreground_only)


def gdice(batch: Batch, *, foreground_only: bool) -> Tensor:
    """Return generalised Dice of the sigmoid of each channel; one alone gets its complement beside it."""
    inside = batch.classes_in_mean(foreground_only)
    likely, truth = (
        values.transpose(0, 1).flatten(1)[inside] for values in (torch.sigmoid(batch.logits), batch.one_hot)
    )
    truth = truth.to(likely.dtype)
    if len(likely) == 1:
        likely, truth = torch.cat([likely, 1 - likely]), torch.cat([truth, 1 - truth])
    weights = 1 / (truth.sum(1) ** 2).clamp(min=TINY)
    overlap, size = (weights * (likely * truth).sum(1)).sum(), weights * (likely.sum(1) + truth.sum(1))
    return 1 - 2 * overlap / size.clamp(min=TINY).sum()


def l1(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return the mean of |q - p|."""
    shares = _shares(batch, temperature, marginal, foreground_only)
    return (shares.said - shares.true).abs().mean()


def kl(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return Σ p ln(p / q), of a binary task with the complement; not finite where a share is 1."""
    true, said = _shares(batch, temperature, marginal, foreground_only)
    terms = true * (true / said).log()
    if batch.task is Task.BINARY:
        terms = terms + (1 - true) * ((1 - true) / (1 - said)).log()
    return terms.sum(1).mean()


def db(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return the mean of ln(p + q + ε)."""
    shares = _shares(batch, temperature, marginal, foreground_only)
    return (shares.true + shares.said + EPSILON).log().mean()


def _mean_over_all(batch: Batch, losses: Tensor, foreground_only: bool) -> Tensor:
    inside = batch.classes_in_mean(foreground_only)
    return torch.where((batch.sums.actual.sum(0) > 0) & inside, losses, 0).sum() / inside.sum()


def _shares(batch: Batch, temperature: float, marginal: str, foreground_only: bool) -> Shares:
    said, true, pixels = batch.predicted(temperature), batch.actual, batch.counted.expand_as(batch.actual)
    if marginal == "batch":
        said, true, pixels = (counts.sum(0, keepdim=True) for counts in (said, true, pixels))
    inside = batch.classes_in_mean(foreground_only)
    true, said = ((counts + EPSILON) / (pixels + EPSILON) for counts in (true, said))
    return Shares(true[:, inside], said[:, inside])


PUBLISHED: dict[str, Callable[..., Tensor]] = {
    "ce": cross_entropy, "focal": focal.focal, "softmax_focal": softmax_focal, "dice": dice, "log_dice": log_dice,
    "gdice": gdice, "l1": l1, "kl": kl, "db": db,
}  # fmt: skip
"""Term → its published form."""
