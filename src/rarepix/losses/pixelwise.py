"""Cross-entropy and what is made of it pixel by pixel. Ignored positions are in neither numerator nor denominator."""

import torch
from torch import Tensor

from rarepix.losses.batch import Batch


def cross_entropy(batch: Batch, *, label_smoothing: float, class_weights: Tensor | None) -> Tensor:
    """Return the (weighted) mean cross-entropy: of the softmax (multiclass), else of the sigmoid of each channel.

    Smoothing gives each class its share of the target; of two with the sigmoid: (1 - s) y + s / 2.
    """
    costs = batch.smoothed_costs(label_smoothing) if label_smoothing else batch.costs
    return batch.mean(costs, weights_of(batch, class_weights))


def poly1(batch: Batch, *, epsilon: float, class_weights: Tensor | None) -> Tensor:
    """Return the mean of cross-entropy + epsilon (1 - p), p the probability of what is true (Leng et al. 2022)."""
    costs = batch.costs
    return batch.mean(costs - epsilon * torch.expm1(-costs), weights_of(batch, class_weights))


def inverse_frequency_ce(batch: Batch, *, class_pixels: Tensor, power: float) -> Tensor:
    """Return the mean cross-entropy, weighted by (1 / share of pixels) ** power.

    Multiclass, binary: share of each class. Multilabel: in each channel those of positives and of negatives.
    """
    shares = class_shares(class_pixels)
    weights = (shares.amax(0) / shares) ** power  # the most frequent has weight 1
    return batch.mean(batch.costs, batch.position_weights(weights))


def logit_adjustment(batch: Batch, *, class_pixels: Tensor, tau: float) -> Tensor:
    """Return the mean cross-entropy of logits + tau ln(share of pixels), which the rare must outdo (Menon et al. 2021).

    With a sigmoid it is the log of the odds. Predict from the logits as they are.
    """
    logs = class_shares(class_pixels).log()
    shift = logs if logs.ndim == 1 else logs[1] - logs[0]
    return batch.mean(batch.costs_of(batch.logits + tau * shift.view(1, -1, 1)))


def class_shares(class_pixels: Tensor) -> Tensor:
    """Return the share of each class; of a class without a pixel as if it had one.

    Args:
        class_pixels: counts C (multiclass), or 2 C of negatives and positives (binary, multilabel).
    """
    pixels = class_pixels.clamp(min=1)
    return pixels / pixels.sum(0)


def weights_of(batch: Batch, class_weights: Tensor | None) -> Tensor | None:
    """Return the weight of each position, or nothing where all weigh the same."""
    return None if class_weights is None else batch.position_weights(class_weights)
