"""Asymmetric unified focal loss (Yeung et al. 2022)."""

import torch
from torch import Tensor

from rarepix.labels import Task
from rarepix.losses.batch import Batch
from rarepix.losses.focal import focal_factor
from rarepix.losses.overlap import TINY, power


def unified_focal(batch: Batch, *, delta: float, gamma: float, region_weight: float) -> Tensor:
    """Return the weighted sum of an asymmetric focal cross-entropy and an asymmetric focal Tversky loss.

    Pixels of the background cost (1 - delta) (1 - p)^γ times their cross-entropy, others delta times. Regions cost
    1 - TI (background), (1 - TI)^(1 - γ) (others), where TI weighs false negatives by delta and false positives by
    1 - delta; mean over classes that the batch holds. A binary task and each channel of a multilabel one have two
    classes: background and the other. A multiclass task without background has foreground alone.
    """
    return region_weight * _regions(batch, delta, gamma) + (1 - region_weight) * _pixels(batch, delta, gamma)


def _pixels(batch: Batch, delta: float, gamma: float) -> Tensor:
    costs = batch.costs
    suppressed = (1 - delta) * focal_factor(costs, gamma) * costs
    return batch.mean(torch.where(batch.is_background, suppressed, delta * costs))


def _regions(batch: Batch, delta: float, gamma: float) -> Tensor:
    overlap, predicted, actual = (counts.sum(0) for counts in batch.sums)
    pixels = batch.counted.sum(0)
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
