"""What is held against each other: a trial's own epochs, the bare step, and a plain loop."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
import torch.nn.functional as F

from bench.ratios import Pair, now, rate
from rarepix.config import TrialConfig
from rarepix.data.dataset import SegmentationDataset
from rarepix.data.loaders import build_loader
from rarepix.data.transforms.augment import build_augment
from rarepix.engine.hardware import Hardware
from rarepix.engine.optim import build_optimizer
from rarepix.engine.trainer import build_trainer
from rarepix.models.outputs import Target
from rarepix.wiring import Data, build_module


class InTurn(pl.Callback):
    """Before each epoch of a trial runs the reference; then times the epoch, with its validation if *validates*."""

    def __init__(self, reference: Callable[[], int], device: torch.device, *, validates: bool) -> None:
        self.reference, self.device, self.validates = reference, device, validates
        self.pairs: list[Pair] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Time the reference, then begin."""
        self.reference_rate = rate(self.reference, self.device)
        self.images = 0
        self.began = now(self.device)

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs, batch: dict, index: int
    ) -> None:
        """Count the images."""
        self.images += len(batch["id"])

    def on_validation_start(self, *_) -> None:
        """The training epoch is over."""
        if not self.validates:
            self._end()

    def on_validation_end(self, *_) -> None:
        """The validation is over."""
        if self.validates:
            self._end()

    def _end(self) -> None:
        self.pairs.append(Pair(self.images / (now(self.device) - self.began), self.reference_rate))


def trial_against(
    reference: Callable[[], int],
    config: TrialConfig,
    data: Data,
    hardware: Hardware,
    folder: Path,
    *,
    validates: bool,
    repeats: int,
) -> list[Pair]:
    """Return *repeats* pairs of a real trial's epochs and the reference, after one that is not counted.

    They are measured in turn, so that a drift of the machine meets both.
    """
    turns = InTurn(reference, torch.device("cuda" if hardware.accelerator == "gpu" else "cpu"), validates=validates)
    trainer = build_trainer(config.engine.model_copy(update={"epochs": repeats + 1}), hardware, folder, [turns])
    trainer.fit(build_module(config, data.labels), data.loaders["train"], data.loaders["val"])
    return turns.pairs[1:]


def bare_step(config: TrialConfig, data: Data, hardware: Hardware, device: torch.device) -> Callable[[], int]:
    """Return one epoch's worth of forward, backward and optimiser on a batch held in memory.

    Model, precision, layout and loss are those of the trial.
    """
    module = build_module(config, data.labels).to(device).train()
    optimizer = build_optimizer(module.model, config.optim)
    batch = next(iter(data.loaders["train"]))
    image, mask = batch["image"].to(device), batch["mask"].to(device)
    steps = len(data.loaders["train"])

    def work() -> int:
        for _ in range(steps):
            with torch.autocast(device.type, torch.bfloat16, enabled=hardware.precision == "bf16-mixed"):
                loss = module.loss(module(image), Target(mask))["loss"]
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return steps * len(image)

    return work


def plain_loop(config: TrialConfig, data: Data, device: torch.device) -> Callable[[], int]:
    """Return an epoch and its validation as a first script does them.

    FP32, NCHW, one process that reads every file again, an optimiser that is not fused, metrics with numpy on the
    host for every batch.
    """
    module = build_module(config, data.labels).to(device)
    model = module.model.to(memory_format=torch.contiguous_format)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.optim.lr, fused=False, foreach=False)
    augment = build_augment(config.augment, config.crop, labels=data.labels)
    train = SegmentationDataset(data.splits.by_name["train"].items, augment=augment)
    val = SegmentationDataset(data.splits.by_name["val"].items)
    plain = {"ignore": data.labels.ignore, "workers": 0, "pin_memory": False}
    sampler = data.loaders["train"].sampler
    loader = build_loader(train, batch_size=config.engine.batch_size, sampler=sampler, **plain)
    val_loader = build_loader(val, batch_size=config.evaluate.batch_size, **plain)

    def forward(batch: dict) -> tuple[torch.Tensor, torch.Tensor]:
        image = (batch["image"].to(device).float() - module.mean) / module.std
        return model(image.contiguous()), batch["mask"].to(device).long()

    def count(logits: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
        predicted, true = logits.argmax(1).cpu().numpy().ravel(), mask.cpu().numpy().ravel()
        kept, classes = true != data.labels.ignore, data.labels.count
        return np.bincount(true[kept] * classes + predicted[kept], minlength=classes**2)

    def work() -> int:
        model.train()
        for batch in loader:
            logits, mask = forward(batch)
            loss = F.cross_entropy(logits, mask, ignore_index=data.labels.ignore)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            loss.item()
            count(logits.detach(), mask)
        model.eval()
        with torch.no_grad():
            for batch in val_loader:
                count(*forward(batch))
        return len(loader) * config.engine.batch_size

    return work
