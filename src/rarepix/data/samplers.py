"""Which images an epoch shows, and in which order: a function of (seed, epoch) alone, so that a run can be resumed."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from rarepix.data.foreground import Foreground, PositiveRatio
from rarepix.data.settings import FOREGROUND_ONLY, SamplingConfig
from rarepix.seeding import generator, stable_hash


class SamplingMode(StrEnum):
    """How an epoch is filled."""

    SHUFFLED = "shuffled"
    """Every image whose weight is not 0 is shown once before any is shown again."""
    DRAWN = "drawn"
    """Images are drawn by weight, with replacement; those with foreground and the others apart, if a ratio is given."""
    ADDED = "added"
    """Half of the epoch (rounded up) shuffled, so that 2n show each of n images, and half drawn; in mixed order."""


class SamplingPlan(NamedTuple):
    """How a trial's epochs are filled, and how many images they show."""

    mode: SamplingMode
    size: int


def sampling_plan(
    config: SamplingConfig, images: int, batch_size: int, foreground: Foreground | None = None
) -> SamplingPlan:
    """Return what *config* means for a training split of *images* images, *batch_size* a step in all processes.

    *foreground* tells images with foreground from empty ones, for the samplings that need it.
    """
    added = bool(config.parameters().get("added"))
    mode = SamplingMode.ADDED if added else SamplingMode.DRAWN
    if config.kind in ("uniform", "duplicate", FOREGROUND_ONLY):
        mode = SamplingMode.SHUFFLED
    if config.steps_per_epoch:
        return SamplingPlan(mode, config.steps_per_epoch * batch_size)
    if config.images_per_epoch:
        return SamplingPlan(mode, config.images_per_epoch)
    if foreground is None:
        return SamplingPlan(mode, images * (2 if added or config.kind == "duplicate" else 1))
    kinds = int(foreground.positive.sum()), int(foreground.empty.sum())
    lengths = {"under": 2 * min(kinds), "over": 2 * max(kinds), "mixed": sum(kinds), FOREGROUND_ONLY: kinds[0]}
    return SamplingPlan(mode, lengths[config.kind])


class SampleIndex(NamedTuple):
    """One image to be shown, and the seed of everything random that is done to it."""

    index: int
    seed: int


def epoch_indices(
    weights: np.ndarray,
    size: int,
    *,
    mode: SamplingMode,
    seed: int,
    epoch: int,
    ratio: PositiveRatio | None = None,
) -> np.ndarray:
    """Return the *size* indices into *weights* that an epoch shows, in order."""
    random = generator(seed, "sampler", epoch)
    if ratio is not None:
        positives = ratio.draws(size, epoch)
        kinds = ((ratio.positive, positives), (~ratio.positive, size - positives))
        return random.permutation(np.concatenate([_drawn(weights * kind, number, random) for kind, number in kinds]))
    if mode == SamplingMode.DRAWN:
        return random.choice(len(weights), size=size, p=weights)
    if mode == SamplingMode.SHUFFLED:
        shown = np.flatnonzero(weights)
        return shown[_shuffled(len(shown), size, random)]
    once = _shuffled(len(weights), size - size // 2, random)
    return random.permutation(np.concatenate([once, random.choice(len(weights), size=size // 2, p=weights)]))


def _drawn(weights: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    return random.choice(len(weights), size=size, p=weights / weights.sum())


def _shuffled(images: int, size: int, random: np.random.Generator) -> np.ndarray:
    rounds = -(-size // images)
    return np.concatenate([random.permutation(images) for _ in range(rounds)])[:size]


class RankShard(NamedTuple):
    """The share of the images that one of the processes of a trial gets."""

    rank: int = 0
    """Number of the process, from 0."""
    size: int = 1
    """Number of processes."""

    def of_each_batch(self, length: int, batch_size: int) -> np.ndarray:
        """Return the positions, below *length*, of this process's images of every full batch.

        The shares of one batch, one process after the other, are that batch. Example: process 1 of 2 gets
        ``[2, 3, 6, 7]`` of 10 images in batches of 4.
        """
        share = batch_size // self.size
        starts = np.arange(length // batch_size) * batch_size + self.rank * share
        return (starts[:, None] + np.arange(share)).ravel()

    def of_all_batches(self, length: int, batch_size: int) -> list[list[int]]:
        """Return this process's batches of positions; together the processes have each of *length* images once."""
        batches = [list(range(first, min(first + batch_size, length))) for first in range(0, length, batch_size)]
        return batches[self.rank :: self.size]


class EpochSampler(Sampler[SampleIndex]):
    """Yields the samples of the current epoch; the training loop calls ``set_epoch`` before each epoch.

    Args:
        weights: probability of each image.
        size: samples of an epoch, of all processes together.
        mode: how an epoch is filled.
        seed: of the trial.
        positions: positions in the epoch of the samples that are yielded; None: all.
        ratio: how many of the draws of each epoch are images with foreground; None: as the weights have it.
    """

    def __init__(
        self,
        weights: np.ndarray,
        size: int,
        *,
        mode: SamplingMode,
        seed: int,
        positions: np.ndarray | None = None,
        ratio: PositiveRatio | None = None,
    ) -> None:
        self.weights, self.size, self.mode, self.seed = weights, size, SamplingMode(mode), seed
        self.ratio = ratio
        self.positions = np.arange(size) if positions is None else positions
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the next epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[SampleIndex]:
        how = {"mode": self.mode, "seed": self.seed, "epoch": self.epoch, "ratio": self.ratio}
        indices = epoch_indices(self.weights, self.size, **how)
        for position in self.positions.tolist():
            yield SampleIndex(int(indices[position]), stable_hash(self.seed, "augment", self.epoch, position) % 2**32)
