"""The presence score of a class in an image: how sure a network is that the class is in it, as a logit; and its bins.

It is that of the presence head, or, where there is none, the logit of the greatest probability of the class in any
pixel of the image. Images are counted by bins of it (``scores.presence_bins``), so that ROC curves can be had of a sum.
"""

import torch
from torch import Tensor

from rarepix.labels import LabelSpace, Task
from rarepix.models.outputs import SegOutput
from rarepix.scores.presence_bins import BINS, HIGHEST, WIDTH


def presence_logits(output: SegOutput, mask: Tensor, labels: LabelSpace) -> Tensor:
    """Return the presence scores N K, float32, of an output for images whose masks are N H W (multilabel: N C H W).

    Ignored pixels have no part in it; where every pixel is ignored, the score of a pixel map is minus infinity.
    """
    if output.presence is not None:
        return output.presence.float()
    logits, ignored = output.mask, mask == labels.ignore
    if labels.task is not Task.MULTICLASS:
        return logits.float().masked_fill(ignored.view_as(logits), -torch.inf).flatten(2).amax(dim=2)
    # one image at a time: a CPU gets and clears the memory for the probabilities of a whole batch anew each time
    log_p = torch.stack([_greatest_log_p(*image) for image in zip(logits, ignored, strict=True)])
    log_p = without_background(log_p, labels)
    return log_p - torch.log1p(-log_p.exp())


def _greatest_log_p(logits: Tensor, ignored: Tensor) -> Tensor:
    """Return the greatest log-probability C in the pixels of an image that are not *ignored* H W, of logits C H W."""
    # contiguous: on a CPU a softmax over the channels of another layout takes twice as long as the copy and it
    log_p = logits.float().contiguous().log_softmax(dim=0).masked_fill_(ignored, -torch.inf)
    return log_p.flatten(1).amax(dim=1)


def presence_histogram(scores: Tensor, presence: Tensor, foreground: Tensor) -> Tensor:
    """Return the images of a batch by bin of their presence score: 1 K+1 B 2, the last axis ``HISTOGRAM_KINDS``.

    The last row is of any class, whose score is the greatest of those that are counted.

    Args:
        scores: N K.
        presence: N K 4 (``scores.KINDS``) of 0 and 1; all four are 0 where a class is not counted in an image.
        foreground: N 4, the same of any class.
    """
    rows = torch.cat([presence, foreground.unsqueeze(1)], dim=1)
    tp, _, fn, _ = rows.unbind(dim=-1)
    counted = rows.sum(dim=-1) > 0
    of_any = scores.masked_fill(~counted[:, :-1], -torch.inf).amax(dim=1, keepdim=True)
    # what is no number, of a network that diverges, must get to the check of the loss: it has the lowest bin
    scores = torch.cat([scores, of_any], dim=1).nan_to_num(nan=-HIGHEST)
    bins = ((scores + HIGHEST) / WIDTH).floor().clamp(0, BINS - 1).long()
    size = rows.shape[1]
    cell = (torch.arange(size, device=bins.device) * BINS + bins) * 2 + tp + fn
    # as ignored pixels do, images that are not counted go to an extra last cell
    cell = torch.where(counted, cell, size * BINS * 2)
    counts = torch.bincount(cell.flatten(), minlength=size * BINS * 2 + 1)
    return counts[:-1].view(1, size, BINS, 2)


def without_background(values: Tensor, labels: LabelSpace) -> Tensor:
    """Return values N K … of values N C …: without the background."""
    background = labels.background
    if background is None:
        return values
    # slices: a list of positions would be copied to the device
    return torch.cat([values[:, :background], values[:, background + 1 :]], dim=1)
