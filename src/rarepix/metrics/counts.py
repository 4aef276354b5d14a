"""Confusion counts: integers per image and class, by one bincount on the device of the predictions."""

import torch
from torch import Tensor

from rarepix.labels import Task
from rarepix.scores import KINDS


def count_pixels(prediction: Tensor, target: Tensor, *, task: Task, classes: int, ignore: int) -> Tensor:
    """Return counts N C 4 (image, class, ``scores.KINDS``) of the pixels that are not ignored.

    Args:
        prediction: N H W class ids; multilabel: N C H W of 0 and 1.
        target: N H W class ids or *ignore*; multilabel: N C H W of 0, 1 or *ignore*.
        task: how the classes relate.
        classes: number of classes C; of a binary task 2.
        ignore: id of the pixels that do not count.
    """
    if task is not Task.MULTILABEL:
        return one_against_rest(confusion(prediction, target, classes=classes, ignore=ignore))
    images, channels = target.shape[:2]
    pairs = confusion(prediction.flatten(0, 1), target.flatten(0, 1), classes=2, ignore=ignore)
    return one_against_rest(pairs)[:, 1].view(images, channels, len(KINDS))


def confusion(prediction: Tensor, target: Tensor, *, classes: int, ignore: int) -> Tensor:
    """Return counts N C C (image, true class, predicted class) of the pixels whose target is not *ignore*.

    *prediction* and *target* are N H W class ids, *classes* is their number C.
    """
    images = target.shape[0]
    image = torch.arange(images, device=target.device).view(-1, 1, 1)
    cell = (image * classes + target.long()) * classes + prediction
    # ignored pixels go to an extra last cell: boolean indexing would synchronise with the device
    cell = torch.where(target == ignore, images * classes * classes, cell)
    counts = torch.bincount(cell.flatten(), minlength=images * classes * classes + 1)
    return counts[:-1].view(images, classes, classes)


def one_against_rest(confusion: Tensor) -> Tensor:
    """Return counts … C 4 of confusion counts … C C (true class, predicted class)."""
    tp = confusion.diagonal(dim1=-2, dim2=-1)
    fp = confusion.sum(dim=-2) - tp
    fn = confusion.sum(dim=-1) - tp
    tn = confusion.sum(dim=(-2, -1)).unsqueeze(-1) - tp - fp - fn
    return torch.stack([tp, fp, fn, tn], dim=-1)
