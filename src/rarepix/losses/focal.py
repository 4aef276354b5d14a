"""Focal losses (Lin et al. 2017): pixels that are right already cost little."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from rarepix.losses.batch import Batch
from rarepix.losses.pixelwise import weights_of


class _OneVersusRest(torch.autograd.Function):
    """σ(m)^γ · softplus(m), m = logit with the sign turned where the channel is true; its gradient in the same pass."""

    @staticmethod
    def forward(ctx: FunctionCtx, logits: Tensor, batch: Batch, gamma: float) -> Tensor:
        margin = batch.turn_(logits.clone(memory_format=torch.contiguous_format))
        cost = F.softplus(margin)
        wrong = margin.sigmoid_()
        factor = wrong * wrong if gamma == 2 else wrong**gamma
        slope = (cost * gamma).addcmul_(wrong, cost, value=-gamma).add_(wrong).mul_(factor)
        ctx.save_for_backward(batch.turn_(slope))
        return factor.mul_(cost)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, of_cost: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * of_cost, None, None


def focal(batch: Batch, *, gamma: float, balance: float | None, class_weights: Tensor | None) -> Tensor:
    """Return (1 - p)^γ times the binary cross-entropy of each channel against the rest.

    Multiclass: summed over the channels (so that it grows with C), mean over pixels; binary, multilabel: mean over
    positions. Class weights are of channels in multiclass, with mean 1.
    """
    costs = _OneVersusRest.apply(batch.logits, batch, gamma)
    if balance is not None:
        costs = costs * torch.where(batch.one_hot, balance, 1 - balance)
    if costs.ndim == batch.target.ndim:
        return batch.mean(costs, weights_of(batch, class_weights))
    if class_weights is not None:
        costs = costs * (class_weights / class_weights.mean()).view(1, -1, 1)
    return batch.mean(costs.sum(1))


def softmax_focal(batch: Batch, *, gamma: float, class_weights: Tensor | None) -> Tensor:
    """Return the (weighted) mean of -(1 - p)^γ ln p, p the softmax of the true class."""
    return batch.mean(focal_factor(batch.costs, gamma) * batch.costs, weights_of(batch, class_weights))


def focal_factor(costs: Tensor, gamma: float) -> Tensor:
    """Return (1 - p)^γ of p = exp(-cost), with a gradient that is finite at p = 1 for every γ."""
    return (-torch.expm1(-costs)).clamp(min=torch.finfo(costs.dtype).eps) ** gamma
