"""Scores of probabilities p against soft masks t, both anywhere in [0, 1] and neither rounded.

As with counts, sums come first: they add up over images, and the scores are ratios of them. A class whose ratio is
0 / 0 is absent and gets the value of the policy ``absent`` of ``rarepix.scores.ABSENT``.
"""

import numpy as np
import torch
from torch import Tensor

from rarepix.scores import Counts, ratio

SOFT_KINDS = ("minimum", "maximum", "true_positive", "positive", "true_negative", "negative")
"""The last axis of ``soft_sums``: sums over pixels of min(p, t), max(p, t), p·t, t, (1 − p)(1 − t) and 1 − t."""


def soft_sums(probability: Tensor, target: Tensor, *, ignored: Tensor | None = None) -> Tensor:
    """Return sums N C 6 (``SOFT_KINDS``), float64; ``scores.by_kind(sums.numpy(), SOFT_KINDS)`` names them.

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
                f"to {float(values.max())}: give probabilities, not logits, and divide soft masks by their maximum"
            )
    terms = (torch.minimum(p, t), torch.maximum(p, t), p * t, t, (1 - p) * (1 - t), 1 - t)
    return torch.stack([torch.where(counted, term, 0.0).flatten(2).sum(dim=2) for term in terms], dim=-1)


def soft_iou(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return Σ min(p, t) / Σ max(p, t) over pixels, the IoU of fuzzy sets; of hard masks it is the IoU.

    Absent (0 / 0, the value of the policy *absent*): p and t are 0 in every pixel. *sums* are by kind, each … C.
    """
    return ratio(sums["minimum"], sums["maximum"], absent)


def soft_recall(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return Σ p·t / Σ t: 1 only if p is 1 in every pixel in which t is not 0. Absent: t is 0 in every pixel."""
    return ratio(sums["true_positive"], sums["positive"], absent)


def soft_specificity(sums: Counts, *, absent: str = "skip") -> np.ndarray:
    """Return Σ (1 − p)(1 − t) / Σ (1 − t). Absent: t is 1 in every pixel."""
    return ratio(sums["true_negative"], sums["negative"], absent)
