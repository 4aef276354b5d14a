"""The reductions and epsilons exactly as published (arXiv 2104.08717), mistakes included, where they differ from ours.

A binary or multilabel cross-entropy takes the id of an ignored pixel as its target, absent classes are in the mean of
the Dice family as 0, KL is not clamped, images with ignored pixels only are in the mean over images. A result that is
not finite is an error (``checks.check_result``). For hard masks alone. Every term returns a scalar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarepix.labels import Task
from rarepix.losses import pixelwise
from rarepix.losses.marginal import EPSILON
from rarepix.losses.overlap import TINY

if TYPE_CHECKING:
    from torch import Tensor

    from rarepix.losses.batch import Batch

SMOOTHING = 1e-5


def cross_entropy(batch: Batch, *, label_smoothing: float, class_weights: Tensor | None) -> Tensor:
    """Return the mean cross-entropy; binary, multilabel: over all pixels, an ignored one with its id as its target."""
    if batch.task is Task.MULTICLASS:
        return pixelwise.cross_entropy(batch, label_smoothing=label_smoothing, class_weights=class_weights)
    from torch.nn.functional import binary_cross_entropy_with_logits

    return binary_cross_entropy_with_logits(batch.logits, batch.ids.to(batch.logits.dtype))


def softmax_focal(batch: Batch, *, gamma: float, class_weights: Tensor | None) -> Tensor:
    """Return the focal loss of the nnU-Net plug-in: with a smoothed target, class weights divided by their sum."""
    true_prob = (-batch.ce).exp()
    others = SMOOTHING / (batch.logits.shape[1] - 1)
    prob = (1 - SMOOTHING) * true_prob + others * (1 - true_prob) + SMOOTHING
    loss = -((1 - prob).clamp(min=0) ** gamma) * prob.log()
    if class_weights is not None:
        loss = loss * batch.position_weights(class_weights / class_weights.sum())
    return batch.mean(loss)


def gdice(batch: Batch, *, foreground_only: bool) -> Tensor:
    """Return generalised Dice of the sigmoid of each channel; a single channel gets its complement beside it."""
    import torch

    included = batch.classes_in_mean(foreground_only)
    prob, truth = (values.transpose(0, 1).flatten(1)[included] for values in (batch.logits.sigmoid(), batch.one_hot))
    truth = truth.to(prob.dtype)
    if len(prob) == 1:
        prob, truth = torch.cat([prob, 1 - prob]), torch.cat([truth, 1 - truth])
    weights = 1 / (truth.sum(1) ** 2).clamp(min=TINY)
    overlap, size = (weights * (prob * truth).sum(1)).sum(), weights * (prob.sum(1) + truth.sum(1))
    return 1 - 2 * overlap / size.clamp(min=TINY).sum()


def l1(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return the mean of |q - p|."""
    true, predicted = _shares(batch, temperature, marginal, foreground_only)
    return (predicted - true).abs().mean()


def kl(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return Σ p ln(p / q), of a binary task with the complement; not finite where a share is 1."""
    true, predicted = _shares(batch, temperature, marginal, foreground_only)
    terms = true * (true / predicted).log()
    if batch.task is Task.BINARY:
        terms = terms + (1 - true) * ((1 - true) / (1 - predicted)).log()
    return terms.sum(1).mean()


def db(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return the mean of ln(p + q + ε)."""
    true, predicted = _shares(batch, temperature, marginal, foreground_only)
    return (true + predicted + EPSILON).log().mean()


def _shares(batch: Batch, temperature: float, marginal: str, foreground_only: bool) -> tuple[Tensor, Tensor]:
    """Return the true and the predicted class shares R C of each image, or of the batch."""
    predicted, true, pixels = batch.predicted(temperature), batch.actual, batch.valid_pixels.expand_as(batch.actual)
    if marginal == "batch":
        predicted, true, pixels = (counts.sum(0, keepdim=True) for counts in (predicted, true, pixels))
    included = batch.classes_in_mean(foreground_only)
    true, predicted = ((counts + EPSILON) / (pixels + EPSILON) for counts in (true, predicted))
    return true[:, included], predicted[:, included]
