"""Confusion counts: integers, per image, one bincount on the device that the predictions are on."""

import numpy as np
import torch
from torch import Tensor


def confusion(prediction: Tensor, target: Tensor, *, classes: int, ignore: int) -> Tensor:
    """Return counts N C C (image, true class, predicted class) of the pixels that are not ignored.

    Args:
        prediction: N H W class ids.
        target: N H W class ids or *ignore*.
    """
    images = target.shape[0]
    image = torch.arange(images, device=target.device).view(-1, 1, 1)
    cell = (image * classes + target.long()) * classes + prediction
    # ignored pixels go to one cell past the end: no boolean indexing, which would wait for the device
    cell = torch.where(target == ignore, images * classes * classes, cell)
    counts = torch.bincount(cell.flatten(), minlength=images * classes * classes + 1)
    return counts[:-1].view(images, classes, classes)


def per_class(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Return tp, fp, fn, tn, each … C, of confusion counts … C C (true class, predicted class)."""
    tp = np.diagonal(confusion, axis1=-2, axis2=-1)
    fp = confusion.sum(axis=-2) - tp
    fn = confusion.sum(axis=-1) - tp
    tn = confusion.sum(axis=(-2, -1))[..., None] - tp - fp - fn
    return {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
