"""Label-marginal terms: how many pixels of each class, never which (Liu et al. 2021, arXiv 2104.08717).

p is the share of a class among the pixels that count, q the share that the network gives it; of each image, or of the
batch. Images of ignored pixels alone are in no mean.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from rarepix.labels import Task
from rarepix.losses.batch import Batch

EPSILON = 1e-10


class Marginals(NamedTuple):
    """Class shares R C of the R images, or of one batch."""

    true: Tensor
    said: Tensor
    counted: Tensor
    """Whether there are pixels that count, of the same shape: a row, or a channel of it, may have none."""


def l1(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return the mean of |q - p| over images and classes."""
    shares = _marginals(batch, temperature, marginal, foreground_only)
    return _mean((shares.said - shares.true).abs(), shares.counted)


def db(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return the mean of ln(p + q) over images and classes, the bias that Dice has for small regions."""
    shares = _marginals(batch, temperature, marginal, foreground_only)
    return _mean((shares.true + shares.said + EPSILON).log(), shares.counted)


def kl(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return Σ p ln(p / q) over classes, mean over images, with p and q from ε to 1 - ε.

    A binary task adds the same of the background; a multilabel task does not, so that it is no divergence there.
    """
    shares = _marginals(batch, temperature, marginal, foreground_only)
    terms = _part(shares.true, shares.said)
    if batch.task is Task.BINARY:
        terms = terms + _part(1 - shares.true, 1 - shares.said)
    rows = shares.counted.any(1)
    return torch.where(shares.counted, terms, 0).sum() / rows.sum().clamp(min=1)


def _marginals(batch: Batch, temperature: float, marginal: str, foreground_only: bool) -> Marginals:
    said, true = batch.predicted(temperature), batch.actual
    counted = batch.counted.expand_as(true)
    if marginal == "batch":
        said, true, counted = (counts.sum(0, keepdim=True) for counts in (said, true, counted))
    pixels = counted.clamp(min=1)
    inside = (counted > 0) & batch.classes_in_mean(foreground_only)
    return Marginals(true / pixels, said / pixels, inside)


def _part(true: Tensor, said: Tensor) -> Tensor:
    true, said = true.clamp(min=EPSILON), said.clamp(min=EPSILON)
    return true * (true / said).log()


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    return torch.where(counted, values, 0).sum() / counted.sum().clamp(min=1)
