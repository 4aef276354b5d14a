"""The sums of a batch: integers and floats per image, of which every score is a function, on the device.

``rarepix.scores.table`` says what each is. Those of outlines take too long for this and are taken by a test alone.
"""

from collections.abc import Collection

import torch
from torch import Tensor

from rarepix.labels import LabelSpace, Task, hard_mask
from rarepix.metrics.counts import confusion, count_pixels, one_against_rest
from rarepix.metrics.soft import soft_sums
from rarepix.models.outputs import Prediction, Target

CONFUSION = "confusion"
"""The sums that have one row for all images of a batch, since those of each image would be large."""


def image_sums(prediction: Prediction, target: Target, labels: LabelSpace) -> dict[str, Tensor]:
    """Return the sums of the images of a batch by name; sums over their first axis are those of the batch.

    ``pixels`` N C 4, ``confusion`` 1 C C (all images together; not of a multilabel task), ``presence`` N K 4 (where
    there is a class that is not the background) and, of soft masks only, ``soft`` N C 6; the other sums of a soft mask
    are those of its ``hard_mask``. Without predicted masks there is ``presence`` alone, which needs
    ``target.presence``.
    """
    if prediction.mask is None:
        return {"presence": presence_counts(prediction.presence, target.presence, ignore=labels.ignore)}
    mask = hard_mask(target.mask, labels)
    how = {"classes": labels.count, "ignore": labels.ignore}
    if labels.task is Task.MULTILABEL:
        sums = {"pixels": count_pixels(prediction.mask, mask, task=labels.task, **how)}
    else:
        cells = confusion(prediction.mask, mask, **how)
        sums = {"pixels": one_against_rest(cells), CONFUSION: cells.sum(dim=0, keepdim=True)}
    if labels.presence_names:
        sums["presence"] = presence_of_pixels(_foreground(sums["pixels"], labels))
    if labels.is_soft:
        sums["soft"] = _soft_sums(prediction.output.mask, target.mask, labels)
    return sums


def sums_taken(outputs: Collection[str], labels: LabelSpace) -> list[str]:
    """Return the names of the sums that ``image_sums`` takes of a network with these ``Model.outputs``."""
    names = ["presence"] if labels.presence_names else []
    if "mask" in outputs:
        names += ["pixels"] + ["soft"] * labels.is_soft + [CONFUSION] * (labels.task is not Task.MULTILABEL)
    return names


def presence_counts(predicted: Tensor, present: Tensor, *, ignore: int) -> Tensor:
    """Return counts N K 4 (image, class, ``scores.KINDS``) of 0 and 1, one of which is 1.

    Args:
        predicted: N K bool, whether the class is found in the image.
        present: N K, 1 where it is in the image and 0 where it is not; what equals *ignore* counts nowhere.
        ignore: see *present*.
    """
    return _one_hot(predicted, present == 1, present != ignore)


def presence_of_pixels(pixels: Tensor) -> Tensor:
    """Return counts N K 4 of 0 and 1, whether each class is in the image and found in it, of pixels N K 4.

    A class is in an image, or found in it, if one pixel is. Where every pixel is ignored, all four are 0.
    """
    tp, fp, fn, _ = pixels.unbind(dim=-1)
    return _one_hot(tp + fp > 0, tp + fn > 0, pixels.sum(dim=-1) > 0)


def _one_hot(predicted: Tensor, present: Tensor, counted: Tensor) -> Tensor:
    kinds = (predicted & present, predicted & ~present, ~predicted & present, ~predicted & ~present)
    return (torch.stack(kinds, dim=-1) & counted.unsqueeze(-1)).long()


def _foreground(pixels: Tensor, labels: LabelSpace) -> Tensor:
    """Return pixels N K 4 of pixels N C 4: without the background."""
    background = labels.background
    if background is None:
        return pixels
    # slices: a list of positions would be copied to the device
    return torch.cat([pixels[:, :background], pixels[:, background + 1 :]], dim=1)


def _soft_sums(logits: Tensor, mask: Tensor, labels: LabelSpace) -> Tensor:
    """Return sums N C 6 (``scores.SOFT_KINDS``) of logits and a soft mask; binary: C = 2, the background first."""
    p = logits.float().sigmoid()
    mask = mask.reshape(p.shape)
    t, ignored = mask / labels.scale, mask == labels.ignore
    if labels.task is Task.BINARY:
        p, t = torch.cat([1 - p, p], dim=1), torch.cat([1 - t, t], dim=1)
    return soft_sums(p, t, ignored=ignored)
