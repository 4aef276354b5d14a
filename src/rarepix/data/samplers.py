"""Which images an epoch shows, and in which order.

It is a function of (seed, epoch) alone, so that a resumed run goes on exactly.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from rarepix.data.settings import SamplingConfig
from rarepix.seeding import generator, stable_hash


class SamplingMode(StrEnum):
    """How an epoch is filled."""

    SHUFFLED = "shuffled"
    """Every image is shown once before any is shown again."""
    DRAWN = "drawn"
    """Images are drawn by weight, with replacement."""
    ADDED = "added"
    """Half of the epoch (rounded up) shuffled, so that 2n show each of n images, and half drawn; in mixed order."""


class Plan(NamedTuple):
    """How a trial's epochs are filled, and how many images they show."""

    scheme: SamplingMode
    size: int


def sampling_plan(config: SamplingConfig, images: int, batch_size: int) -> Plan:
    """Return what *config* means for a training part of so many *images*.

    Args:
        config: kind and length of an epoch.
        images: in the training part.
        batch_size: images of a step, of all processes together.
    """
    added = bool(config.parameters().get("added"))
    if config.kind in ("uniform", "duplicate"):
        scheme = SamplingMode.SHUFFLED
    else:
        scheme = SamplingMode.ADDED if added else SamplingMode.DRAWN
    if config.steps_per_epoch:
        return Plan(scheme, config.steps_per_epoch * batch_size)
    return Plan(scheme, config.images_per_epoch or images * (2 if added or config.kind == "duplicate" else 1))


class SampleIndex(NamedTuple):
    """One image to be shown, and the seed of everything random that is done to it."""

    index: int
    seed: int


def epoch_indices(weights: np.ndarray, size: int, *, scheme: SamplingMode, seed: int, epoch: int) -> np.ndarray:
    """Return the *size* indices into *weights* that an epoch shows, in order."""
    random = generator(seed, "sampler", epoch)
    if scheme == SamplingMode.DRAWN:
        return random.choice(len(weights), size=size, p=weights)
    if scheme == SamplingMode.SHUFFLED:
        return _shuffled(len(weights), size, random)
    once = _shuffled(len(weights), size - size // 2, random)
    return random.permutation(np.concatenate([once, random.choice(len(weights), size=size // 2, p=weights)]))


def _shuffled(images: int, size: int, random: np.random.Generator) -> np.ndarray:
    rounds = -(-size // images)
    return np.concatenate([random.permutation(images) for _ in range(rounds)])[:size]


class RankShard(NamedTuple):
    """The part of a trial that one of its processes does."""

    rank: int = 0
    """Number of the process, from 0."""
    size: int = 1
    """Number of processes."""

    def of_each_batch(self, length: int, batch_size: int) -> np.ndarray:
        """Return the positions, below *length*, of the own images of every full batch.

        The shares of one batch, one process after the other, are that batch.
        """
        own = batch_size // self.size
        starts = np.arange(length // batch_size) * batch_size + self.rank * own
        return (starts[:, None] + np.arange(own)).ravel()

    def of_all_batches(self, length: int, batch_size: int) -> list[list[int]]:
        """Return the batches that are the own ones; together the processes have each of *length* images once."""
        batches = [list(range(first, min(first + batch_size, length))) for first in range(0, length, batch_size)]
        return batches[self.rank :: self.size]


class EpochSampler(Sampler[SampleIndex]):
    """Yields the draws of the current epoch; ``set_epoch`` is called by the training loop before each epoch.

    Of an epoch of *size* draws it yields those at *positions*; without them all.
    """

    def __init__(
        self, weights: np.ndarray, size: int, *, scheme: SamplingMode, seed: int, positions: np.ndarray | None = None
    ) -> None:
        self.weights, self.size, self.scheme, self.seed = weights, size, SamplingMode(scheme), seed
        self.positions = np.arange(size) if positions is None else positions
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[SampleIndex]:
        indices = epoch_indices(self.weights, self.size, scheme=self.scheme, seed=self.seed, epoch=self.epoch)
        for position in self.positions.tolist():
            yield SampleIndex(int(indices[position]), stable_hash(self.seed, "augment", self.epoch, position) % 2**32)
