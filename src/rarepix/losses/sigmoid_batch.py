"""The batches of binary and multilabel tasks, of hard and of soft masks: each channel is a yes or no of its own."""

from functools import cached_property

import torch
from torch import Tensor

from rarepix.labels import Task
from rarepix.losses.batch import Batch, Sums
from rarepix.losses.fused import binary_cross_entropy


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
        return self.blend(positive, negative)

    @cached_property
    def is_background(self) -> Tensor:
        """Whether a position is negative, N C P."""
        return self.target == 0

    @cached_property
    def probabilities(self) -> Tensor:
        """Sigmoid N C P."""
        return torch.sigmoid(self.logits)


class SoftBatch(SigmoidBatch):
    """Binary and multilabel, with a target from 0 to 1. At 0 and 1 each value is that of ``SigmoidBatch``."""

    def __init__(self, task: Task, logits: Tensor, target: Tensor, *, ignore_index: int, scale: int) -> None:
        """Take logits N C *axes and a target of that shape, of numbers from 0 to *scale* and *ignore_index*."""
        super().__init__(task, logits, target, ignore_index=ignore_index, published=False)
        self.target.div_(scale)

    @cached_property
    def true_prob_minus_one(self) -> Tensor:
        """y p + (1 - y) (1 - p) - 1, N C P."""
        both = self.probabilities * self.target
        return 2 * both - self.probabilities - self.target

    def blend(self, positive: float | Tensor, negative: float | Tensor) -> Tensor:
        """Return y *positive* + (1 - y) *negative*, N C P."""
        return positive * self.target + negative * (1 - self.target)

    def focal(self, gamma: float) -> Tensor:
        """Return |y - p|^γ times the binary cross-entropy (quality focal loss), N C P, with a finite gradient."""
        wrong = (self.probabilities - self.target).abs()
        return wrong.clamp(min=torch.finfo(wrong.dtype).eps) ** gamma * self.ce

    @property
    def one_hot(self) -> Tensor:
        """Refuse: a position is of a class in part."""
        raise NotImplementedError("a soft target has no one-hot form: the term must not be marked soft in the registry")

    is_background = one_hot
