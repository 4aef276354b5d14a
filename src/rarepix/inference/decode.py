"""From logits to probabilities and predicted masks."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rarepix.labels import Task


def decode(logits: Tensor, *, task: Task, threshold: float) -> Tensor:
    """Return class ids N H W of logits N C H W (binary: one channel); multilabel: N C H W of 0 and 1.

    Multiclass takes the class with the largest logit; the others compare the sigmoid with *threshold*, a probability.
    """
    if task is Task.MULTICLASS:
        return logits.max(dim=1).indices  # the first of equal ones; on a CPU this takes half the time of argmax
    predicted = (logits > math.log(threshold / (1 - threshold))).long()
    return predicted[:, 0] if task is Task.BINARY else predicted


def decode_foreground(logits: Tensor, *, task: Task, background: int | None, threshold: float) -> Tensor:
    """Return ``decode`` with a *threshold* that multiclass takes, too.

    Multiclass takes the class with the largest probability of those that are not the *background*, where that is above
    the threshold, and else the background.
    """
    if task is not Task.MULTICLASS:
        return decode(logits, task=task, threshold=threshold)
    foreground = probabilities(logits, task=task)
    foreground[:, background] = 0
    greatest, ids = foreground.max(dim=1)
    return torch.where(greatest > threshold, ids, background)


def probabilities(logits: Tensor, *, task: Task) -> Tensor:
    """Return probabilities N C H W, float32, of logits N C H W: softmax (multiclass) or the sigmoid of each channel."""
    return logits.float().softmax(dim=1) if task is Task.MULTICLASS else logits.float().sigmoid()


def crop_masks(predictions: Tensor, sizes: Sequence[tuple[int, int]]) -> list[np.ndarray]:
    """Return the mask of each image without its padding, H W ids or H W C of 0 and 1, uint8.

    *predictions* are N H W ids or N C H W of 0 and 1, *sizes* the rows and columns of each image's own mask.
    """
    masks = []
    for prediction, (rows, columns) in zip(predictions, sizes, strict=True):
        cropped = prediction[..., :rows, :columns]
        masks.append((cropped if cropped.ndim == 2 else cropped.permute(1, 2, 0)).to(torch.uint8).cpu().numpy())
    return masks
