"""A batch as the terms see it: pixels in one axis, what counts, and what several terms want to know, computed once.

P is the number of pixels of an image, whatever its axes. Ignored pixels have target 0 here and are not valid.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from rarepix.labels import Task
from rarepix.losses.sigmoid import sigmoid_costs
from rarepix.losses.softmax import SoftmaxValues, softmax_values


class Wanted(NamedTuple):
    """What the terms will ask a batch for, so that it is computed in one go."""

    sums: bool = False
    """The soft counts of each class."""
    even_costs: bool = False
    """The costs against a target that is even over the classes."""
    temperature: float | None = None
    """That of the class shares, where it is not 1."""


class Sums(NamedTuple):
    """Of each image and class N C, over the pixels that count."""

    overlap: Tensor
    """Probability of the class on its own pixels: soft true positives."""
    predicted: Tensor
    """Probability of the class on all pixels."""
    actual: Tensor
    """Number of its pixels."""


class Batch:
    """What the terms share. A *position* is a pixel (multiclass) or a pixel of a channel (binary, multilabel)."""

    task: Task
    logits: Tensor
    """N C P."""
    target: Tensor
    """Multiclass: ids N P. Binary, multilabel: 0 and 1 of each channel, N C P."""
    valid: Tensor
    """Whether a position counts, of the target's shape."""
    spatial: tuple[int, ...]
    """Rows and columns, before them slices in 3-D."""
    background: int | None
    """Channel of the background, where there is one."""
    published: bool
    """Whether a mean over nothing is not a number, as published, instead of 0."""

    @cached_property
    def weight(self) -> Tensor:
        """1 where a position counts, else 0, as floats."""
        return self.valid.to(self.logits.dtype)

    def mean(self, values: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the (weighted) mean over the positions that count, 0 where none does."""
        weights = self.weight if weights is None else weights * self.weight
        total = weights.sum()
        return (values * weights).sum() / (total if self.published else torch.where(total > 0, total, 1))

    def classes_in_mean(self, foreground_only: bool) -> Tensor:
        """Return for each channel C whether it is in a mean over classes."""
        inside = torch.ones(self.logits.shape[1], dtype=torch.bool, device=self.logits.device)
        if foreground_only:
            inside[self.background] = False
        return inside

    def in_space(self, values: Tensor) -> Tensor:
        """Return values … P in the axes of the image."""
        return values.unflatten(-1, self.spatial)


class SoftmaxBatch(Batch):
    """Multiclass: the channels of a pixel are in competition."""

    task = Task.MULTICLASS

    def __init__(
        self,
        logits: Tensor,
        target: Tensor,
        *,
        ignore_index: int,
        background: int | None = None,
        wanted: Wanted = Wanted(sums=True),  # noqa: B008
        published: bool = False,
    ) -> None:
        """Take logits N C *axes and ids N *axes."""
        self.spatial, self.background, self.published = logits.shape[2:], background, published
        self.wanted, self.logits = wanted, logits.flatten(2)
        target = target.flatten(1).long()
        self.valid = target != ignore_index
        self.target = target.masked_fill(~self.valid, 0)

    @cached_property
    def _values(self) -> SoftmaxValues:
        sums, even, temperature = self.wanted
        given = self.logits, self.target, self.weight
        return softmax_values(*given, sums=sums, even=even, temperature=temperature)

    @property
    def costs(self) -> Tensor:
        """Cross-entropy of each pixel N P."""
        return self._values.costs

    def smoothed_costs(self, share: float) -> Tensor:
        """Return the costs N P where a *share* of the target is even over the classes."""
        return (1 - share) * self.costs + share * self._values.even_costs

    def costs_of(self, logits: Tensor) -> Tensor:
        """Return the cross-entropy of each pixel N P of other logits N C P."""
        return softmax_values(logits, self.target, self.weight, sums=False, even=False, temperature=None).costs

    @cached_property
    def sums(self) -> Sums:
        """Soft counts of each image and class."""
        right = torch.exp(-self.costs) * self.weight
        return Sums(self.by_class(right), self._values.sums, self.actual)

    @cached_property
    def actual(self) -> Tensor:
        """Number of pixels of each image and class N C."""
        return self.by_class(self.weight)

    def predicted(self, temperature: float) -> Tensor:
        """Return the probability of each class N C on all pixels, of logits times *temperature*."""
        return self._values.sums if temperature == 1 else self._values.sharp_sums

    @cached_property
    def counted(self) -> Tensor:
        """Number of pixels of each image that count, N 1."""
        return self.weight.sum(1, keepdim=True)

    def by_class(self, values: Tensor) -> Tensor:
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

    def turn_(self, values: Tensor) -> Tensor:
        """Turn the sign of values N C P at the true class, in place: how wrong a logit is, one class against rest."""
        at = self.target.unsqueeze(1)
        return values.scatter_(1, at, values.gather(1, at).neg_())

    def position_weights(self, class_weights: Tensor) -> Tensor:
        """Return the weight of each pixel by its class, of weights C."""
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
    """Binary (one channel) and multilabel: each channel says yes or no for itself."""

    def __init__(
        self, task: Task, logits: Tensor, target: Tensor, *, ignore_index: int, published: bool = False
    ) -> None:
        """Take logits N C *axes and a target of 0, 1 and *ignore_index* of the same shape (binary: also N *axes)."""
        self.task, self.spatial, self.background, self.published = task, logits.shape[2:], None, published
        self.logits = logits.flatten(2)
        self.ids = target.reshape(self.logits.shape)
        self.valid = self.ids != ignore_index
        self.target = self.ids.to(logits.dtype).mul_(self.weight)

    @cached_property
    def costs(self) -> Tensor:
        """Binary cross-entropy of each position N C P."""
        return self.costs_of(self.logits)

    def smoothed_costs(self, share: float) -> Tensor:
        """Return the costs N C P where a *share* of the target is even over yes and no."""
        return sigmoid_costs(self.logits, self.target * (1 - share) + share / 2)

    def costs_of(self, logits: Tensor) -> Tensor:
        """Return the binary cross-entropy of each position of other logits, N C P."""
        return sigmoid_costs(logits, self.target)

    @cached_property
    def sums(self) -> Sums:
        """Soft counts of each image and channel."""
        likely = self.probabilities * self.weight
        return Sums((likely * self.target).sum(-1), likely.sum(-1), self.actual)

    @cached_property
    def actual(self) -> Tensor:
        """Number of pixels of each image and channel N C."""
        return self.target.sum(-1)

    def predicted(self, temperature: float) -> Tensor:
        """Return the probability of each channel N C on all pixels, of logits times *temperature*."""
        if temperature == 1:
            return self.sums.predicted
        return (torch.sigmoid(self.logits * temperature) * self.weight).sum(-1)

    @cached_property
    def counted(self) -> Tensor:
        """Number of pixels that count of each image and channel, N C."""
        return self.weight.sum(-1)

    @cached_property
    def one_hot(self) -> Tensor:
        """Whether a position that counts is positive, N C P."""
        return self.target > 0

    def turn_(self, values: Tensor) -> Tensor:
        """Turn the sign of values N C P at positive positions, in place: how wrong a logit is."""
        return values.mul_(self._signs)

    @cached_property
    def _signs(self) -> Tensor:
        return 1 - 2 * self.target

    def position_weights(self, class_weights: Tensor) -> Tensor:
        """Return the weight of each position, of weights 2 C of negatives and positives of each channel."""
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
