"""Losses that compare regions class by class."""

import torch
from torch import Tensor, nn


class DiceTerm(nn.Module):
    """Soft Dice loss, pooled over the batch, mean over the classes that the batch holds.

    Per class it is segmentation-models-pytorch's. There, a class that the batch does not hold enters the mean as 0,
    which makes the same mistake cheaper the more classes are absent; here the mean is over present classes.
    """

    def __init__(self, *, ignore_index: int, smooth: float) -> None:
        super().__init__()
        from segmentation_models_pytorch.losses import DiceLoss

        self.ignore_index = ignore_index
        self.dice = DiceLoss(mode="multiclass", from_logits=True, smooth=smooth, ignore_index=ignore_index)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return a scalar for logits N C H W and target N H W."""
        classes = logits.shape[1]
        inside = torch.where(target == self.ignore_index, classes, target).flatten()
        pixels = torch.zeros(classes + 1, dtype=torch.long, device=target.device)
        pixels.scatter_add_(0, inside, torch.ones_like(inside))
        present = (pixels[:classes] > 0).sum().clamp(min=1)
        return self.dice(logits, target) * classes / present
