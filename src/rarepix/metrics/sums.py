"""The sums of a batch: integers and floats per image, of which every score is a function, on the device.

``rarepix.scores.table`` says what each is. Those of outlines take too long for this and are taken by a test alone.
"""

from collections.abc import Collection

import torch
from torch import Tensor

from rarepix.labels import LabelSpace, Task, hard_mask
from rarepix.metrics.counts import confusion, count_pixels, one_against_rest
from rarepix.metrics.presence_scores import presence_histogram, presence_logits, without_background
from rarepix.metrics.soft import soft_sums
from rarepix.models.outputs import Prediction, Target

CONFUSION = "confusion"
OF_A_BATCH = (CONFUSION, "presence_histogram")
"""The sums that have one row for all images of a batch, since those of each image would be large."""


def image_sums(prediction: Prediction, target: Target, labels: LabelSpace) -> dict[str, Tensor]:
    """Return the sums of the images of a batch by name; sums over their first axis are those of the batch.

    ``pixels`` N C 4, ``confusion`` 1 C C (all images together; not of a multilabel task) and, of soft masks only,
    ``soft`` N C 6; the other sums of a soft mask are those of its ``hard_mask``. Where there is a class that is not the
    background, also ``presence`` N K 4, ``foreground`` N 4, ``presence_histogram`` 1 K+1 B 2, ``positive_pixels`` and
    ``image_dice`` N K 4. Without predicted masks there are the first three of these alone, which then need
    ``target.presence``.
    """
    if prediction.mask is None:
        presence = presence_counts(prediction.presence, target.presence, ignore=labels.ignore)
        return _of_presence(presence, prediction.output.presence.float())
    mask = hard_mask(target.mask, labels)
    how = {"classes": labels.count, "ignore": labels.ignore}
    if labels.task is Task.MULTILABEL:
        sums = {"pixels": count_pixels(prediction.mask, mask, task=labels.task, **how)}
    else:
        cells = confusion(prediction.mask, mask, **how)
        sums = {"pixels": one_against_rest(cells), CONFUSION: cells.sum(dim=0, keepdim=True)}
    if labels.presence_names:
        pixels = without_background(sums["pixels"], labels)
        sums |= _of_presence(presence_of_pixels(pixels), presence_logits(prediction.output, mask, labels))
        tp, _, fn, _ = sums["foreground"].unbind(dim=-1)
        sums["positive_pixels"] = pixels * (tp + fn).view(-1, 1, 1)
        sums["image_dice"] = dice_of_images(pixels)
    if labels.is_soft:
        sums["soft"] = _soft_sums(prediction.output.mask, target.mask, labels)
    return sums


def sums_taken(outputs: Collection[str], labels: LabelSpace) -> list[str]:
    """Return the names of the sums that ``image_sums`` takes of a network with these ``Model.outputs``."""
    names = ["presence", "foreground", "presence_histogram"] if labels.presence_names else []
    if "mask" in outputs:
        names += ["pixels"] + ["soft"] * labels.is_soft + [CONFUSION] * (labels.task is not Task.MULTILABEL)
        names += ["positive_pixels", "image_dice"] if labels.presence_names else []
    return names


def _of_presence(presence: Tensor, scores: Tensor) -> dict[str, Tensor]:
    """Return the sums that need no masks, of counts N K 4 and presence scores N K."""
    foreground = any_class(presence)
    return {
        "presence": presence,
        "foreground": foreground,
        "presence_histogram": presence_histogram(scores, presence, foreground),
    }


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


def any_class(presence: Tensor) -> Tensor:
    """Return counts N 4 of 0 and 1, whether any class is in the image and any was found, of those of each class N K 4.

    What is not counted of an image, all of whose four are 0, has no part in it.
    """
    tp, fp, fn, tn = presence.any(dim=1).unbind(dim=-1)
    return _one_hot(tp | fp, tp | fn, tp | fp | fn | tn)


def dice_of_images(pixels: Tensor) -> Tensor:
    """Return sums N K 4 (``scores.IMAGE_DICE_KINDS``), float64, of the Dice of each image, of pixels N K 4.

    An image in which every pixel is ignored has no part in them.
    """
    tp, fp, fn, tn = pixels.double().unbind(dim=-1)
    holds, found = tp + fn > 0, tp + fp > 0
    lacks = ~holds & (fp + tn > 0)
    # in an image that holds the class the denominator is at least 1
    dice = torch.where(holds, 2 * tp / (2 * tp + fp + fn).clamp(min=1), 0.0)
    return torch.stack([dice, holds, lacks & ~found, lacks], dim=-1)


def _one_hot(predicted: Tensor, present: Tensor, counted: Tensor) -> Tensor:
    kinds = (predicted & present, predicted & ~present, ~predicted & present, ~predicted & ~present)
    return (torch.stack(kinds, dim=-1) & counted.unsqueeze(-1)).long()


def _soft_sums(logits: Tensor, mask: Tensor, labels: LabelSpace) -> Tensor:
    """Return sums N C 6 (``scores.SOFT_KINDS``) of logits and a soft mask; binary: C = 2, the background first."""
    p = logits.float().sigmoid()
    mask = mask.reshape(p.shape)
    t, ignored = mask / labels.scale, mask == labels.ignore
    if labels.task is Task.BINARY:
        p, t = torch.cat([1 - p, p], dim=1), torch.cat([1 - t, t], dim=1)
    return soft_sums(p, t, ignored=ignored)
