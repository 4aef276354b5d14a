"""Samplings that draw images with foreground and empty images apart: how many of each, and with which weights.

An image has foreground where any pixel is of a class that is not the background; it is empty where no pixel is, and at
least one is not ignored. An image of ignored pixels only is neither and is never drawn.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from rarepix.data.inventory import BORDER
from rarepix.data.settings import FOREGROUND_ONLY, SamplingConfig
from rarepix.data.source import DataError
from rarepix.labels import LabelSpace


class PositiveRatio(NamedTuple):
    """The share of images with foreground among the draws of each epoch: from *first*, on a line towards *last*.

    Epoch e of E, counted from 0, has first - (first - last) e / E, so that the share never arrives at *last*. It is a
    function of the epoch alone, so that a resumed run draws the same.
    """

    positive: np.ndarray
    """Whether each image has foreground."""
    first: float
    last: float
    epochs: int

    def at(self, epoch: int) -> float:
        """Return the share in an epoch, counted from 0."""
        return self.first - (self.first - self.last) * epoch / self.epochs

    def draws(self, size: int, epoch: int) -> int:
        """Return how many of the *size* draws of an epoch are images with foreground: ⌊size · share⌋ + 1, as published.

        The product is rounded to nine digits first, so that a share of 0.29 of 100 is 29 and not 28.999….
        """
        return min(int(round(size * self.at(epoch), 9)) + 1, size)

    def mean(self) -> float:
        """Return the mean share over all epochs."""
        return float(np.mean([self.at(epoch) for epoch in range(self.epochs)]))


class Foreground(NamedTuple):
    """Which training images have foreground, which are empty, and how they are drawn."""

    positive: pd.Series
    """Image id → whether it has foreground."""
    empty: pd.Series
    """Image id → whether it is empty."""
    ratio: PositiveRatio | None
    """None: only images with foreground are shown, each once."""

    def weights(self) -> pd.Series:
        """Return image id → weight, with sum 1: its expected share of the draws of all epochs."""
        share = self.ratio.mean() if self.ratio else 1.0
        of_kinds = self.positive * (share / self.positive.sum()) + self.empty * ((1 - share) / self.empty.sum())
        return of_kinds.rename("weight").astype(float)


def kinds_of(inventory: pd.DataFrame, labels: LabelSpace) -> tuple[pd.Series, pd.Series]:
    """Return image id → whether it has foreground, and whether it is empty, of the images of an inventory."""
    positive = (inventory[[*labels.presence_names]] > 0).any(axis=1)
    return positive, ~positive & (inventory["height"] * inventory["width"] > inventory[BORDER])


def foreground_of(inventory: pd.DataFrame, labels: LabelSpace, sampling: SamplingConfig, *, epochs: int) -> Foreground:
    """Return how *sampling*, one of ``BY_FOREGROUND``, draws the images of an inventory in a training of *epochs*.

    *inventory* has the pixels of each class, of the border (ignored ones), height and width of each image.

    Raises:
        DataError: there is no image with foreground, or no empty one.
    """
    positive, empty = kinds_of(inventory, labels)
    kinds = {"image with foreground": positive, "empty image": empty}
    missing = " and ".join(f"no {kind}" for kind, images in kinds.items() if not images.any())
    if missing:
        raise DataError(
            f"sampling.kind={sampling.kind} tells images with foreground from empty ones and needs both, but the "
            f"training part has {missing} among its {len(inventory)}: use another sampling, such as uniform, or a list "
            f"that has both"
        )
    if sampling.kind == FOREGROUND_ONLY:
        return Foreground(positive, empty, None)
    ratio = PositiveRatio(positive.to_numpy(), *sampling.parameters()["positive_ratio"], epochs)
    return Foreground(positive, empty, ratio)
