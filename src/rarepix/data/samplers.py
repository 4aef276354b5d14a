"""Which images an epoch shows, and in which order.

It is a function of (seed, epoch) alone, so that a resumed run goes on exactly.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from rarepix.seeding import generator, stable_hash


class Draw(NamedTuple):
    """One image to be shown, and the seed of everything random that is done to it."""

    index: int
    seed: int


def epoch_indices(weights: np.ndarray, size: int, *, replace: bool, seed: int, epoch: int) -> np.ndarray:
    """Return *size* indices into *weights*.

    With *replace* they are drawn by weight; without, every image is shown once before any is shown again.
    """
    random = generator(seed, "sampler", epoch)
    if replace:
        return random.choice(len(weights), size=size, p=weights)
    rounds = -(-size // len(weights))
    return np.concatenate([random.permutation(len(weights)) for _ in range(rounds)])[:size]


class EpochSampler(Sampler[Draw]):
    """Yields the draws of the current epoch; ``set_epoch`` is called by the training loop before each epoch."""

    def __init__(self, weights: np.ndarray, size: int, *, replace: bool, seed: int) -> None:
        self.weights, self.size, self.replace, self.seed = weights, size, replace, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Draw]:
        indices = epoch_indices(self.weights, self.size, replace=self.replace, seed=self.seed, epoch=self.epoch)
        for position, index in enumerate(indices):
            yield Draw(int(index), stable_hash(self.seed, "augment", self.epoch, position) % 2**32)
