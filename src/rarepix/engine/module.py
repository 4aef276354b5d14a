"""The Lightning module: forward and loss in training, confusion counts in validation and test."""

import math
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor, nn

from rarepix.engine import distributed
from rarepix.engine.optim import build_optimizer
from rarepix.engine.schedules import build_schedule, show_plateau
from rarepix.engine.settings import OptimConfig
from rarepix.seeding import stable_hash

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

KEPT = "rarepix"
"""Key of a checkpoint under which it says what it is of."""

Infer = Callable[[Callable[[Tensor], Tensor], dict], Tensor]
"""(images N 3 H W → logits N C H W, batch) → logits that lie over the batch's masks: how a network is evaluated."""
Counter = Callable[[Tensor, Tensor], Tensor]
"""(logits N C H W, target) → counts N C 4 (image, class, tp fp fn tn)."""
Scorer = Callable[[np.ndarray], dict[str, float]]
"""Counts C 4, pooled over images → scores by name, ``objective`` among them."""


class NonFiniteLoss(RuntimeError):
    """The loss is not a number or infinite; the message names step and terms."""


class SegmentationModule(pl.LightningModule):
    """Trains a network on batches ``{"image": N 3 H W uint8, "mask": N H W ids or N C H W, "id": list}``.

    What *kept* says goes into its checkpoints, for those who find one.
    Of several processes each gets its share of a batch; the loss, the scores and so every decision are of the whole.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        *,
        infer: Infer,
        counter: Counter,
        scorer: Scorer,
        optim: OptimConfig,
        seed: int,
        channels_last: bool,
        kept: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.model = model.to(memory_format=torch.channels_last) if channels_last else model
        self.loss, self.infer, self.counter, self.scorer = loss, infer, counter, scorer
        self.optim, self.seed, self.channels_last, self.kept = optim, seed, channels_last, kept or {}
        # normalised on the device: loaders then move a quarter of the bytes
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1) * 255, persistent=False)
        self._last_step: tuple[int, dict[str, Tensor]] | None = None
        self._sums: dict[str, Tensor] = {}
        self.scores: dict[str, float] = {}
        self.collected: dict[int, list[tuple[list[str], Tensor]]] = {}

    def forward(self, image: Tensor) -> Tensor:
        """Return logits N C H W of images N 3 H W uint8."""
        x = (image.float() - self.mean) / self.std
        return self.model(x.contiguous(memory_format=torch.channels_last) if self.channels_last else x)

    def configure_optimizers(self) -> dict:
        """Return optimiser and schedule."""
        optimizer = build_optimizer(self.model, self.optim)
        trainer = self.trainer
        schedule = build_schedule(
            optimizer,
            self.optim,
            int(trainer.estimated_stepping_batches),
            epochs=trainer.max_epochs,
            validate_every=trainer.check_val_every_n_epoch,
        )
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def lr_scheduler_step(self, scheduler: Any, metric: float | None) -> None:
        """Follow the step; a plateau has been shown its validation already, see ``show_plateau``."""
        if metric is None:
            scheduler.step()

    def on_train_epoch_start(self) -> None:
        """Seed what is random in the network from (seed, epoch): a resumed run goes on as if it had not stopped.

        The weights of the loss's terms are a function of the epoch for the same reason.
        """
        self.loss.set_epoch(self.current_epoch)
        torch.manual_seed((stable_hash(self.seed, "network", self.current_epoch) + distributed.rank()) % 2**63)
        self._sums = {}

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Return the loss of one batch."""
        self._check_last_step()
        terms = self.loss(distributed.all_gather(self(batch["image"])), distributed.all_gather(batch["mask"]))
        detached = {name: value.detach() for name, value in terms.items()}
        self._last_step = (self.global_step, detached)
        for name, value in detached.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        return terms["loss"]

    def on_train_epoch_end(self) -> None:
        """Look at the last loss before the epoch is kept."""
        self._check_last_step()

    def on_validation_epoch_start(self) -> None:
        """Close the training epoch and begin to count."""
        self._check_last_step()
        steps = max(int(self.trainer.num_training_batches), 1)
        self._train_means = {f"train_{name}": float(value) / steps for name, value in self._sums.items()}
        self._counts, self._val_loss, self._batches = 0, 0.0, 0

    def validation_step(self, batch: dict, batch_idx: int) -> None:
        """Add the counts and the loss of one batch."""
        logits = self.infer(self, batch)
        self._counts = self._counts + self.counter(logits, batch["mask"]).sum(dim=0)
        self._val_loss = self._val_loss + self.loss(logits, batch["mask"])["loss"]
        self._batches += 1

    def on_validation_epoch_end(self) -> None:
        """Bring counts and loss to the host, once, and score them."""
        if distributed.size() > 1:
            counts, loss, batches = self._counts, self._val_loss, torch.tensor(self._batches, device=self.device)
            self._counts, self._val_loss, self._batches = map(distributed.all_reduce_sum, (counts, loss, batches))
        val_loss = float(self._val_loss) / int(self._batches)
        self._check_finite(self.global_step, {"val_loss": val_loss})  # the last step's update shows here first
        scores = self.scorer(self._counts.cpu().numpy())
        self.scores = {**scores, **self._train_means, "val_loss": val_loss}
        self.log_dict({name: value for name, value in self.scores.items() if np.isfinite(value)})
        show_plateau(self.lr_schedulers(), scores["objective"])

    def on_test_start(self) -> None:
        """Begin to collect counts per image."""
        self.collected = {}

    def test_step(self, batch: dict, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Keep the counts of each image."""
        counts = self.counter(self.infer(self, batch), batch["mask"])
        self.collected.setdefault(dataloader_idx, []).append((batch["id"], counts))

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        """Say in the checkpoint what the network is of."""
        checkpoint[KEPT] = self.kept

    def _check_last_step(self) -> None:
        """Raise if the loss of the step before was not finite.

        One step late on purpose: its value has been computed by now, so that looking at it does not stall the device.
        """
        if self._last_step is None:
            return
        (step, terms), self._last_step = self._last_step, None
        self._check_finite(step, {name: float(value) for name, value in terms.items()})

    @staticmethod
    def _check_finite(step: int, terms: dict[str, float]) -> None:
        bad = {name: value for name, value in terms.items() if not math.isfinite(value)}
        if bad:
            found = ", ".join(f"{name} = {value}" for name, value in bad.items())
            raise NonFiniteLoss(
                f"the loss must be finite, but at step {step} {found}: use a smaller optim.lr, or engine.precision=fp32"
            )
