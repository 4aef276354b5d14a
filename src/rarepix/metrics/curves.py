"""Sums for the curves over thresholds: what is found in images with foreground, and what on empty ones, at each.

Foreground are all classes but the background, and an empty image holds none of them. At a threshold a pixel is found if
the greatest probability of a foreground class in it is above the threshold, whichever class that is. A histogram of
those probabilities says how many pixels are found at every threshold; so each image needs one ``bincount``.
"""

import numpy as np
import torch
from torch import Tensor

from rarepix.labels import LabelSpace, Task, hard_mask
from rarepix.metrics.presence_scores import without_background
from rarepix.models.outputs import Prediction, Target

STEP, BELOW_HALF, COUNT = 0.3, 32, 64
"""The thresholds: their distance as logits, how many lie below the probability 0.5, which is one of them, and in all.
They reach from 0.00007 to 0.9999: where foreground is rare, networks are sure of the background."""
BINS = COUNT + 1
"""Bin b holds what is above b of the thresholds."""
PIXELS, PRESENCE = "pixels_by_probability", "images_by_presence"


def thresholds() -> np.ndarray:
    """Return the probabilities of the thresholds, in ascending order and equally far from each other as logits."""
    return 1 / (1 + np.exp(-STEP * (np.arange(COUNT) - BELOW_HALF)))


def curve_sums(prediction: Prediction, target: Target, labels: LabelSpace) -> dict[str, Tensor]:
    """Return histograms of the images of a batch, N ``BINS`` 2: without and with foreground in the last axis.

    ``pixels_by_probability`` counts the pixels of each image by their greatest probability of a foreground class, if
    the network predicts masks. ``images_by_presence`` is 1 in the bin of the greatest probability with which the
    presence head says that a class is in the image, if there is a head, and needs ``target.presence``. What is ignored
    counts nowhere. Empty where no image can be without foreground, since every pixel is of a class.
    """
    if not labels.presence_names or (labels.task is Task.MULTICLASS and labels.background is None):
        return {}
    output, sums = prediction.output, {}
    if output.mask is not None:
        mask = hard_mask(target.mask, labels)
        foreground, counted = _truth(mask, labels)
        logits = _foreground_logits(output.mask.float(), mask, labels)
        sums[PIXELS] = _histograms(logits.flatten(1), foreground.flatten(1), counted.flatten(1))
    if output.presence is not None:
        present, counted = target.presence == 1, (target.presence != labels.ignore).any(dim=1, keepdim=True)
        logits = output.presence.float().masked_fill(target.presence == labels.ignore, -torch.inf)
        greatest = logits.amax(dim=1, keepdim=True)
        sums[PRESENCE] = _histograms(greatest, present.any(dim=1, keepdim=True), counted)
    return sums


def _truth(mask: Tensor, labels: LabelSpace) -> tuple[Tensor, Tensor]:
    """Return whether each pixel is foreground, and whether it counts, both N H W bool."""
    counted = mask != labels.ignore
    if labels.task is Task.MULTILABEL:
        return (mask == 1).any(dim=1), counted.any(dim=1)
    return counted & (mask != labels.background), counted


def _foreground_logits(logits: Tensor, mask: Tensor, labels: LabelSpace) -> Tensor:
    """Return the logit N H W of the greatest probability of a foreground class, of logits of masks N C H W."""
    if labels.task is Task.BINARY:
        return logits[:, 0]
    if labels.task is Task.MULTILABEL:
        return logits.masked_fill(mask == labels.ignore, -torch.inf).amax(dim=1)
    # contiguous: on a CPU a softmax over the channels of another layout takes twice as long as the copy and it
    foreground = without_background(logits.contiguous().log_softmax(dim=1), labels).amax(dim=1)
    return foreground - torch.log(-torch.expm1(foreground))


def _histograms(logits: Tensor, foreground: Tensor, counted: Tensor) -> Tensor:
    """Return histograms N BINS 2 of *logits* N P by *foreground* N P, of what is *counted* N P."""
    images = len(logits)
    # what is no number, of a network that diverges, has the lowest bin
    bins = (logits / STEP + BELOW_HALF).ceil().clamp(0, COUNT).nan_to_num(nan=0).long()
    image = torch.arange(images, device=logits.device).unsqueeze(1)
    cell = (image * BINS + bins) * 2 + foreground
    # what is ignored goes to an extra last cell: boolean indexing would synchronise with the device
    cell = torch.where(counted, cell, images * BINS * 2)
    counts = torch.bincount(cell.flatten(), minlength=images * BINS * 2 + 1)
    return counts[:-1].view(images, BINS, 2)
