"""Sums of probabilities p and soft masks t, both anywhere in [0, 1] and neither rounded.

The scores are in ``rarepix.scores``.
"""

import torch
from torch import Tensor


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
