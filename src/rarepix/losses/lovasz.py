"""Lovász losses (Berman et al. 2018): the convex extension of 1 - IoU, all classes in one sort."""

import torch
from torch import Tensor

from rarepix.labels import Task
from rarepix.losses.batch import Batch


def lovasz(batch: Batch, *, foreground_only: bool) -> Tensor:
    """Return the Lovász-softmax (multiclass) or the Lovász hinge of each channel (binary, multilabel), over the batch.

    Mean over the classes that the batch holds. Where it holds none, the mean over all: what costs then is the highest
    probability (hinge: logit) of each.
    """
    if batch.task is Task.MULTICLASS:
        errors = torch.where(batch.one_hot, 1 - batch.probabilities, batch.probabilities)
    else:
        errors = torch.relu(1 + batch.turn_(batch.logits.clone()))
    valid = batch.valid.unsqueeze(1) if batch.valid.ndim < errors.ndim else batch.valid
    rows = torch.where(valid, errors, -1).transpose(0, 1).flatten(1)  # what does not count comes last, and costs 0
    truth = batch.one_hot.transpose(0, 1).flatten(1)
    losses = _extension(rows, truth)
    inside = batch.classes_in_mean(foreground_only)
    present = truth.any(1) & inside
    chosen = present | (inside & ~present.any())
    return torch.where(chosen, losses, 0).sum() / chosen.sum().clamp(min=1)


def _extension(errors: Tensor, truth: Tensor) -> Tensor:
    """Return for each class C the errors C P times the steps of 1 - IoU as they are taken from the largest on."""
    order = errors.detach().argsort(dim=1, descending=True)
    here = truth.gather(1, order)
    errors = errors.gather(1, order).clamp(min=0)
    found = here.cumsum(1, dtype=torch.int32)
    ranks = torch.arange(1, errors.shape[1] + 1, device=errors.device, dtype=torch.int32)
    positives = found[:, -1:]
    union = positives + ranks - found
    index = 1 - (positives - found).to(errors.dtype) / union.to(errors.dtype)
    steps = torch.diff(index, dim=1, prepend=torch.zeros_like(index[:, :1]))
    return (errors * steps).sum(1)
