"""Crop, batch and length of a training, by the sizes of the images and the machine."""

from math import ceil
from typing import NamedTuple

import pandas as pd

from rarepix.settings import STRIDE
from rarepix.starter.machine import Machine

BYTES_PER_PIXEL = 4 * 2**10
"""Memory that training takes for each pixel of a batch: 2.2 KiB of activations in fp32 that a U-Net on
EfficientNet-Lite0 keeps for the backward pass (measured), and about as much for gradients and convolutions."""
COVERS = 0.75
"""A crop covers the image if it has this share of its pixels: it then hardly matters where it lies."""
WHOLE_AT_MOST = 4
"""Images of more crops than this are validated in windows."""
MOST_EPOCHS, LEAST_EPOCHS = 100, 20
"""Epochs show every image once, unless there would be more, or fewer, than these: then they are of other lengths."""


class Budget(NamedTuple):
    """What a training may cost."""

    side: int
    """Largest side of a crop."""
    batch: int
    updates: int
    """Batches that the network is trained with, about."""
    memory_share: float


GPU, CPU = Budget(512, 16, 4000, 0.5), Budget(256, 4, 600, 0.25)


class Training(NamedTuple):
    """How a network is trained on this machine."""

    crop: tuple[int, int]
    """Rows and columns."""
    covers: bool
    """Whether the crop covers most of the image, so that it does not matter how it is placed."""
    window: tuple[int, int] | None
    batch: int
    epochs: int
    steps_per_epoch: int | None
    """None: every image is shown once in an epoch."""
    concurrency: int
    """Trials at a time."""
    threads: int
    """CPU threads of each; 0: all."""
    budget: Budget


def plan_training(sizes: pd.DataFrame, training_images: int, machine: Machine) -> Training:
    """Return crop, batch and epochs for images of these *sizes* (``height`` and ``width``).

    *training_images* are those that train in one block.
    """
    budget = GPU if machine.gpus else CPU
    concurrency = machine.gpus or min(2, machine.cores)
    median = sizes[["height", "width"]].median()
    crop = tuple(min(budget.side, max(STRIDE, int(side) // STRIDE * STRIDE)) for side in median)
    pixels = crop[0] * crop[1]
    memory = machine.memory * budget.memory_share / (1 if machine.gpus else concurrency)
    fitting = max(2, int(memory // (pixels * BYTES_PER_PIXEL)))
    batch = _power_of_two(max(1, min(budget.batch, fitting, training_images)))
    once = training_images // batch
    steps = min(max(once, budget.updates // MOST_EPOCHS), budget.updates // LEAST_EPOCHS)
    largest = int((sizes["height"] * sizes["width"]).max())
    return Training(
        crop=crop,
        covers=bool(pixels >= COVERS * median.prod()),
        window=crop if largest > WHOLE_AT_MOST * pixels else None,
        batch=batch,
        epochs=ceil(budget.updates / steps),
        steps_per_epoch=steps if steps != once else None,
        concurrency=concurrency,
        threads=0 if machine.gpus else max(1, machine.cores // concurrency),
        budget=budget,
    )


def _power_of_two(most: int) -> int:
    return 1 << (most.bit_length() - 1)
