"""Scores of probabilities against soft masks: both anywhere in [0, 1], nothing rounded.

Sums first, as with counts: they add up over images, and the scores are ratios of them.
"""

import numpy as np
import torch
from torch import Tensor

from rarepix.scores import Counts, ratio

KINDS = ("least", "most", "found", "there", "quiet", "not_there")
"""The last dimension of ``soft_sums``: sums over pixels of min(p, t), max(p, t), p·t, t, (1 − p)(1 − t) and 1 − t."""


def soft_sums(probability: Tensor, target: Tensor, *, ignored: Tensor | None = None) -> Tensor:
    """Return sums N C 6 (``KINDS``), float64.

    Args:
        probability: N C H W in [0, 1].
        target: the same shape, in [0, 1].
        ignored: bool, of a shape that broadcasts: where True, a pixel does not count.

    Raises:
        ValueError: shapes that differ, or values outside [0, 1].
    """
    if probability.shape != target.shape or probability.ndim < 3:
        raise ValueError(
            f"probability and target must both be N C H W, but got {tuple(probability.shape)} and {tuple(target.shape)}"
        )
    p, t = probability.double(), target.double()
    counted = torch.ones_like(t, dtype=torch.bool) if ignored is None else ~ignored.expand_as(t)
    for name, values in (("probability", p), ("target", t)):
        if not bool((((values >= 0) & (values <= 1)) | ~counted).all()):
            raise ValueError(
                f"{name} must be in [0, 1] where it is not ignored, but reaches from {float(values.min())} "
                f"to {float(values.max())}: give probabilities, not logits, and masks divided by their white"
            )
    terms = (torch.minimum(p, t), torch.maximum(p, t), p * t, t, (1 - p) * (1 - t), 1 - t)
    return torch.stack([torch.where(counted, term, 0.0).flatten(2).sum(dim=2) for term in terms], dim=-1)


def by_kind(sums: Tensor) -> dict[str, np.ndarray]:
    """Return the sums … C 6 as arrays … C by kind, for the scores below and ``metrics.scores.pooled``."""
    return {kind: sums[..., position].cpu().numpy() for position, kind in enumerate(KINDS)}


def soft_iou(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return Σ min(p, t) / Σ max(p, t). Absent: both 0 everywhere."""
    return ratio(sums["least"], sums["most"], absent)


def soft_recall(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return Σ p·t / Σ t: 1 only where p is 1 wherever t is not 0. Absent: t is 0 everywhere."""
    return ratio(sums["found"], sums["there"], absent)


def soft_specificity(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return Σ (1 − p)(1 − t) / Σ (1 − t). Absent: t is 1 everywhere."""
    return ratio(sums["quiet"], sums["not_there"], absent)
