"""Label-marginal terms: how many pixels of each class, never which (Liu et al. 2021, arXiv 2104.08717).

p is the share of a class among the pixels that count (of a soft mask their sum divided by their number), q the share
that the network predicts; of each image, or of the batch. Images with ignored pixels only are in no mean. Every term
returns a scalar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import Field

from rarepix.labels import Task
from rarepix.losses.term import PerClass

if TYPE_CHECKING:
    from torch import Tensor

    from rarepix.losses.batch import Batch

EPSILON = 1e-10


class Marginal(PerClass):
    """Parameters of ``l1``, ``kl`` and ``db``."""

    temperature: float = Field(1.0, gt=0, le=1000)
    """Multiplies the logits there and nowhere else; 10 is nearly the share of the argmax."""
    marginal: Literal["image", "batch"] = "image"
    """Whether class shares are of an image or of the whole batch."""


class Shares(NamedTuple):
    """Class shares R C of the R images, or of one batch."""

    true: Tensor
    predicted: Tensor
    counted: Tensor
    """Whether there are pixels that count, of the same shape: a row, or a channel of it, may have none."""


def l1(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return the mean of |q - p| over images and classes."""
    shares = _shares(batch, temperature, marginal, foreground_only)
    return _mean((shares.predicted - shares.true).abs(), shares.counted)


def db(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return the mean of ln(p + q) over images and classes, the bias that Dice has for small regions."""
    shares = _shares(batch, temperature, marginal, foreground_only)
    return _mean((shares.true + shares.predicted + EPSILON).log(), shares.counted)


def kl(batch: Batch, *, temperature: float, marginal: str, foreground_only: bool) -> Tensor:
    """Return Σ p ln(p / q) over classes, mean over images, with p and q from ε to 1 - ε.

    A binary task adds the same for the background; a multilabel task does not, so it is no divergence there.
    """
    shares = _shares(batch, temperature, marginal, foreground_only)
    terms = _kl_term(shares.true, shares.predicted)
    if batch.task is Task.BINARY:
        terms = terms + _kl_term(1 - shares.true, 1 - shares.predicted)
    rows = shares.counted.any(1)
    return terms.where(shares.counted, 0).sum() / rows.sum().clamp(min=1)


def _shares(batch: Batch, temperature: float, marginal: str, foreground_only: bool) -> Shares:
    predicted, true = batch.predicted(temperature), batch.actual
    pixels = batch.valid_pixels.expand_as(true)
    if marginal == "batch":
        predicted, true, pixels = (counts.sum(0, keepdim=True) for counts in (predicted, true, pixels))
    counted = (pixels > 0) & batch.classes_in_mean(foreground_only)
    pixels = pixels.clamp(min=1)
    return Shares(true / pixels, predicted / pixels, counted)


def _kl_term(true: Tensor, predicted: Tensor) -> Tensor:
    true, predicted = true.clamp(min=EPSILON), predicted.clamp(min=EPSILON)
    return true * (true / predicted).log()


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    return values.where(counted, 0).sum() / counted.sum().clamp(min=1)
