"""Calibration: are pixels with confidence 0.8 correct in 8 of 10 cases? Sums per bin of confidence, and their error.

Multiclass: the confidence is the probability of the predicted class, and a pixel is correct if it is of that class.
Binary and multilabel: the confidence is the probability of the class, whatever is predicted, and a pixel is correct
if it has the class. Naeini et al. 2015, Guo et al. 2017.
"""

import pandas as pd
import torch
from torch import Tensor

from rarepix.labels import Task

BINS = 15


def calibration_counts(probability: Tensor, target: Tensor, *, task: Task, ignore: int, bins: int = BINS) -> Tensor:
    """Return per bin of confidence the number of pixels, their summed confidence and how many are correct.

    These sums of several batches add up.

    Args:
        probability: N C H W in [0, 1] (binary: N 1 H W).
        target: N H W class ids or *ignore* (binary: of 0, 1); multilabel: N C H W of 0, 1 or *ignore*.
            Of soft masks their ``hard_mask``.
        task: how the classes relate.
        ignore: id of the pixels that do not count.
        bins: number of bins of equal width from 0 to 1; a bin includes its lower edge, the last one both edges.

    Returns:
        bins × 3, float64 (multilabel: C × bins × 3), on the device of *probability*.

    Raises:
        ValueError: a probability outside [0, 1], or fewer bins than 1.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, but got {bins}")
    if not bool(((probability >= 0) & (probability <= 1)).all()):
        raise ValueError("probability must be in [0, 1], but some is not: give probabilities, not logits")
    if task is Task.MULTICLASS:
        confidence, predicted = probability.max(dim=1)
        return _binned(confidence.flatten(), (predicted == target).flatten(), (target == ignore).flatten(), bins)
    if task is Task.BINARY:
        target = target.reshape(probability.shape)
    channels = [
        _binned(p.flatten(), (t == 1).flatten(), (t == ignore).flatten(), bins)
        for p, t in zip(probability.unbind(1), target.unbind(1), strict=True)
    ]
    return channels[0] if task is Task.BINARY else torch.stack(channels)


def expected_calibration_error(counts: Tensor) -> Tensor:
    """Return Σ over bins of |summed confidence − correct| / all pixels, of counts … bins 3; NaN without pixels."""
    pixels, confidence, correct = counts.unbind(dim=-1)
    return (confidence - correct).abs().sum(dim=-1) / pixels.sum(dim=-1)


def reliability_table(counts: Tensor) -> pd.DataFrame:
    """Return a row per bin of counts bins × 3: low, high, pixels, confidence (mean), right (share of correct pixels).

    confidence and right are NaN in an empty bin.
    """
    pixels, confidence, correct = counts.cpu().unbind(dim=-1)
    edges = torch.linspace(0, 1, len(counts) + 1, dtype=torch.float64)
    shares = {"confidence": confidence / pixels, "right": correct / pixels}
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "pixels": pixels.long(), **shares})


def _binned(confidence: Tensor, correct: Tensor, ignored: Tensor, bins: int) -> Tensor:
    bin_of = (confidence.double() * bins).long().clamp(max=bins - 1)
    # ignored pixels go to an extra last bin: boolean indexing would synchronise with the device
    bin_of = torch.where(ignored, bins, bin_of)
    weights = (torch.ones_like(confidence, dtype=torch.float64), confidence.double(), correct.double())
    return torch.stack([torch.bincount(bin_of, weight, minlength=bins + 1)[:bins] for weight in weights], dim=-1)
