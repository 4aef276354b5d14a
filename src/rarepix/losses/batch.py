"""A batch as the terms see it: pixels in one axis, what counts, and what several terms want to know, computed once.

P is the number of pixels of an image, whatever its axes. Ignored pixels have target 0 here and are not valid.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from rarepix.labels import Task


class Wanted(NamedTuple):
    """What the terms will ask a batch for, so that it is computed in one go."""

    sums: bool = False
    """The soft counts of each class."""
    even_costs: bool = False
    """The costs against a target that is even over the classes."""
    temperature: float | None = None
    """That of the class shares, where it is not 1."""


class Sums(NamedTuple):
    """Of each image and class N C, over the pixels that count."""

    overlap: Tensor
    """Probability of the class on its own pixels: soft true positives."""
    predicted: Tensor
    """Probability of the class on all pixels."""
    actual: Tensor
    """Number of its pixels."""


class Batch:
    """What the terms share. A *position* is a pixel (multiclass) or a pixel of a channel (binary, multilabel)."""

    task: Task
    logits: Tensor
    """N C P."""
    target: Tensor
    """Multiclass: ids N P. Binary, multilabel: 0 and 1 of each channel, N C P."""
    valid: Tensor
    """Whether a position counts, of the target's shape."""
    spatial: tuple[int, ...]
    """Rows and columns, before them slices in 3-D."""
    background: int | None
    """Channel of the background, where there is one."""
    published: bool
    """Whether a mean over nothing is not a number, as published, instead of 0."""

    @cached_property
    def weight(self) -> Tensor:
        """1 where a position counts, else 0, as floats."""
        return self.valid.to(self.logits.dtype)

    def mean(self, values: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the (weighted) mean over the positions that count, 0 where none does."""
        weights = self.weight if weights is None else weights * self.weight
        total = weights.sum()
        return (values * weights).sum() / (total if self.published else torch.where(total > 0, total, 1))

    def classes_in_mean(self, foreground_only: bool) -> Tensor:
        """Return for each channel C whether it is in a mean over classes."""
        inside = torch.ones(self.logits.shape[1], dtype=torch.bool, device=self.logits.device)
        if foreground_only:
            inside[self.background] = False
        return inside

    def in_space(self, values: Tensor) -> Tensor:
        """Return values … P in the axes of the image."""
        return values.unflatten(-1, self.spatial)
