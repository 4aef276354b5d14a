"""Losses that are a mean over pixels. Ignored pixels are in neither numerator nor denominator."""

import warnings

import torch.nn.functional as F
from torch import Tensor, nn


class CrossEntropyTerm(nn.Module):
    """Cross-entropy of the softmax, mean over the pixels that count."""

    def __init__(self, *, ignore_index: int, label_smoothing: float) -> None:
        super().__init__()
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return a scalar for logits N C H W and target N H W."""
        total = F.cross_entropy(
            logits, target, ignore_index=self.ignore_index, label_smoothing=self.label_smoothing, reduction="sum"
        )
        return total / _counting(target, self.ignore_index)


class FocalTerm(nn.Module):
    """Focal loss (Lin et al. 2017) over the softmax.

    One-vs-rest and summed over classes, mean over the pixels that count. The per-pixel term is pytorch-toolbelt's,
    whose own mean divides by the ignored pixels as well.
    """

    def __init__(self, *, ignore_index: int, gamma: float) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning, module="pytorch_toolbelt")
            from pytorch_toolbelt.losses import CrossEntropyFocalLoss
        self.ignore_index = ignore_index
        self.focal = CrossEntropyFocalLoss(gamma=gamma, ignore_index=ignore_index, reduction="sum")

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return a scalar for logits N C H W and target N H W."""
        return self.focal(logits, target) / _counting(target, self.ignore_index)


def _counting(target: Tensor, ignore_index: int) -> Tensor:
    """Return the number of pixels that count, at least 1."""
    return (target != ignore_index).sum().clamp(min=1)
