"""Terms that are a mean over pixels: cross-entropy and what weighs, focuses or selects it pixel by pixel.

Ignored positions are in neither numerator nor denominator. CE is the softmax cross-entropy -ln p_y of a pixel
(multiclass, N P) or the binary cross-entropy of a pixel of a channel (binary, multilabel, N C P), p_y the probability
of what is true. Every term returns a scalar.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rarepix.losses.term import ClassWeights, Gamma, Share, Weight
from rarepix.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from rarepix.losses.batch import Batch


class CrossEntropy(Settings):
    """Parameters of ``ce``."""

    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of the target that is spread over all classes."""
    class_weights: ClassWeights = None
    """A weight for each class, by default the same for all."""


def cross_entropy(batch: Batch, *, label_smoothing: float, class_weights: Tensor | None) -> Tensor:
    """Return the (weighted) mean of CE.

    Label smoothing s makes the target uniform over the classes by the share s; with a sigmoid it is (1 - s) y + s / 2.
    """
    ce = batch.smoothed_ce(label_smoothing) if label_smoothing else batch.ce
    return batch.mean(ce, weights_of(batch, class_weights))


class Poly1(Settings):
    """Parameters of ``poly1``."""

    epsilon: float = Field(1.0, ge=-1)
    """Weight of the term 1 - p beside the cross-entropy."""
    class_weights: ClassWeights = None
    """A weight for each class, by default the same for all."""


def poly1(batch: Batch, *, epsilon: float, class_weights: Tensor | None) -> Tensor:
    """Return the mean of CE + ε (1 - p_y) (Leng et al. 2022, PolyLoss).

    Of a soft target y, p_y = y p + (1 - y) (1 - p), as the paper has it for smoothed labels.
    """
    return batch.mean(batch.ce - epsilon * batch.true_prob_minus_one, weights_of(batch, class_weights))


class InverseFrequency(Settings):
    """Parameters of ``inverse_frequency_ce``."""

    power: float = Field(1.0, ge=0, le=10)
    """A class weighs (1 / its share of pixels) ** power."""


def inverse_frequency_ce(batch: Batch, *, class_pixels: Tensor, power: float) -> Tensor:
    """Return the mean of CE, weighted by (1 / share of pixels) ** power.

    Multiclass, binary: share of each class. Multilabel: in each channel the shares of positives and of negatives.
    """
    shares = class_shares(class_pixels)
    weights = (shares.amax(0) / shares) ** power  # the most frequent has weight 1
    return batch.mean(batch.ce, batch.position_weights(weights))


class LogitAdjustment(Settings):
    """Parameters of ``logit_adjustment``."""

    tau: float = Field(1.0, ge=0, le=10)
    """Multiplies the log of the class shares."""


def logit_adjustment(batch: Batch, *, class_pixels: Tensor, tau: float) -> Tensor:
    """Return the mean CE of logits + τ ln(share of pixels) (Menon et al. 2021): rare classes need a larger margin.

    With a sigmoid the shift is τ times the log of the odds. Predict from the logits without the shift.
    """
    logs = class_shares(class_pixels).log()
    shift = logs if logs.ndim == 1 else logs[1] - logs[0]
    return batch.mean(batch.ce_of(batch.logits + tau * shift.view(1, -1, 1)))


class Focal(Settings):
    """Parameters of ``focal``."""

    gamma: Gamma = 2.0
    """Focal exponent: the larger, the less easy pixels count."""
    balance: Annotated[float, Field(ge=0, le=1)] | None = None
    """Weight of positives; negatives have 1 - balance. By default neither is weighted."""
    class_weights: ClassWeights = None
    """A weight for each class, by default the same for all."""


def focal(batch: Batch, *, gamma: float, balance: float | None, class_weights: Tensor | None) -> Tensor:
    """Return (1 - p_t)^γ times the binary cross-entropy of each channel against the rest (Lin et al. 2017).

    Multiclass: summed over the channels (so it grows with C), mean over pixels; binary, multilabel: mean over
    positions. Multiclass class weights are those of channels, scaled to mean 1. Of a soft target y the factor is
    |y - p|^γ (Li et al. 2020, quality focal loss), and *balance* goes from 1 - balance to balance with y.
    """
    loss = batch.focal(gamma)
    if balance is not None:
        loss = loss * batch.blend(balance, 1 - balance)
    if loss.ndim == batch.target.ndim:
        return batch.mean(loss, weights_of(batch, class_weights))
    if class_weights is not None:
        loss = loss * (class_weights / class_weights.mean()).view(1, -1, 1)
    return batch.mean(loss.sum(1))


