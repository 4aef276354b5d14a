"""Terms that compare regions class by class: the Dice and Tversky families, Lovász, unified focal.

Soft counts are summed over the batch, then there is one loss for each class that the batch holds, then their mean: an
absent class does not make a mistake cheaper. Where the batch holds none of the classes (nothing but background, in a
binary or multilabel task) the loss is the mean probability of the classes: 0 only if the network predicts nothing, with
a gradient that leads there.

TP = Σ p y, FP = Σ p - TP, FN = Σ y - TP over the pixels of the batch that count, of soft masks, too: there a prediction
p = y does not have the lowest loss, since Σ p y grows with p (Wang et al. 2023, Dice semimetric losses). Every term
returns a scalar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from rarepix.labels import Task
from rarepix.losses.pixelwise import focal_factor
from rarepix.losses.term import Gamma, PerClass, Weight
from rarepix.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from rarepix.losses.batch import Batch

TINY = 1e-7


class Overlap(PerClass):
    """Parameters of ``dice``, ``log_dice`` and ``jaccard``."""

    smooth: Weight = 0.0
    """Added to the overlap and to what it is divided by."""


def dice(batch: Batch, *, smooth: float, foreground_only: bool) -> Tensor:
    """Return 1 - Dice, Dice = 2 TP / (2 TP + FP + FN) (Milletari et al. 2016)."""
    return _mean_over_present(batch, 1 - tversky_scores(batch, 0.5, 0.5, smooth), foreground_only)


def log_dice(batch: Batch, *, smooth: float, foreground_only: bool) -> Tensor:
    """Return -ln Dice."""
    dices = tversky_scores(batch, 0.5, 0.5, smooth)
    return _mean_over_present(batch, -dices.clamp(min=TINY).log(), foreground_only)


def jaccard(batch: Batch, *, smooth: float, foreground_only: bool) -> Tensor:
    """Return 1 - soft Jaccard index TP / (TP + FP + FN)."""
    return _mean_over_present(batch, 1 - tversky_scores(batch, 1, 1, smooth), foreground_only)


class Tversky(Overlap):
    """Parameters of ``tversky``."""

    fp_weight: Weight = 0.3
    """Weight of false positives."""
    fn_weight: Weight = 0.7
    """Weight of false negatives; larger favours recall."""


def tversky(batch: Batch, *, fp_weight: float, fn_weight: float, smooth: float, foreground_only: bool) -> Tensor:
    """Return 1 - Tversky index TP / (TP + fp_weight FP + fn_weight FN) (Salehi et al. 2017)."""
    return _mean_over_present(batch, 1 - tversky_scores(batch, fp_weight, fn_weight, smooth), foreground_only)


class FocalTversky(Tversky):
    """Parameters of ``focal_tversky``."""

    gamma: Gamma = 0.75
    """Focal exponent: the larger, the less easy classes count."""


def focal_tversky(
    batch: Batch, *, fp_weight: float, fn_weight: float, gamma: float, smooth: float, foreground_only: bool
) -> Tensor:
    """Return (1 - Tversky index) ** gamma (Abraham and Khan 2019, whose gamma is 1 / ours)."""
    wrong = 1 - tversky_scores(batch, fp_weight, fn_weight, smooth)
    return _mean_over_present(batch, power(wrong, gamma), foreground_only)


def gdice(batch: Batch, *, foreground_only: bool) -> Tensor:
    """Return generalised Dice loss (Sudre et al. 2017): one Dice of all classes, each weighted by 1 / its pixels².

    A binary task has two classes, background and the other; absent classes have no weight.
    """
    import torch

    overlap, predicted, actual = (counts.sum(0) for counts in batch.sums)
    included = batch.classes_in_mean(foreground_only)
    if batch.task is Task.BINARY:
        pixels = batch.valid_pixels.sum()
        overlap = torch.cat([overlap, pixels - predicted - actual + overlap])
        predicted, actual = torch.cat([predicted, pixels - predicted]), torch.cat([actual, pixels - actual])
        included = included.expand(2)
    present = (actual > 0) & included
    weights = (1 / actual.clamp(min=1) ** 2).where(present, 0)
    size = (weights * (predicted + actual)).sum().clamp(min=torch.finfo(actual.dtype).tiny)
    score = 2 * (weights * overlap).sum() / size
    return (1 - score).where(present.any(), _mean_probability(batch, foreground_only))


class DicePlus(Settings):
    """Parameters of ``dice_plus``."""

    smooth: Weight = 1.0
    """Added to the overlap and to what it is divided by."""


def dice_plus(batch: Batch, *, smooth: float) -> Tensor:
    """Return 1 - Dice of all foreground classes together, for each image with foreground; mean over those images.

    0 where no image has any.
    """
    included = batch.classes_in_mean(foreground_only=batch.background is not None)
    overlap, predicted, actual = (counts[:, included].sum(1) for counts in batch.sums)
    score = (2 * overlap + smooth) / (predicted + actual + smooth).clamp(min=TINY)
    positive = (actual > 0).to(score.dtype)
    return ((1 - score) * positive).sum() / positive.sum().clamp(min=1)


def _at_most_one(gamma: float) -> float:
    if gamma > 1:
        raise ValueError("must be at most 1 for unified_focal")
    return gamma


class UnifiedFocal(Settings):
    """Parameters of ``unified_focal``."""

    delta: float = Field(0.6, ge=0, le=1)
    """Weight of foreground pixels and of false negatives; the others have 1 - delta."""
    gamma: Annotated[Gamma, AfterValidator(_at_most_one)] = 0.5
    """Focal exponent: the larger, the less easy pixels and classes count."""
    region_weight: float = Field(0.5, ge=0, le=1)
    """Weight of the region part; the pixel part has 1 - region_weight."""


def unified_focal(batch: Batch, *, delta: float, gamma: float, region_weight: float) -> Tensor:
    """Return the weighted sum of an asymmetric focal cross-entropy and an asymmetric focal Tversky loss.

    The asymmetric unified focal loss of Yeung et al. 2022. Background pixels cost (1 - δ) (1 - p)^γ CE, others δ CE.
    Regions cost 1 - TI (background) or (1 - TI)^(1 - γ) (others), where TI weighs false negatives by δ and false
    positives by 1 - δ; mean over the classes that the batch holds. A binary task and each channel of a multilabel one
    have two classes: background and the other. A multiclass task without background has foreground only. Not defined on
    soft masks, where a pixel is in part background.
    """
    regions = _unified_regions(batch, delta, gamma)
    return region_weight * regions + (1 - region_weight) * _unified_pixels(batch, delta, gamma)


def _unified_pixels(batch: Batch, delta: float, gamma: float) -> Tensor:
    ce = batch.ce
    suppressed = (1 - delta) * focal_factor(ce, gamma) * ce
    return batch.mean(suppressed.where(batch.is_background, delta * ce))


def _unified_regions(batch: Batch, delta: float, gamma: float) -> Tensor:
    import torch

    overlap, predicted, actual = (counts.sum(0) for counts in batch.sums)
    pixels = batch.valid_pixels.sum(0)
    background = torch.zeros_like(actual, dtype=torch.bool)
    if batch.task is Task.MULTICLASS:
        background |= ~batch.classes_in_mean(foreground_only=batch.background is not None)
    else:  # the other class of each channel
        rest = pixels - predicted - actual + overlap
        background = torch.cat([background, ~background])
        overlap, predicted = torch.cat([overlap, rest]), torch.cat([predicted, pixels - predicted])
        actual = torch.cat([actual, pixels - actual])
    size = overlap + delta * (actual - overlap) + (1 - delta) * (predicted - overlap)
    wrong = 1 - overlap / size.clamp(min=TINY)
    losses = wrong.where(background, power(wrong.clamp(min=0), 1 - gamma))
    present = actual > 0
    return losses.where(present, 0).sum() / present.sum().clamp(min=1)


def lovasz(batch: Batch, *, foreground_only: bool) -> Tensor:
    """Return the Lovász extension of 1 - IoU over the batch, all classes in one sort (Berman et al. 2018).

    Lovász-softmax (multiclass) or the Lovász hinge of each channel (binary, multilabel); mean over the classes that
    the batch holds. Where it holds none, the mean over all: then the highest probability (hinge: logit) of each counts.
    Not defined on soft masks: it extends a function of sets of pixels.
    """
    if batch.task is Task.MULTICLASS:
        errors = (1 - batch.probabilities).where(batch.one_hot, batch.probabilities)
    else:
        errors = (1 + batch.flip_sign_(batch.logits.clone())).relu()
    masked = errors.where(batch.valid_channels, -1)  # ignored positions come last and cost 0
    truth = batch.one_hot.transpose(0, 1).flatten(1)
    losses = _lovasz_extension(masked.transpose(0, 1).flatten(1), truth)
    included = batch.classes_in_mean(foreground_only)
    present = truth.any(1) & included
    averaged = present | (included & ~present.any())
    return losses.where(averaged, 0).sum() / averaged.sum().clamp(min=1)


def _lovasz_extension(errors: Tensor, truth: Tensor) -> Tensor:
    """Return for each class C its errors C P, from the largest on, times the step that each adds to 1 - IoU."""
    import torch

    order = errors.detach().argsort(dim=1, descending=True)
    truth, errors = truth.gather(1, order), errors.gather(1, order).clamp(min=0)
    true_so_far = truth.cumsum(1, dtype=torch.int32)
    ranks = torch.arange(1, errors.shape[1] + 1, device=errors.device, dtype=torch.int32)
    positives = true_so_far[:, -1:]
    union = positives + ranks - true_so_far
    index = 1 - (positives - true_so_far).to(errors.dtype) / union.to(errors.dtype)
    steps = torch.diff(index, dim=1, prepend=torch.zeros_like(index[:, :1]))
    return (errors * steps).sum(1)


def tversky_scores(batch: Batch, fp_weight: float, fn_weight: float, smooth: float) -> Tensor:
    """Return the Tversky index of each channel C over the batch; weights 0.5 and 0.5 make it the Dice."""
    overlap, predicted, actual = (counts.sum(0) for counts in batch.sums)
    size = overlap + fp_weight * (predicted - overlap) + fn_weight * (actual - overlap)
    return (overlap + smooth) / (size + smooth).clamp(min=TINY)


def power(values: Tensor, exponent: float) -> Tensor:
    """Return values ** exponent of values from 0 to 1, with a gradient that is finite at 0 for every exponent."""
    return values * values.clamp(min=TINY) ** (exponent - 1)


def _mean_over_present(batch: Batch, losses: Tensor, foreground_only: bool) -> Tensor:
    """Return the mean of losses C over the classes that the batch holds, or the mean probability if it holds none.

    As published: the mean over all classes, those that the batch does not hold as 0.
    """
    included = batch.classes_in_mean(foreground_only)
    present = (batch.sums.actual.sum(0) > 0) & included
    if batch.published:
        return losses.where(present, 0).sum() / included.sum()
    mean = losses.where(present, 0).sum() / present.sum().clamp(min=1)
    return mean.where(present.any(), _mean_probability(batch, foreground_only))


def _mean_probability(batch: Batch, foreground_only: bool) -> Tensor:
    included = batch.classes_in_mean(foreground_only)
    share = batch.sums.predicted.sum(0) / batch.valid_pixels.sum(0).clamp(min=1)
    return share.where(included, 0).sum() / included.sum()
