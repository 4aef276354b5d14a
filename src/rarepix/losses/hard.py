"""Cross-entropy of the hardest pixels alone."""

import math

import torch
from torch import Tensor

from rarepix.losses.batch import Batch


def ohem(batch: Batch, *, threshold: float, min_kept: float) -> Tensor:
    """Return the mean cross-entropy of the positions whose true class has at most probability *threshold*, at least
    the share *min_kept* of those that count (online hard example mining, Shrivastava et al. 2016).
    """
    kth = kth_largest(batch.costs, batch.valid, _number(batch, min_kept))
    kept = batch.costs.detach() >= kth.clamp(max=-math.log(threshold))
    return batch.mean(batch.costs, kept.to(batch.costs.dtype))


def topk(batch: Batch, *, share: float) -> Tensor:
    """Return the mean cross-entropy of the *share* of positions that cost most; ties at the edge count in part."""
    number = _number(batch, share)
    costs, kth = batch.costs.detach(), kth_largest(batch.costs, batch.valid, number)
    above, ties = (costs > kth) & batch.valid, (costs == kth) & batch.valid
    part = (number - above.sum()) / ties.sum().clamp(min=1)
    return batch.mean(batch.costs, above + part.to(costs.dtype) * ties)


def _number(batch: Batch, share: float) -> Tensor:
    return torch.ceil(share * batch.valid.sum(dtype=torch.float64)).long()


def kth_largest(values: Tensor, counted: Tensor, k: Tensor) -> Tensor:
    """Return the k-th largest of the values that are counted: a scalar, without a gradient.

    Values must be at least 0: then they are ordered as their bits are, which are found from the highest to the lowest.
    That is ten times as fast as a sort, and *k* need not be known on the host.
    """
    integer, bits = (torch.int64, 63) if values.dtype == torch.float64 else (torch.int32, 31)
    codes = torch.where(counted, values.detach().abs().view(integer), -1)
    found = torch.zeros((), dtype=integer, device=values.device)
    for bit in reversed(range(bits)):
        tried = found | (1 << bit)
        found = torch.where((codes >= tried).sum() >= k.clamp(min=1), tried, found)
    return found.view(values.dtype)
