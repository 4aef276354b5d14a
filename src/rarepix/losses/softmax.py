"""What the terms want of the softmax, in one pass and with one gradient.

Every one of these has a gradient of the softmax times something small. Computed together they cost little more than the
cross-entropy alone; what is slow is memory, so that what can be done in place is.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

SAFE_EXPONENT = 60.0
"""exp(-60) is far from 0 in float32."""


class SoftmaxValues(NamedTuple):
    """Pixels that do not count have the cost 0 and are in no sum."""

    costs: Tensor
    """Cross-entropy of each pixel N P."""
    even_costs: Tensor | None
    """The same against a target that is even over the classes, N P."""
    sums: Tensor | None
    """Probability of each class, summed over the pixels of an image, N C."""
    sharp_sums: Tensor | None
    """The same of logits times a temperature."""


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, logits: Tensor, ids: Tensor, valid: Tensor, even: bool, sums: bool, temperature: float | None
    ) -> tuple[Tensor | None, ...]:
        softmax = torch.log_softmax(logits, 1)
        costs = softmax.gather(1, ids.unsqueeze(1)).squeeze(1).neg_().mul_(valid)
        even_costs = softmax.mean(1).neg_().mul_(valid) if even else None
        sharp = None if temperature is None else _sharpened(softmax, temperature, valid)
        softmax.exp_()
        if sums:
            softmax.mul_(valid.unsqueeze(1))
        ctx.save_for_backward(softmax, sharp, ids, valid)
        ctx.temperature = temperature
        ctx.set_materialize_grads(False)
        return costs, even_costs, softmax.sum(-1) if sums else None, None if sharp is None else sharp.sum(-1)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx,
        of_costs: Tensor | None,
        of_even: Tensor | None,
        of_sums: Tensor | None,
        of_sharp: Tensor | None,
    ) -> tuple[Tensor | None, ...]:
        softmax, sharp, ids, valid = ctx.saved_tensors
        of_costs, of_even = (None if part is None else (part * valid).unsqueeze(1) for part in (of_costs, of_even))
        of_pixel = sum(part for part in (of_costs, of_even) if part is not None)
        gradient = None if of_sharp is None else _through(sharp, of_sharp * ctx.temperature)
        if of_sums is not None:
            part = softmax * of_sums.unsqueeze(-1)
            of_pixel = of_pixel - part.sum(1, keepdim=True)
            gradient = part if gradient is None else gradient.add_(part)
        if isinstance(of_pixel, Tensor):
            gradient = softmax * of_pixel if gradient is None else gradient.addcmul_(softmax, of_pixel)
        if of_even is not None:
            gradient.sub_(of_even / softmax.shape[1])
        if of_costs is not None:
            at = ids.unsqueeze(1)
            gradient.scatter_(1, at, gradient.gather(1, at).sub_(of_costs))
        return gradient, None, None, None, None, None


def softmax_values(
    logits: Tensor, ids: Tensor, valid: Tensor, *, even: bool, sums: bool, temperature: float | None
) -> SoftmaxValues:
    """Return what is asked for, with gradients.

    Args:
        logits: N C P.
        ids: N P, any class where a pixel does not count.
        valid: N P, 1.0 where a pixel counts, else 0.0.
        even: whether to return ``even_costs``.
        sums: whether to return ``sums``.
        temperature: that of ``sharp_sums``, or None to leave them.
    """
    return SoftmaxValues(*_Softmax.apply(logits, ids, valid, even, sums, temperature))


def _sharpened(log_softmax: Tensor, temperature: float, valid: Tensor) -> Tensor:
    """Return the softmax of logits times *temperature*, 0 where a pixel does not count."""
    sharp = log_softmax * temperature
    if temperature * math.log(sharp.shape[1]) > SAFE_EXPONENT:  # else the largest is near enough to 0 as it is
        sharp.sub_(sharp.amax(1, keepdim=True))
    sharp.exp_()
    return sharp.mul_((valid / sharp.sum(1)).unsqueeze(1))


def _through(softmax: Tensor, of_sums: Tensor) -> Tensor:
    """Return the gradient of the logits, given that of the sums N C."""
    gradient = softmax * of_sums.unsqueeze(-1)
    return gradient.addcmul_(softmax, gradient.sum(1, keepdim=True), value=-1)
