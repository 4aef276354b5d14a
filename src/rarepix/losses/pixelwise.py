"""Terms that are a mean over pixels: cross-entropy and what weighs, focuses or selects it pixel by pixel.

Ignored positions are in neither numerator nor denominator. CE is the softmax cross-entropy -ln p_y of a pixel
(multiclass, N P) or the binary cross-entropy of a pixel of a channel (binary, multilabel, N C P), p_y the probability
of what is true. Every term returns a scalar.
"""

import math

import torch
from torch import Tensor

from rarepix.losses.batch import Batch
from rarepix.losses.fused import sigmoid_focal


def cross_entropy(batch: Batch, *, label_smoothing: float, class_weights: Tensor | None) -> Tensor:
    """Return the (weighted) mean of CE.

    Label smoothing s makes the target uniform over the classes by the share s; with a sigmoid it is (1 - s) y + s / 2.
    """
    ce = batch.smoothed_ce(label_smoothing) if label_smoothing else batch.ce
    return batch.mean(ce, weights_of(batch, class_weights))


def poly1(batch: Batch, *, epsilon: float, class_weights: Tensor | None) -> Tensor:
    """Return the mean of CE + ε (1 - p_y) (Leng et al. 2022, PolyLoss)."""
    ce = batch.ce
    return batch.mean(ce - epsilon * torch.expm1(-ce), weights_of(batch, class_weights))


def inverse_frequency_ce(batch: Batch, *, class_pixels: Tensor, power: float) -> Tensor:
    """Return the mean of CE, weighted by (1 / share of pixels) ** power.

    Multiclass, binary: share of each class. Multilabel: in each channel the shares of positives and of negatives.
    """
    shares = class_shares(class_pixels)
    weights = (shares.amax(0) / shares) ** power  # the most frequent has weight 1
    return batch.mean(batch.ce, batch.position_weights(weights))


def logit_adjustment(batch: Batch, *, class_pixels: Tensor, tau: float) -> Tensor:
    """Return the mean CE of logits + τ ln(share of pixels) (Menon et al. 2021): rare classes need a larger margin.

    With a sigmoid the shift is τ times the log of the odds. Predict from the logits without the shift.
    """
    logs = class_shares(class_pixels).log()
    shift = logs if logs.ndim == 1 else logs[1] - logs[0]
    return batch.mean(batch.ce_of(batch.logits + tau * shift.view(1, -1, 1)))


def focal(batch: Batch, *, gamma: float, balance: float | None, class_weights: Tensor | None) -> Tensor:
    """Return (1 - p_t)^γ times the binary cross-entropy of each channel against the rest (Lin et al. 2017).

    Multiclass: summed over the channels (so it grows with C), mean over pixels; binary, multilabel: mean over
    positions. Multiclass class weights are those of channels, scaled to mean 1.
    """
    loss = sigmoid_focal(batch.logits, batch.flip_sign_, gamma)
    if balance is not None:
        loss = loss * torch.where(batch.one_hot, balance, 1 - balance)
    if loss.ndim == batch.target.ndim:
        return batch.mean(loss, weights_of(batch, class_weights))
    if class_weights is not None:
        loss = loss * (class_weights / class_weights.mean()).view(1, -1, 1)
    return batch.mean(loss.sum(1))


def softmax_focal(batch: Batch, *, gamma: float, class_weights: Tensor | None) -> Tensor:
    """Return the (weighted) mean of -(1 - p_y)^γ ln p_y, p the softmax (Lin et al. 2017); multiclass."""
    return batch.mean(focal_factor(batch.ce, gamma) * batch.ce, weights_of(batch, class_weights))


def focal_factor(ce: Tensor, gamma: float) -> Tensor:
    """Return (1 - p)^γ for p = exp(-ce), with a gradient that is finite at p = 1 for every γ."""
    return (-torch.expm1(-ce)).clamp(min=torch.finfo(ce.dtype).eps) ** gamma


def ohem(batch: Batch, *, threshold: float, min_kept: float) -> Tensor:
    """Return the mean CE of the hard positions (online hard example mining, Shrivastava et al. 2016).

    Hard are those with p_y ≤ *threshold*, and at least the share *min_kept* of the positions that count.
    """
    kth = kth_largest(batch.ce, batch.valid, _number(batch, min_kept))
    hard = batch.ce.detach() >= kth.clamp(max=-math.log(threshold))
    return batch.mean(batch.ce, hard.to(batch.ce.dtype))


def topk(batch: Batch, *, share: float) -> Tensor:
    """Return the mean CE of the *share* of positions with the largest CE (Wu et al. 2016); ties count in part."""
    number = _number(batch, share)
    ce, kth = batch.ce.detach(), kth_largest(batch.ce, batch.valid, number)
    above, ties = (ce > kth) & batch.valid, (ce == kth) & batch.valid
    part = (number - above.sum()) / ties.sum().clamp(min=1)
    return batch.mean(batch.ce, above + part.to(ce.dtype) * ties)


def background_weighted_bce(batch: Batch, *, background_weight: float, object_weight: float) -> Tensor:
    """Return the mean of weight times CE, with one weight for background and one for objects; binary, multilabel."""
    return batch.mean(batch.ce * torch.where(batch.one_hot, object_weight, background_weight))


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
    integer, bits = (torch.int64, 63) if values.dtype == torch.float64 else (torch.int32, 31)
    codes = torch.where(counted, values.detach().abs().view(integer), -1)
    code = torch.zeros((), dtype=integer, device=values.device)
    for bit in reversed(range(bits)):
        larger = code | (1 << bit)
        code = torch.where((codes >= larger).sum() >= k.clamp(min=1), larger, code)
    return code.view(values.dtype)


def _number(batch: Batch, share: float) -> Tensor:
    """Return how many positions the *share* of those that count is, rounded up."""
    return torch.ceil(share * batch.valid.sum(dtype=torch.float64)).long()
