"""From logits to what is predicted."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rarepix.labels import LabelSpace, Task
from rarepix.metrics.counts import count_pixels


def decode(logits: Tensor, *, task: Task, threshold: float) -> Tensor:
    """Return class ids N H W of logits N C H W; multilabel: N C H W of 0 and 1.

    Args:
        logits: N C H W; of a binary task one channel.
        task: multiclass takes the largest; the others compare the sigmoid with *threshold*.
        threshold: a probability.
    """
    if task is Task.MULTICLASS:
        return logits.argmax(dim=1)
    chosen = (logits > math.log(threshold / (1 - threshold))).long()
    return chosen[:, 0] if task is Task.BINARY else chosen


def masks_of(predictions: Tensor, sizes: Sequence[tuple[int, int]]) -> list[np.ndarray]:
    """Return each image's mask, H W ids or H W C layers, both uint8, of predictions N H W or N C H W that were padded.

    Args:
        predictions: of a batch.
        sizes: rows and columns of each image's own mask.
    """
    found = []
    for said, (rows, columns) in zip(predictions, sizes, strict=True):
        own = said[..., :rows, :columns]
        found.append((own if own.ndim == 2 else own.permute(1, 2, 0)).to(torch.uint8).cpu().numpy())
    return found


def count_decoded(logits: Tensor, target: Tensor, *, labels: LabelSpace, threshold: float) -> Tensor:
    """Return the counts N C 4 of what logits N C H W predict, see ``metrics.counts.count_pixels``."""
    said = decode(logits, task=labels.task, threshold=threshold)
    return count_pixels(said, target, task=labels.task, classes=labels.count, ignore=labels.ignore)
