"""A binary or multilabel batch: each channel says yes or no for itself."""

from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from rarepix.labels import Task
from rarepix.losses.batch import Batch, Sums


class _Costs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, logits: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(logits, target)
        return F.softplus(logits).addcmul_(logits, target, value=-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, of_costs: Tensor) -> tuple[Tensor, None]:
        logits, target = ctx.saved_tensors
        return torch.sigmoid(logits).sub_(target).mul_(of_costs), None


def sigmoid_costs(logits: Tensor, target: Tensor) -> Tensor:
    """Return the binary cross-entropy of each logit and its target from 0 to 1, faster than torch's own."""
    return _Costs.apply(logits, target)


class SigmoidBatch(Batch):
    """Binary (one channel) and multilabel: each channel says yes or no for itself."""

    def __init__(
        self, task: Task, logits: Tensor, target: Tensor, *, ignore_index: int, published: bool = False
    ) -> None:
        """Take logits N C *axes and a target of 0, 1 and *ignore_index* of the same shape (binary: also N *axes)."""
        self.task, self.spatial, self.background, self.published = task, logits.shape[2:], None, published
        self.logits = logits.flatten(2)
        self.ids = target.reshape(self.logits.shape)
        known = torch.iinfo(target.dtype)  # torch would wrap an id that the type cannot hold
        can_be = known.min <= ignore_index <= known.max
        self.valid = self.ids != ignore_index if can_be else torch.ones_like(self.ids, dtype=torch.bool)
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
