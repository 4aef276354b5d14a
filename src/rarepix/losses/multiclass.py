"""A multiclass batch: the channels of a pixel are in competition."""

from functools import cached_property

import torch
from torch import Tensor

from rarepix.labels import Task
from rarepix.losses.batch import Batch, Sums, Wanted
from rarepix.losses.softmax import SoftmaxValues, softmax_values


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
