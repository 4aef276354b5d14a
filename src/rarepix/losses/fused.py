"""Losses of one pixel as autograd functions that compute value and gradient in one pass.

``tests/losses/test_fused.py`` has the plain form of each, in ordinary operations of torch, with the same values and
gradients. Why fused: a loss is bound by memory traffic. The plain forms keep several tensors N C P for the backward
pass; the fused ones keep one, work in place, and give the cross-entropy, the class sums and those with a temperature
from one softmax, so that ``ce+l1`` costs little more than ``ce``. P is the number of pixels of an image.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

SAFE_EXPONENT = 60.0
"""exp(-60) is far from 0 in float32."""

Flip = Callable[[Tensor], Tensor]
"""Changes the sign of some values in place and returns them."""


class Needs(NamedTuple):
    """What the terms need from the softmax, so that it is computed in one pass."""

    sums: bool = False
    """The soft counts of each class."""
    uniform_ce: bool = False
    """The cross-entropy against a target that is uniform over the classes."""
    temperature: float | None = None
    """The temperature of the class shares, where it is not 1."""


class SoftmaxValues(NamedTuple):
    """What terms derive from a softmax. Ignored pixels have cross-entropy 0 and are in no sum."""

    ce: Tensor
    """Cross-entropy of each pixel N P."""
    uniform_ce: Tensor | None
    """Cross-entropy against a target that is uniform over the classes, N P."""
    sums: Tensor | None
    """Probability of each class, summed over the pixels of an image, N C."""
    tempered_sums: Tensor | None
    """The same for logits times a temperature."""


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, logits: Tensor, ids: Tensor, valid: Tensor, needs: Needs
    ) -> tuple[Tensor | None, ...]:
        sums, uniform, temperature = needs
        softmax = torch.log_softmax(logits, 1)
        ce = softmax.gather(1, ids.unsqueeze(1)).squeeze(1).neg_().mul_(valid)
        uniform_ce = softmax.mean(1).neg_().mul_(valid) if uniform else None
        tempered = None if temperature is None else _tempered(softmax, temperature, valid)
        softmax.exp_()
        if sums:
            softmax.mul_(valid.unsqueeze(1))
        ctx.save_for_backward(softmax, tempered, ids, valid)
        ctx.temperature = temperature
        ctx.set_materialize_grads(False)
        return ce, uniform_ce, softmax.sum(-1) if sums else None, None if tempered is None else tempered.sum(-1)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx,
        grad_ce: Tensor | None,
        grad_uniform: Tensor | None,
        grad_sums: Tensor | None,
        grad_tempered: Tensor | None,
    ) -> tuple[Tensor | None, ...]:
        softmax, tempered, ids, valid = ctx.saved_tensors
        grad_ce, grad_uniform = (None if g is None else (g * valid).unsqueeze(1) for g in (grad_ce, grad_uniform))
        per_pixel = sum(part for part in (grad_ce, grad_uniform) if part is not None)
        gradient = None if grad_tempered is None else _through(tempered, grad_tempered * ctx.temperature)
        if grad_sums is not None:
            part = softmax * grad_sums.unsqueeze(-1)
            per_pixel = per_pixel - part.sum(1, keepdim=True)
            gradient = part if gradient is None else gradient.add_(part)
        if isinstance(per_pixel, Tensor):
            gradient = softmax * per_pixel if gradient is None else gradient.addcmul_(softmax, per_pixel)
        if grad_uniform is not None:
            gradient.sub_(grad_uniform / softmax.shape[1])
        if grad_ce is not None:
            index = ids.unsqueeze(1)
            gradient.scatter_(1, index, gradient.gather(1, index).sub_(grad_ce))
        return gradient, None, None, None


def softmax_values(logits: Tensor, ids: Tensor, valid: Tensor, needs: Needs) -> SoftmaxValues:
    """Return the cross-entropy of logits N C P and what else is needed, with gradients; other values are None.

    *ids* N P are of any class at ignored pixels; *valid* N P is 1.0 where a pixel counts, else 0.0.
    """
    return SoftmaxValues(*_Softmax.apply(logits, ids, valid, needs))


def _tempered(log_softmax: Tensor, temperature: float, valid: Tensor) -> Tensor:
    """Return the softmax of logits times *temperature*, 0 at ignored pixels."""
    tempered = log_softmax * temperature
    if temperature * math.log(tempered.shape[1]) > SAFE_EXPONENT:  # else the largest is near enough to 0 as it is
        tempered.sub_(tempered.amax(1, keepdim=True))
    tempered.exp_()
    return tempered.mul_((valid / tempered.sum(1)).unsqueeze(1))


def _through(softmax: Tensor, grad_sums: Tensor) -> Tensor:
    """Return the gradient with respect to the logits, given that with respect to the class sums N C."""
    gradient = softmax * grad_sums.unsqueeze(-1)
    return gradient.addcmul_(softmax, gradient.sum(1, keepdim=True), value=-1)


class _BinaryCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, logits: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(logits, target)
        return F.softplus(logits).addcmul_(logits, target, value=-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_ce: Tensor) -> tuple[Tensor, None]:
        logits, target = ctx.saved_tensors
        return torch.sigmoid(logits).sub_(target).mul_(grad_ce), None


def binary_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return softplus(z) - z y of each logit z and its target y from 0 to 1, in their shape."""
    return _BinaryCrossEntropy.apply(logits, target)


class _SigmoidFocal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, logits: Tensor, flip_sign_: Flip, gamma: float) -> Tensor:
        margin = flip_sign_(logits.clone(memory_format=torch.contiguous_format))
        ce = F.softplus(margin)
        wrong = margin.sigmoid_()
        factor = wrong * wrong if gamma == 2 else wrong**gamma
        slope = (ce * gamma).addcmul_(wrong, ce, value=-gamma).add_(wrong).mul_(factor)
        ctx.save_for_backward(flip_sign_(slope))
        return factor.mul_(ce)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_loss: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * grad_loss, None, None


def sigmoid_focal(logits: Tensor, flip_sign_: Flip, gamma: float) -> Tensor:
    """Return σ(m)^γ softplus(m) of each logit z, N C P, where the margin m is -z at the true class and z elsewhere.

    *flip_sign_* changes the sign of values N C P at true classes, in place (``Batch.flip_sign_``); γ is at least 0.
    """
    return _SigmoidFocal.apply(logits, flip_sign_, gamma)
