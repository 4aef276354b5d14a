"""Gates at work: what they look at in a network's output, and how they empty the masks of classes that are not found.

A gate acts in the image's own size: padding is left out, so that a prediction does not depend on the other images of
its batch. Ignored pixels are looked at, since nobody knows them when a new image is predicted.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rarepix.gates import Gate
from rarepix.labels import LabelSpace, Task
from rarepix.models.outputs import Evidence, SegOutput

CLASSIFIER = "classifier"
"""Key of a batch: logits N K of an external classifier, for gates that ask one."""
LARGEST_LOGIT = 20.0
"""Logits are cut off here: thresholds are kept as probabilities, and one nearer to 1 would lose its digits."""


def foreground_ids(labels: LabelSpace) -> list[int]:
    """Return the ids of the K classes that are not the background."""
    return [number for number in range(labels.count) if number != labels.background]


def look(
    output: SegOutput, masks: Sequence[Tensor], sizes: Sequence[tuple[int, int]], labels: LabelSpace, batch: dict
) -> Evidence:
    """Return what a gate looks at in the *output* for a batch, whose images have the rows and columns *sizes*.

    *masks* are decoded from it at several thresholds; there are none of a network that predicts no masks.
    """
    presence = batch.get(CLASSIFIER, output.presence)
    presence = None if presence is None else presence.float().clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
    if output.mask is None:
        return Evidence(presence, None, (), None)
    inside = _inside(sizes, output.mask.shape[-2:], output.mask.device)
    areas = torch.stack([_areas(mask, inside, labels) for mask in masks], dim=1)
    return Evidence(presence, _greatest(output.mask, inside, labels), tuple(masks), areas)


def found_by(gate: Gate, evidence: Evidence, position: int = 0) -> Tensor:
    """Return N K bool, whether each class is found by *gate* in each image; areas are those of the mask *position*."""
    presence, greatest, areas = (
        None if values is None else values.double().cpu().numpy()
        for values in (evidence.presence, evidence.greatest, evidence.areas)
    )
    if gate.presence is not None and presence is None:
        raise ValueError(f"a gate of kind {gate.kind!r} needs logits of presence, but network and batch have none")
    found = gate.finds(presence, greatest, None if areas is None else areas[:, position])
    device = next(values for values in (evidence.greatest, evidence.presence) if values is not None).device
    return torch.from_numpy(np.ascontiguousarray(found)).to(device)


def emptied(mask: Tensor, found: Tensor, labels: LabelSpace) -> Tensor:
    """Return a predicted mask, N H W ids or N C H W of 0 and 1, without the classes that are not found (N K bool)."""
    if labels.task is Task.MULTILABEL:
        return mask * found[:, :, None, None]
    background = labels.background or 0
    kept = torch.ones(len(mask), labels.count, dtype=torch.bool, device=mask.device)
    kept[:, foreground_ids(labels)] = found
    is_kept = kept.gather(1, mask.flatten(1)).view(mask.shape)
    return torch.where(is_kept, mask, background)


def _inside(sizes: Sequence[tuple[int, int]], full: Sequence[int], device: torch.device) -> Tensor:
    """Return N H W bool: the pixels of the images, without padding."""
    rows, columns = (torch.tensor(side, device=device)[:, None] for side in zip(*sizes, strict=True))
    height, width = (torch.arange(side, device=device)[None] for side in full)
    return (height < rows)[:, :, None] & (width < columns)[:, None]


def _areas(mask: Tensor, inside: Tensor, labels: LabelSpace) -> Tensor:
    """Return the pixels N K of each class in a predicted mask."""
    if labels.task is Task.MULTILABEL:
        return (mask.bool() & inside[:, None]).sum(dim=(2, 3))
    ids = torch.where(inside, mask, labels.count).flatten(1)
    offsets = torch.arange(len(mask), device=mask.device)[:, None] * (labels.count + 1)
    counts = torch.bincount((ids + offsets).flatten(), minlength=len(mask) * (labels.count + 1))
    return counts.view(len(mask), -1)[:, foreground_ids(labels)]


def _greatest(logits: Tensor, inside: Tensor, labels: LabelSpace) -> Tensor:
    """Return the logits N K of the greatest probability of each class.

    The probability of a network with one channel a class is a softmax, and its logit z_c − log Σ exp(z) of the others,
    exact also where the probability is 1 in float32. It is computed in the one pixel that has most of it.
    """
    logits, outside = logits.float(), ~inside[:, None]
    if labels.task is not Task.MULTICLASS:
        return logits.masked_fill(outside, -LARGEST_LOGIT).amax(dim=(2, 3)).clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
    ids = foreground_ids(labels)
    log_probability = logits.log_softmax(dim=1)[:, ids].masked_fill(outside, -torch.inf)
    pixel = log_probability.flatten(2).argmax(dim=2)  # N K
    there = logits.flatten(2).gather(2, pixel[:, None].expand(-1, logits.shape[1], -1)).double()  # N C K
    own = torch.tensor(ids, device=logits.device)
    others = there.masked_fill(torch.arange(logits.shape[1], device=own.device)[:, None] == own, -torch.inf)
    values = there[:, own, torch.arange(len(ids), device=own.device)] - others.logsumexp(dim=1)
    return values.clamp(-LARGEST_LOGIT, LARGEST_LOGIT).float()
