"""Terms that compare regions class by class: the Dice and Tversky families, Lovász, unified focal.

Soft counts are summed over the batch, then there is one loss for each class that the batch holds, then their mean: an
absent class does not make a mistake cheaper. Where the batch holds none of the classes (nothing but background, in a
binary or multilabel task) the loss is the mean probability of the classes: 0 only if the network predicts nothing, with
a gradient that leads there.

TP = Σ p y, FP = Σ p - TP, FN = Σ y - TP over the pixels of the batch that count. Every term returns a scalar.
"""

import torch
from torch import Tensor

from rarepix.labels import Task
from rarepix.losses.batch import Batch
from rarepix.losses.pixelwise import focal_factor

TINY = 1e-7


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


def tversky(batch: Batch, *, fp_weight: float, fn_weight: float, smooth: float, foreground_only: bool) -> Tensor:
    """Return 1 - Tversky index TP / (TP + fp_weight FP + fn_weight FN) (Salehi et al. 2017)."""
    return _mean_over_present(batch, 1 - tversky_scores(batch, fp_weight, fn_weight, smooth), foreground_only)


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
    overlap, predicted, actual = (counts.sum(0) for counts in batch.sums)
    included = batch.classes_in_mean(foreground_only)
    if batch.task is Task.BINARY:
        pixels = batch.valid_pixels.sum()
        overlap = torch.cat([overlap, pixels - predicted - actual + overlap])
        predicted, actual = torch.cat([predicted, pixels - predicted]), torch.cat([actual, pixels - actual])
        included = included.expand(2)
    present = (actual > 0) & included
    weights = torch.where(present, 1 / actual.clamp(min=1) ** 2, 0)
    size = (weights * (predicted + actual)).sum().clamp(min=torch.finfo(actual.dtype).tiny)
    score = 2 * (weights * overlap).sum() / size
    return torch.where(present.any(), 1 - score, _mean_probability(batch, foreground_only))


def dice_plus(batch: Batch, *, smooth: float) -> Tensor:
    """Return 1 - Dice of all foreground classes together, for each image with foreground; mean over those images.

    0 where no image has any.
    """
    included = batch.classes_in_mean(foreground_only=batch.background is not None)
    overlap, predicted, actual = (counts[:, included].sum(1) for counts in batch.sums)
    score = (2 * overlap + smooth) / (predicted + actual + smooth).clamp(min=TINY)
    positive = (actual > 0).to(score.dtype)
    return ((1 - score) * positive).sum() / positive.sum().clamp(min=1)


def unified_focal(batch: Batch, *, delta: float, gamma: float, region_weight: float) -> Tensor:
    """Return the weighted sum of an asymmetric focal cross-entropy and an asymmetric focal Tversky loss.

    The asymmetric unified focal loss of Yeung et al. 2022. Background pixels cost (1 - δ) (1 - p)^γ CE, others δ CE.
    Regions cost 1 - TI (background) or (1 - TI)^(1 - γ) (others), where TI weighs false negatives by δ and false
    positives by 1 - δ; mean over the classes that the batch holds. A binary task and each channel of a multilabel one
    have two classes: background and the other. A multiclass task without background has foreground only.
    """
    regions = _unified_regions(batch, delta, gamma)
    return region_weight * regions + (1 - region_weight) * _unified_pixels(batch, delta, gamma)


def _unified_pixels(batch: Batch, delta: float, gamma: float) -> Tensor:
    ce = batch.ce
    suppressed = (1 - delta) * focal_factor(ce, gamma) * ce
    return batch.mean(torch.where(batch.is_background, suppressed, delta * ce))


def _unified_regions(batch: Batch, delta: float, gamma: float) -> Tensor:
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
    losses = torch.where(background, wrong, power(wrong.clamp(min=0), 1 - gamma))
    present = actual > 0
    return torch.where(present, losses, 0).sum() / present.sum().clamp(min=1)


def lovasz(batch: Batch, *, foreground_only: bool) -> Tensor:
    """Return the Lovász extension of 1 - IoU over the batch, all classes in one sort (Berman et al. 2018).

    Lovász-softmax (multiclass) or the Lovász hinge of each channel (binary, multilabel); mean over the classes that
    the batch holds. Where it holds none, the mean over all: then the highest probability (hinge: logit) of each counts.
    """
    if batch.task is Task.MULTICLASS:
        errors = torch.where(batch.one_hot, 1 - batch.probabilities, batch.probabilities)
    else:
        errors = torch.relu(1 + batch.flip_sign_(batch.logits.clone()))
    masked = torch.where(batch.valid_channels, errors, -1)  # ignored positions come last and cost 0
    truth = batch.one_hot.transpose(0, 1).flatten(1)
    losses = _lovasz_extension(masked.transpose(0, 1).flatten(1), truth)
    included = batch.classes_in_mean(foreground_only)
    present = truth.any(1) & included
    averaged = present | (included & ~present.any())
    return torch.where(averaged, losses, 0).sum() / averaged.sum().clamp(min=1)


def _lovasz_extension(errors: Tensor, truth: Tensor) -> Tensor:
    """Return for each class C its errors C P, from the largest on, times the step that each adds to 1 - IoU."""
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
        return torch.where(present, losses, 0).sum() / included.sum()
    mean = torch.where(present, losses, 0).sum() / present.sum().clamp(min=1)
    return torch.where(present.any(), mean, _mean_probability(batch, foreground_only))


def _mean_probability(batch: Batch, foreground_only: bool) -> Tensor:
    included = batch.classes_in_mean(foreground_only)
    share = batch.sums.predicted.sum(0) / batch.valid_pixels.sum(0).clamp(min=1)
    return torch.where(included, share, 0).sum() / included.sum()
