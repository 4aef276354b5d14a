"""Does a probability of 0.8 mean right in 8 of 10? Expected calibration error, from counts per bin of confidence.

Multiclass: the confidence is the probability of the class that is predicted, and right is a pixel of that class.
Binary and multilabel: it is the probability of the class, above a half or not, and right is a pixel that has it.
"""

import pandas as pd
import torch
from torch import Tensor

from rarepix.labels import Task

BINS = 15


def calibration_counts(probability: Tensor, target: Tensor, *, task: Task, ignore: int, bins: int = BINS) -> Tensor:
    """Return per bin of confidence the pixels, their summed confidence and those that are right: they add up.

    Args:
        probability: N C H W in [0, 1] (binary: N 1 H W).
        target: N H W class ids or *ignore* (binary: of 0, 1); multilabel: N C H W of 0, 1 or *ignore*.
        task: how the classes relate.
        ignore: id of the pixels that do not count.
        bins: number of bins of equal width from 0 to 1; a bin has its lower edge, the last one both.

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
    layers = [
        _binned(p.flatten(), (t == 1).flatten(), (t == ignore).flatten(), bins)
        for p, t in zip(probability.unbind(1), target.unbind(1), strict=True)
    ]
    return layers[0] if task is Task.BINARY else torch.stack(layers)


def expected_calibration_error(counts: Tensor) -> Tensor:
    """Return Σ over bins of |summed confidence − right| / pixels, of counts … bins 3; NaN where there are no pixels."""
    pixels, confidence, right = counts.unbind(dim=-1)
    return (confidence - right).abs().sum(dim=-1) / pixels.sum(dim=-1)


def reliability_table(counts: Tensor) -> pd.DataFrame:
    """Return a row per bin of counts bins × 3: low, high, pixels, confidence (mean), right (share); NaN if empty."""
    pixels, confidence, right = counts.cpu().unbind(dim=-1)
    edges = torch.linspace(0, 1, len(counts) + 1, dtype=torch.float64)
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "pixels": pixels.long(),
            "confidence": confidence / pixels,
            "right": right / pixels,
        }
    )


def _binned(confidence: Tensor, right: Tensor, ignored: Tensor, bins: int) -> Tensor:
    bin_of = (confidence.double() * bins).long().clamp(max=bins - 1)
    # ignored pixels go to one bin past the end: no boolean indexing, which would wait for the device
    bin_of = torch.where(ignored, bins, bin_of)
    weights = (torch.ones_like(confidence, dtype=torch.float64), confidence.double(), right.double())
    return torch.stack([torch.bincount(bin_of, weight, minlength=bins + 1)[:bins] for weight in weights], dim=-1)
