"""Losses that compare regions class by class: the Dice and Tversky families.

Counts are summed over the batch, then there is one loss for each class that the batch holds, then their mean: a class
that is absent does not make a mistake cheaper. Where the batch holds none of the classes (nothing but background, in a
binary or multilabel task) the loss is the mean probability of the classes: 0 only if the network says nothing, with a
gradient that leads there.
"""

import torch
from torch import Tensor

from rarepix.labels import Task
from rarepix.losses.batch import Batch

TINY = 1e-7


def dice(batch: Batch, *, smooth: float, foreground_only: bool) -> Tensor:
    """Return 1 - Dice."""
    return _mean_over_present(batch, 1 - dice_scores(batch, smooth), foreground_only)


def log_dice(batch: Batch, *, smooth: float, foreground_only: bool) -> Tensor:
    """Return -ln Dice."""
    return _mean_over_present(batch, -dice_scores(batch, smooth).clamp(min=TINY).log(), foreground_only)


def jaccard(batch: Batch, *, smooth: float, foreground_only: bool) -> Tensor:
    """Return 1 - soft Jaccard index."""
    return _mean_over_present(batch, 1 - tversky_scores(batch, 1, 1, smooth), foreground_only)


def tversky(batch: Batch, *, fp_weight: float, fn_weight: float, smooth: float, foreground_only: bool) -> Tensor:
    """Return 1 - Tversky index (Salehi et al. 2017): Dice with weights for false positives and false negatives."""
    return _mean_over_present(batch, 1 - tversky_scores(batch, fp_weight, fn_weight, smooth), foreground_only)


def focal_tversky(
    batch: Batch, *, fp_weight: float, fn_weight: float, gamma: float, smooth: float, foreground_only: bool
) -> Tensor:
    """Return (1 - Tversky index) ** gamma (Abraham and Khan 2019, whose gamma is 1 / ours)."""
    wrong = 1 - tversky_scores(batch, fp_weight, fn_weight, smooth)
    return _mean_over_present(batch, power(wrong, gamma), foreground_only)


def gdice(batch: Batch, *, foreground_only: bool) -> Tensor:
    """Return generalised Dice loss (Sudre et al. 2017): one Dice of all classes, each weighted by 1 / its pixels².

    A binary task has two classes, background and the other; classes that are absent have no weight.
    """
    overlap, predicted, actual = (counts.sum(0) for counts in batch.sums)
    inside = batch.classes_in_mean(foreground_only)
    if batch.task is Task.BINARY:
        pixels = batch.counted.sum()
        overlap = torch.cat([overlap, pixels - predicted - actual + overlap])
        predicted, actual = torch.cat([predicted, pixels - predicted]), torch.cat([actual, pixels - actual])
        inside = inside.expand(2)
    present = (actual > 0) & inside
    weights = torch.where(present, 1 / actual.clamp(min=1) ** 2, 0)
    score = (
        2 * (weights * overlap).sum() / (weights * (predicted + actual)).sum().clamp(min=torch.finfo(actual.dtype).tiny)
    )
    return torch.where(present.any(), 1 - score, _mean_probability(batch, foreground_only))


def dice_plus(batch: Batch, *, smooth: float) -> Tensor:
    """Return 1 - Dice of all foreground classes together, of each image with foreground, mean over those images.

    0 where no image has any.
    """
    inside = batch.classes_in_mean(foreground_only=batch.background is not None)
    overlap, predicted, actual = (counts[:, inside].sum(1) for counts in batch.sums)
    score = (2 * overlap + smooth) / (predicted + actual + smooth).clamp(min=TINY)
    positive = (actual > 0).to(score.dtype)
    return ((1 - score) * positive).sum() / positive.sum().clamp(min=1)


def tversky_scores(batch: Batch, fp_weight: float, fn_weight: float, smooth: float) -> Tensor:
    """Return the Tversky index of each channel C over the batch."""
    overlap, predicted, actual = (counts.sum(0) for counts in batch.sums)
    size = overlap + fp_weight * (predicted - overlap) + fn_weight * (actual - overlap)
    return (overlap + smooth) / (size + smooth).clamp(min=TINY)


def power(values: Tensor, exponent: float) -> Tensor:
    """Return values ** exponent of values from 0 to 1, with a gradient that is finite at 0 for every exponent."""
    return values * values.clamp(min=TINY) ** (exponent - 1)


def dice_scores(batch: Batch, smooth: float) -> Tensor:
    """Return the Dice of each channel C over the batch."""
    return tversky_scores(batch, 0.5, 0.5, smooth)


def _mean_over_present(batch: Batch, losses: Tensor, foreground_only: bool) -> Tensor:
    """Return the mean of losses C over the classes that the batch holds, or the mean probability if it holds none."""
    present = (batch.sums.actual.sum(0) > 0) & batch.classes_in_mean(foreground_only)
    mean = torch.where(present, losses, 0).sum() / present.sum().clamp(min=1)
    return torch.where(present.any(), mean, _mean_probability(batch, foreground_only))


def _mean_probability(batch: Batch, foreground_only: bool) -> Tensor:
    inside = batch.classes_in_mean(foreground_only)
    share = batch.sums.predicted.sum(0) / batch.counted.sum(0).clamp(min=1)
    return torch.where(inside, share, 0).sum() / inside.sum()
