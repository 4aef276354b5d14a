"""A batch as the terms see it: pixels in one axis, ignored ones masked, and what several terms need computed once.

P is the number of pixels of an image, whatever its axes. A *position* is a pixel (multiclass) or a pixel of a channel
(binary, multilabel). At ignored positions the target is 0 and ``valid`` is False.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from rarepix.labels import Task
from rarepix.losses.fused import Needs, SoftmaxValues, sigmoid_focal, softmax_values


class Sums(NamedTuple):
    """Soft counts of each image and class N C, over the pixels that count."""

    overlap: Tensor
    """Probability of the class on its own pixels: soft true positives."""
    predicted: Tensor
    """Probability of the class on all pixels."""
    actual: Tensor
    """Number of its pixels."""


class Batch:
    """What the batches of all tasks have."""

    task: Task
    logits: Tensor
    """N C P."""
    target: Tensor
    """Multiclass: ids N P. Binary, multilabel: 0 and 1 of each channel, N C P."""
    valid: Tensor
    """Whether a position counts, of the target's shape."""
    spatial: tuple[int, ...]
    """Rows and columns, in 3-D slices before them."""
    background: int | None
    """Channel of the background, where there is one."""
    published: bool
    """Whether a mean over nothing is not a number, as published, instead of 0."""

    @cached_property
    def weight(self) -> Tensor:
        """1.0 where a position counts, else 0.0, of the target's shape."""
        return self.valid.to(self.logits.dtype)

    @cached_property
    def valid_channels(self) -> Tensor:
        """Whether a position counts, for each channel: N C P (multiclass: N 1 P)."""
        return self.valid.unsqueeze(1) if self.valid.ndim < self.logits.ndim else self.valid

    def mean(self, values: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the (weighted) mean over the positions that count, 0 where none does."""
        weights = self.weight if weights is None else weights * self.weight
        total = weights.sum()
        return (values * weights).sum() / (total if self.published else torch.where(total > 0, total, 1))

    def classes_in_mean(self, foreground_only: bool) -> Tensor:
        """Return for each channel C whether a mean over classes includes it."""
        included = torch.ones(self.logits.shape[1], dtype=torch.bool, device=self.logits.device)
        if foreground_only:
            included[self.background] = False
        return included

    @cached_property
    def true_prob_minus_one(self) -> Tensor:
        """Probability of what is true - 1, of the shape of ``ce``."""
        return torch.expm1(-self.ce)

    def blend(self, positive: float | Tensor, negative: float | Tensor) -> Tensor:
        """Return *positive* where a position is of the class of its channel and *negative* elsewhere, N C P."""
        return torch.where(self.one_hot, positive, negative)

    def focal(self, gamma: float) -> Tensor:
        """Return (1 - p_t)^γ times the binary cross-entropy of each channel against the rest, N C P."""
        return sigmoid_focal(self.logits, self.flip_sign_, gamma)

    def as_image(self, values: Tensor) -> Tensor:
        """Return values … P in the axes of the image, … H W or … D H W."""
        return values.unflatten(-1, self.spatial)


class SoftmaxBatch(Batch):
    """Multiclass: the channels of a pixel compete."""

    task = Task.MULTICLASS

    def __init__(
        self,
        logits: Tensor,
        target: Tensor,
        *,
        ignore_index: int,
        background: int | None,
        needs: Needs,
        published: bool,
    ) -> None:
        """Take logits N C *axes and ids N *axes."""
        self.spatial, self.background, self.published = logits.shape[2:], background, published
        self.needs, self.logits = needs, logits.flatten(2)
        target = target.flatten(1).long()
        self.valid = target != ignore_index
        self.target = target.masked_fill(~self.valid, 0)

    @cached_property
    def _values(self) -> SoftmaxValues:
        return softmax_values(self.logits, self.target, self.weight, self.needs)

    @property
    def ce(self) -> Tensor:
        """Cross-entropy of each pixel N P."""
        return self._values.ce

    def smoothed_ce(self, smoothing: float) -> Tensor:
        """Return the cross-entropy N P where the share *smoothing* of the target is uniform over the classes."""
        return (1 - smoothing) * self.ce + smoothing * self._values.uniform_ce

    def ce_of(self, logits: Tensor) -> Tensor:
        """Return the cross-entropy of each pixel N P for other logits N C P."""
        return softmax_values(logits, self.target, self.weight, Needs()).ce

    @cached_property
    def sums(self) -> Sums:
        """Soft counts of each image and class."""
        true_prob = torch.exp(-self.ce) * self.weight
        return Sums(self.sum_by_class(true_prob), self._values.sums, self.actual)

    @cached_property
    def actual(self) -> Tensor:
        """Number of pixels of each image and class N C."""
        return self.sum_by_class(self.weight)

    def predicted(self, temperature: float) -> Tensor:
        """Return the probability of each class N C summed over the pixels, for logits times *temperature*."""
        return self._values.sums if temperature == 1 else self._values.tempered_sums

    @cached_property
    def valid_pixels(self) -> Tensor:
        """Number of pixels of each image that count, N 1."""
        return self.weight.sum(1, keepdim=True)

    def sum_by_class(self, values: Tensor) -> Tensor:
        """Return values N P summed over the pixels of each class, N C."""
        classes = self.logits.shape[1]
        if values.is_cuda:  # where scatter_add adds in an order that changes from run to run
            return (values.unsqueeze(1) * self.one_hot).sum(-1)
        return values.new_zeros(len(values), classes).scatter_add(1, self.target, values)

    @cached_property
    def one_hot(self) -> Tensor:
        """Whether a pixel that counts is of the class, N C P."""
        ids = torch.arange(self.logits.shape[1], device=self.target.device).view(1, -1, 1)
        return (self.target.unsqueeze(1) == ids) & self.valid.unsqueeze(1)

    def flip_sign_(self, values: Tensor) -> Tensor:
        """Change the sign of values N C P at the true class, in place: a logit becomes its one-versus-rest margin."""
        index = self.target.unsqueeze(1)
        return values.scatter_(1, index, values.gather(1, index).neg_())

    def position_weights(self, class_weights: Tensor) -> Tensor:
        """Return the weight of each pixel N P by its class, from weights C."""
        return class_weights[self.target]

    @cached_property
    def is_background(self) -> Tensor:
        """Whether a pixel is background, N P."""
        return self.target == (-1 if self.background is None else self.background)

    @cached_property
    def probabilities(self) -> Tensor:
        """Softmax N C P."""
        return torch.softmax(self.logits, 1)
