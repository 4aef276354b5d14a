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
from rarepix.losses.fused import Needs, SoftmaxValues, binary_cross_entropy, softmax_values


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


class SigmoidBatch(Batch):
    """Binary (one channel) and multilabel: each channel is a yes or no of its own."""

    def __init__(self, task: Task, logits: Tensor, target: Tensor, *, ignore_index: int, published: bool) -> None:
        """Take logits N C *axes and a target of 0, 1 and *ignore_index* of the same shape (binary: also N *axes)."""
        self.task, self.spatial, self.background, self.published = task, logits.shape[2:], None, published
        self.logits = logits.flatten(2)
        self.ids = target.reshape(self.logits.shape)
        limits = torch.iinfo(target.dtype)  # torch would wrap an id that the type cannot hold
        can_occur = limits.min <= ignore_index <= limits.max
        self.valid = self.ids != ignore_index if can_occur else torch.ones_like(self.ids, dtype=torch.bool)
        self.target = self.ids.to(logits.dtype).mul_(self.weight)

    @cached_property
    def ce(self) -> Tensor:
        """Binary cross-entropy of each position N C P."""
        return self.ce_of(self.logits)

    def smoothed_ce(self, smoothing: float) -> Tensor:
        """Return the cross-entropy N C P where the share *smoothing* of the target is uniform over yes and no."""
        return binary_cross_entropy(self.logits, self.target * (1 - smoothing) + smoothing / 2)

    def ce_of(self, logits: Tensor) -> Tensor:
        """Return the binary cross-entropy of each position for other logits, N C P."""
        return binary_cross_entropy(logits, self.target)

    @cached_property
    def sums(self) -> Sums:
        """Soft counts of each image and channel."""
        prob = self.probabilities * self.weight
        return Sums((prob * self.target).sum(-1), prob.sum(-1), self.actual)

    @cached_property
    def actual(self) -> Tensor:
        """Number of positive pixels of each image and channel N C."""
        return self.target.sum(-1)

    def predicted(self, temperature: float) -> Tensor:
        """Return the probability of each channel N C summed over the pixels, for logits times *temperature*."""
        if temperature == 1:
            return self.sums.predicted
        return (torch.sigmoid(self.logits * temperature) * self.weight).sum(-1)

    @cached_property
    def valid_pixels(self) -> Tensor:
        """Number of pixels that count of each image and channel, N C."""
        return self.weight.sum(-1)

    @cached_property
    def one_hot(self) -> Tensor:
        """Whether a position that counts is positive, N C P."""
        return self.target > 0

    def flip_sign_(self, values: Tensor) -> Tensor:
        """Change the sign of values N C P at positive positions, in place: a logit becomes its margin."""
        return values.mul_(self._signs)

    @cached_property
    def _signs(self) -> Tensor:
        return 1 - 2 * self.target

    def position_weights(self, class_weights: Tensor) -> Tensor:
        """Return the weight of each position, from weights 2 C of negatives and positives of each channel."""
        negative, positive = class_weights.unsqueeze(-1)
        return torch.where(self.one_hot, positive, negative)

    @cached_property
    def is_background(self) -> Tensor:
        """Whether a position is negative, N C P."""
        return self.target == 0

    @cached_property
    def probabilities(self) -> Tensor:
        """Sigmoid N C P."""
        return torch.sigmoid(self.logits)
