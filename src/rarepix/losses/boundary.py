"""Boundary loss (Kervadec et al. 2019)."""

import numpy as np
import torch
from torch import Tensor

from rarepix.losses.batch import Batch


def boundary(batch: Batch, *, foreground_only: bool) -> Tensor:
    """Return the mean of the probability of a class times the signed distance to its boundary, in pixels.

    The distance is negative inside, so that the loss is, too, where the network is right. Mean over pixels, then over
    images and the classes that each holds in part: a class that fills an image or is absent from it has no boundary
    there, and says nothing. Ignored pixels belong to neither side.

    The distances are computed on the host, which a GPU waits for.
    """
    inside = batch.classes_in_mean(foreground_only)
    distances = signed_distances(batch.in_space(batch.one_hot), batch.in_space(_valid(batch))).flatten(2)
    bounded = distances.any(-1) & inside
    weighted = (batch.probabilities * distances.to(batch.logits)).sum(-1) / batch.counted.clamp(min=1)
    return torch.where(bounded, weighted, 0).sum() / bounded.sum().clamp(min=1)


def signed_distances(inside: Tensor, valid: Tensor) -> Tensor:
    """Return for each pixel N C *axes how far it is from the region (outside) or from leaving it (inside, ≤ 0).

    As published: 1 at the first pixel outside, 0 at the last one inside. 0 everywhere where there is no boundary, and
    where a pixel does not count.
    """
    from scipy.ndimage import distance_transform_edt

    region, counted = inside.cpu().numpy(), valid.cpu().numpy()
    distances = np.zeros(region.shape, np.float32)
    for image, channel in np.argwhere(region.reshape(*region.shape[:2], -1).any(-1)):
        positive, used = region[image, channel], counted[image, channel]
        negative = used & ~positive
        if negative.any():
            outer = distance_transform_edt(~positive) * negative
            distances[image, channel] = outer - (distance_transform_edt(~negative) - 1) * positive
    return torch.from_numpy(distances).to(inside.device)


def _valid(batch: Batch) -> Tensor:
    valid = batch.valid.unsqueeze(1) if batch.valid.ndim < batch.logits.ndim else batch.valid
    return valid.expand_as(batch.one_hot)
