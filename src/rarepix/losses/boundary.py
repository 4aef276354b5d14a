"""Terms that know where the boundary of a region is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import AfterValidator, Field

from rarepix.losses.term import Weight
from rarepix.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from rarepix.losses.batch import Batch


def boundary(batch: Batch, *, foreground_only: bool) -> Tensor:
    """Return the mean of p times the signed distance to the boundary, in pixels (Kervadec et al. 2019): a scalar.

    The distance is negative inside, so the loss is negative where the network is right. Mean over pixels, then over
    images and the classes that each image holds in part: a class that fills an image or is absent from it has no
    boundary there and is left out. Ignored pixels are neither inside nor outside.

    The distances are computed on the host, and a GPU waits for them. Not defined on soft masks, which have no boundary.
    """
    included = batch.classes_in_mean(foreground_only)
    valid = batch.valid_channels.expand_as(batch.one_hot)
    distances = signed_distances(batch.as_image(batch.one_hot), batch.as_image(valid)).flatten(2)
    bounded = distances.any(-1) & included
    weighted = (batch.probabilities * distances.to(batch.logits)).sum(-1) / batch.valid_pixels.clamp(min=1)
    return weighted.where(bounded, 0).sum() / bounded.sum().clamp(min=1)


def signed_distances(inside: Tensor, valid: Tensor) -> Tensor:
    """Return how far each pixel N C *axes is from the region (outside) or from its outside (inside, ≤ 0), in pixels.

    As published: 1 at the first pixel outside, 0 at the last one inside. 0 everywhere where there is no boundary, and
    at pixels that do not count.
    """
    import torch
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


def _odd(kernel: int) -> int:
    if kernel % 2 == 0:
        raise ValueError("must be odd")
    return kernel


class BoxAware(Settings):
    """Parameters of ``box_aware_bce``."""

    edge_weight: Weight = 0.1
    """Weight of pixels at the edge of a region."""
    edge_kernel: Annotated[int, Field(ge=3), AfterValidator(_odd)] = 5
    """Side of the square in which both sides of the edge must lie, odd."""


def box_aware_bce(batch: Batch, *, edge_weight: float, edge_kernel: int) -> Tensor:
    """Return the mean of weight times binary cross-entropy, a scalar: the weight is *edge_weight* at edges, else 1.

    For masks that were drawn as boxes, whose border is not that of the object. An edge is where a square (3-D: a cube)
    of *edge_kernel* pixels around a pixel reaches both sides. Ignored pixels are on neither side. Binary, multilabel.
    Not defined on soft masks, which have no edge.
    """
    import torch

    edge = _reached(batch, batch.one_hot, edge_kernel) & _reached(batch, batch.valid & ~batch.one_hot, edge_kernel)
    return batch.mean(batch.ce * torch.where(edge, edge_weight, 1.0))


def _reached(batch: Batch, region: Tensor, kernel: int) -> Tensor:
    """Return whether a square around each pixel reaches the region, N C P."""
    from torch.nn.functional import max_pool2d, max_pool3d

    values = batch.as_image(region.to(batch.logits.dtype))
    max_pool, axes = (max_pool2d, 2) if len(batch.spatial) == 2 else (max_pool3d, 3)
    for axis in range(axes):  # a line along each axis in turn reaches as far as the square
        line = [kernel if axis == other else 1 for other in range(axes)]
        values = max_pool(values, line, stride=1, padding=[side // 2 for side in line])
    return values.flatten(2) > 0
