"""A network of a few dozen weights on a few batches of noise: enough to see what the engine does with them."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import DataLoader

from rarepix.engine.hardware import choose_hardware
from rarepix.engine.module import SegmentationModule
from rarepix.engine.settings import EngineConfig, OptimConfig
from rarepix.engine.trainer import build_trainer
from rarepix.labels import LabelSpace
from rarepix.metrics.sums import image_sums
from rarepix.models.outputs import Prediction, SegOutput, Target

IGNORE = 255
CLASSES = 3
LABELS = LabelSpace(names=("a", "b", "c"), ignore=IGNORE)
QUIET = {"device": "cpu", "precision": "fp32", "tensorboard": False, "progress": "off", "batch_size": 2}


class Dot(torch.nn.Module):
    """One convolution for each part of a network."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.Conv2d(3, 4, 1)
        self.decoder = torch.nn.Conv2d(4, CLASSES, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits N C H W."""
        return self.decoder(self.encoder(x))

    def param_groups(self) -> dict[str, list[torch.nn.Parameter]]:
        """Return the parameters of both parts."""
        return {"encoder": [*self.encoder.parameters()], "decoder": [*self.decoder.parameters()]}


class CrossEntropy(torch.nn.Module):
    """A loss as the engine wants it, with a second term to be named."""

    epoch: int | None = None

    def set_epoch(self, epoch: int) -> None:
        """Remember the epoch."""
        self.epoch = epoch

    def forward(self, output: SegOutput, target: Target) -> dict[str, torch.Tensor]:
        """Return the loss and its terms."""
        value = torch.nn.functional.cross_entropy(output.mask, target.mask.long(), ignore_index=IGNORE)
        return {"loss": value, "first": value.detach(), "second": (value * 2).detach()}


def batches(count: int = 4, images: int = 2, seed: int = 0) -> list[dict]:
    """Return *count* batches of noise."""
    random = torch.Generator().manual_seed(seed)
    return [
        {
            "image": torch.randint(0, 256, (images, 3, 8, 8), generator=random, dtype=torch.uint8),
            "mask": torch.randint(0, CLASSES, (images, 8, 8), generator=random, dtype=torch.uint8),
            "id": [f"{number}-{image}" for image in range(images)],
        }
        for number in range(count)
    ]


def loader(given: list[dict]) -> DataLoader:
    """Return a loader that yields these batches as they are."""
    return DataLoader(given, batch_size=None)


def module_of(scorer: Callable | None = None, **changes) -> SegmentationModule:
    """Return a module with weights that are the same each time."""
    torch.manual_seed(0)
    parts = {
        "model": Dot(),
        "loss": CrossEntropy(),
        "optim": OptimConfig(lr=0.1),
        "seed": 0,
        "channels_last": False,
    }
    parts |= {
        "predict": largest,
        "target_of": Target,
        "sums_of": partial(image_sums, labels=LABELS),
        "scorer": scorer or steady,
    }
    parts |= changes
    return SegmentationModule(parts.pop("model"), parts.pop("loss"), **parts)


def largest(network: Callable, batch: dict) -> Prediction:
    """Predict the classes with the largest logits."""
    output = network(batch["image"])
    return Prediction(output, output.mask.argmax(1), None)


def steady(sums) -> dict[str, float]:
    """Return the share of pixels that are right."""
    pixels = sums["pixels"]
    return {"objective": float(pixels[:, 0].sum() / pixels[0].sum())}


def scripted(*values: float) -> Callable[[object], dict[str, float]]:
    """Return a scorer that gives these objectives, one per validation."""
    objectives: Iterator[float] = iter(values)
    return lambda sums: {"objective": next(objectives)}


def trainer_of(folder: Path, callbacks: list[pl.Callback] = (), **engine) -> pl.Trainer:
    """Return a trainer that works in *folder*."""
    config = EngineConfig(**(QUIET | engine))
    return build_trainer(config, choose_hardware(config), folder, list(callbacks))


@pytest.fixture
def fit(tmp_path: Path) -> Callable:
    """Train in a folder of its own, and return trainer and module."""

    def run(
        module: SegmentationModule,
        *,
        callbacks: list[pl.Callback] = (),
        val: list[dict] | None = None,
        ckpt=None,
        **engine,
    ):
        trainer = trainer_of(tmp_path, callbacks, **engine)
        trainer.fit(module, loader(batches()), loader(val or batches(2, seed=1)), ckpt_path=ckpt, weights_only=True)
        return trainer, module

    return run