class SoftmaxFocal(Settings):
    """Parameters of ``softmax_focal``."""

    gamma: Gamma = 2.0
    """Focal exponent: the larger, the less easy pixels count."""
    class_weights: ClassWeights = None
    """A weight for each class, by default the same for all."""


def softmax_focal(batch: Batch, *, gamma: float, class_weights: Tensor | None) -> Tensor:
    """Return the (weighted) mean of -(1 - p_y)^γ ln p_y, p the softmax (Lin et al. 2017); multiclass."""
    return batch.mean(focal_factor(batch.ce, gamma) * batch.ce, weights_of(batch, class_weights))


def focal_factor(ce: Tensor, gamma: float) -> Tensor:
    """Return (1 - p)^γ for p = exp(-ce), with a gradient that is finite at p = 1 for every γ."""
    import torch

    return (-torch.expm1(-ce)).clamp(min=torch.finfo(ce.dtype).eps) ** gamma


class OHEM(Settings):
    """Parameters of ``ohem``."""

    threshold: float = Field(0.7, gt=0, lt=1)
    """Pixels count whose true class has at most this probability."""
    min_kept: Share = 0.0625
    """Share of the pixels that counts at least."""


def ohem(batch: Batch, *, threshold: float, min_kept: float) -> Tensor:
    """Return the mean CE of the hard positions (online hard example mining, Shrivastava et al. 2016).

    Hard are those with p_y ≤ *threshold*, and at least the share *min_kept* of the positions that count. Not defined on
    soft masks, where the CE of a perfect prediction is large for every pixel that is neither 0 nor 1.
    """
    kth = kth_largest(batch.ce, batch.valid, _number(batch, min_kept))
    hard = batch.ce.detach() >= kth.clamp(max=-math.log(threshold))
    return batch.mean(batch.ce, hard.to(batch.ce.dtype))


class TopK(Settings):
    """Parameters of ``topk``."""

    share: Share = 0.1
    """Share of the pixels that counts, those that cost most."""


def topk(batch: Batch, *, share: float) -> Tensor:
    """Return the mean CE of the *share* of positions with the largest CE (Wu et al. 2016); ties count in part.

    Not defined on soft masks, for the reason of ``ohem``.
    """
    number = _number(batch, share)
    ce, kth = batch.ce.detach(), kth_largest(batch.ce, batch.valid, number)
    above, ties = (ce > kth) & batch.valid, (ce == kth) & batch.valid
    part = (number - above.sum()) / ties.sum().clamp(min=1)
    return batch.mean(batch.ce, above + part.to(ce.dtype) * ties)


class BackgroundWeighted(Settings):
    """Parameters of ``background_weighted_bce``."""

    background_weight: Weight = 0.1
    """Weight of pixels without the class."""
    object_weight: Weight = 1.0
    """Weight of pixels of the class."""


def background_weighted_bce(batch: Batch, *, background_weight: float, object_weight: float) -> Tensor:
    """Return the mean of weight times CE, with one weight for background and one for objects; binary, multilabel.

    Of a soft target the weight goes from that of background to that of objects with the target.
    """
    return batch.mean(batch.ce * batch.blend(object_weight, background_weight))


def class_shares(class_pixels: Tensor) -> Tensor:
    """Return the share of pixels of each class, of counts C (multiclass) or 2 C of negatives and positives (others).

    A class without a pixel counts as if it had one.
    """
    pixels = class_pixels.clamp(min=1)
    return pixels / pixels.sum(0)


def weights_of(batch: Batch, class_weights: Tensor | None) -> Tensor | None:
    """Return the weight of each position, or None where all weigh the same."""
    return None if class_weights is None else batch.position_weights(class_weights)


def kth_largest(values: Tensor, counted: Tensor, k: Tensor) -> Tensor:
    """Return the k-th largest of the counted values: a scalar, without a gradient.

    Values must be at least 0: then they have the order of their bits, which are found from the highest to the lowest.
    That is ten times as fast as a sort, and *k* need not be known on the host.
    """
    import torch

    integer, bits = (torch.int64, 63) if values.dtype == torch.float64 else (torch.int32, 31)
    codes = torch.where(counted, values.detach().abs().view(integer), -1)
    code = torch.zeros((), dtype=integer, device=values.device)
    for bit in reversed(range(bits)):
        larger = code | (1 << bit)
        code = torch.where((codes >= larger).sum() >= k.clamp(min=1), larger, code)
    return code.view(values.dtype)


def _number(batch: Batch, share: float) -> Tensor:
    """Return how many positions the *share* of those that count is, rounded up."""
    import torch

    return torch.ceil(share * batch.valid.sum(dtype=torch.float64)).long()
