"""The presence head: which classes are in an image, from features pooled over all of it."""

import math
from collections.abc import Callable

import torch
from segmentation_models_pytorch.base import ClassificationHead
from segmentation_models_pytorch.base.initialization import initialize_head
from torch import Tensor, nn

LEAST = 1e-6
"""What features are raised to before their generalised mean, which is of positive numbers."""


class GlobalAverage(nn.Module):
    """N C H W → N C: the mean over the image."""

    def forward(self, features: Tensor) -> Tensor:
        """Return the mean of each channel."""
        return features.mean(dim=(2, 3))


class GlobalMax(nn.Module):
    """N C H W → N C: the greatest value in the image."""

    def forward(self, features: Tensor) -> Tensor:
        """Return the maximum of each channel. Equal values share the gradient."""
        return features.amax(dim=(2, 3))


class GeneralisedMean(nn.Module):
    """N C H W → N C: (mean of x^p)^(1/p), GeM (Radenović et al., TPAMI 2019); p is learned.

    p = 1 is the mean of the positive parts, p → ∞ their maximum.
    """

    def __init__(self, power: float = 3.0) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor([power]))

    def forward(self, features: Tensor) -> Tensor:
        """Return the generalised mean of each channel, in float32: of logarithms, so that no power is too large."""
        logs = features.float().clamp(min=LEAST).log().flatten(2)
        return ((torch.logsumexp(self.power * logs, dim=2) - math.log(logs.shape[2])) / self.power).exp()


POOLINGS: dict[str, Callable[[], nn.Module]] = {
    "avg": GlobalAverage,
    "max": GlobalMax,
    "gem": GeneralisedMean,
}
"""``model.presence_pooling`` → the layer."""


def presence_head(channels: int, presence: int, *, pooling: str, dropout: float) -> ClassificationHead:
    """Return a head N C H W → N K: pooling, dropout, one linear layer; C = *channels*, K = *presence*.

    It is the head of segmentation-models-pytorch, whose weights keep their names, with a pooling of ``POOLINGS``.
    """
    head = ClassificationHead(channels, presence, dropout=dropout)
    initialize_head(head)
    return pooled_by(head, pooling)


def pooled_by(head: ClassificationHead, pooling: str) -> ClassificationHead:
    """Give a head of segmentation-models-pytorch the *pooling* of that name, and return it."""
    head[0] = POOLINGS[pooling]()
    for layer in head:
        if isinstance(layer, nn.Dropout):
            layer.inplace = False  # the gradients of maximum and generalised mean need what they returned
    return head
