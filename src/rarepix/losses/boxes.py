"""Binary cross-entropy with weights for masks that were drawn as boxes, or that are mostly background."""

import torch
import torch.nn.functional as F
from torch import Tensor

from rarepix.losses.batch import Batch


def background_weighted_bce(batch: Batch, *, background_weight: float, object_weight: float) -> Tensor:
    """Return the mean of weight times binary cross-entropy, the weight being that of background or object."""
    return batch.mean(batch.costs * torch.where(batch.one_hot, object_weight, background_weight))


def box_aware_bce(batch: Batch, *, edge_weight: float, edge_kernel: int) -> Tensor:
    """Return the mean of weight times binary cross-entropy, the weight being 1, and *edge_weight* at edges of regions.

    An edge is where a square (3-D: a cube) of *edge_kernel* pixels around a pixel reaches both sides: the border of a
    box is not that of the object. Ignored pixels are on neither side.
    """
    edge = _reached(batch, batch.one_hot, edge_kernel) & _reached(batch, batch.valid & ~batch.one_hot, edge_kernel)
    return batch.mean(batch.costs * torch.where(edge, edge_weight, 1.0))


def _reached(batch: Batch, region: Tensor, kernel: int) -> Tensor:
    """Return whether a square around each pixel reaches the region, N C P."""
    values = batch.in_space(region.to(batch.logits.dtype))
    grown, axes = (F.max_pool2d, 2) if len(batch.spatial) == 2 else (F.max_pool3d, 3)
    for axis in range(axes):  # a line along each axis in turn reaches as far as the square
        line = [kernel if axis == other else 1 for other in range(axes)]
        values = grown(values, line, stride=1, padding=[side // 2 for side in line])
    return values.flatten(2) > 0
