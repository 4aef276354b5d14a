"""The Lightning module: forward and loss in training, sums in validation and test."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor, nn

from rarepix.engine import distributed
from rarepix.engine.optim import build_optimizer, build_schedule, step_plateau
from rarepix.engine.settings import OptimConfig
from rarepix.models.outputs import Prediction, SegOutput, Target, as_output
from rarepix.scores import Sums
from rarepix.seeding import stable_hash

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

METADATA_KEY = "rarepix"
"""Key of a checkpoint under which the metadata of its network stand: its classes and the fingerprint of its split."""

Predict = Callable[[Callable[[Tensor], SegOutput], dict], Prediction]
"""(network: images N 3 H W → its output, batch) → prediction, see ``inference.predictor.Predictor.predict``."""
TargetOf = Callable[[Tensor], Target]
"""Masks of a batch → the target that loss and sums need."""
SumsOf = Callable[[Prediction, Target], dict[str, Tensor]]
"""(prediction, target) → sums of the images by name, see ``metrics.sums.image_sums``."""
Scorer = Callable[[Sums], dict[str, float]]
"""Sums over the images of a split → scores by name, ``objective`` among them."""


class NonFiniteLoss(RuntimeError):
    """The loss is not a number or infinite; the message names step and terms."""


class SegmentationModule(pl.LightningModule):
    """Trains a network on batches ``{"image": N C H W, "mask": N H W ids or N C H W, "id": list}``.

    On several devices each process gets its share of a batch and computes the loss of that share; the gradient is the
    mean over the processes (DistributedDataParallel). The sums of a validation are added up over the processes, so that
    scores and every decision that follows from them are those of the whole validation part.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        *,
        predict: Predict,
        target_of: TargetOf,
        sums_of: SumsOf,
        scorer: Scorer,
        test_sums_of: SumsOf = lambda prediction, target: {},
        optim: OptimConfig,
        seed: int,
        channels_last: bool,
        metadata: dict[str, Any] | None = None,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        full_scale: float = 255,
    ) -> None:
        """Take the parts of a training.

        Images are normalised by *mean* and *std* of each band, which are shares of *full_scale*, their largest value.
        *model* is a ``models.outputs.Model``; *metadata* is written into every checkpoint. A test takes the sums of
        *test_sums_of*, too, which no validation needs.
        """
        super().__init__()
        self.model = model.to(memory_format=torch.channels_last) if channels_last else model
        self.loss, self.target_of, self.sums_of, self.scorer = loss, target_of, sums_of, scorer
        self.predictor, self._test_sums_of = predict, test_sums_of
        self.optim, self.seed, self.channels_last, self.metadata = optim, seed, channels_last, metadata or {}
        # normalised on the device: loaders then move a quarter of the bytes
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1) * full_scale, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1) * full_scale, persistent=False)
        self._last_step: tuple[int, dict[str, Tensor]] | None = None
        self._loss_sums: dict[str, Tensor] = {}
        self.scores: dict[str, float] = {}
        self.collected: dict[int, list[tuple[list[str], dict[str, Tensor]]]] = {}

    def forward(self, image: Tensor) -> SegOutput:
        """Return the network's output for images N C H W, uint8 or float."""
        x = (image.float() - self.mean) / self.std
        return as_output(self.model(x.contiguous(memory_format=torch.channels_last) if self.channels_last else x))

    def predict(self, batch: dict) -> Prediction:
        """Return the prediction for a batch of an evaluation loader, on the device of its images."""
        return self.predictor(self, batch)

    def configure_optimizers(self) -> dict:
        """Return optimiser and schedule."""
        optimizer = build_optimizer(self.model, self.optim)
        epochs, every = self.trainer.max_epochs, self.trainer.check_val_every_n_epoch
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = build_schedule(optimizer, self.optim, steps, epochs=epochs, validate_every=every)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def lr_scheduler_step(self, scheduler: Any, metric: float | None) -> None:
        """Step a schedule by steps; a plateau has been stepped already, see ``step_plateau``."""
        if metric is None:
            scheduler.step()

    def on_train_epoch_start(self) -> None:
        """Seed the randomness in the network (dropout) from seed, epoch and rank; tell the loss the epoch.

        Both are functions of the epoch, so that a resumed run goes on as if it had not stopped.
        """
        self.loss.set_epoch(self.current_epoch)
        torch.manual_seed((stable_hash(self.seed, "network", self.current_epoch) + distributed.rank()) % 2**63)
        self._loss_sums = {}

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Return the loss of one batch, or of this process's share of it."""
        self._check_last_step()
        terms = self.loss(self(batch["image"]), self.target_of(batch["mask"]))
        detached = {name: value.detach() for name, value in terms.items()}
        self._last_step = (self.global_step, detached)
        for name, value in detached.items():
            self._loss_sums[name] = self._loss_sums.get(name, 0) + value
        return terms["loss"]

    def on_train_epoch_end(self) -> None:
        """Check the last loss before the epoch's checkpoint is written."""
        self._check_last_step()

    def on_validation_epoch_start(self) -> None:
        """Close the training epoch and begin to add up."""
        self._check_last_step()
        distributed.broadcast_buffers(self.model)  # statistics of batch normalisation can differ after the last step
        steps = max(int(self.trainer.num_training_batches), 1) * distributed.world_size()
        sums = {name: float(distributed.all_reduce_sum(value)) for name, value in self._loss_sums.items()}
        self._train_means = {f"train_{name}": value / steps for name, value in sums.items()}
        self._sums: dict[str, Tensor] = {}
        self._val_loss, self._batches = 0.0, 0

    def validation_step(self, batch: dict, batch_idx: int) -> None:
        """Add the sums and the loss of one batch."""
        prediction, target = self.predict(batch), self.target_of(batch["mask"])
        for name, sums in self.sums_of(prediction, target).items():
            self._sums[name] = self._sums.get(name, 0) + sums.sum(dim=0)
        self._val_loss = self._val_loss + self.loss(prediction.output, target)["loss"]
        self._batches += 1

    def on_validation_epoch_end(self) -> None:
        """Add up sums and loss over the processes, bring them to the host, once, and score them."""
        batches = torch.tensor(self._batches, device=self.device)
        val_loss = float(distributed.all_reduce_sum(self._val_loss)) / int(distributed.all_reduce_sum(batches))
        self._check_finite(self.global_step, {"val_loss": val_loss})  # the last step's update shows here first
        scores = self.scorer(
            {name: distributed.all_reduce_sum(sums).cpu().numpy() for name, sums in self._sums.items()}
        )
        self.scores = {**scores, **self._train_means, "val_loss": val_loss}
        self.log_dict({name: value for name, value in self.scores.items() if np.isfinite(value)})
        step_plateau(self.lr_schedulers(), scores["objective"])

    def on_test_start(self) -> None:
        """Begin to collect the sums of each image."""
        self.collected = {}

    def test_step(self, batch: dict, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Keep the sums of each image."""
        prediction, target = self.predict(batch), self.target_of(batch["mask"])
        sums = self.sums_of(prediction, target) | self._test_sums_of(prediction, target)
        self.collected.setdefault(dataloader_idx, []).append((batch["id"], sums))

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        """Write the metadata into the checkpoint."""
        checkpoint[METADATA_KEY] = self.metadata

    def _check_last_step(self) -> None:
        """Raise ``NonFiniteLoss`` if the loss of the previous step was not finite.

        One step late on purpose: the value has been computed by now, so that reading it does not stall the device.
        """
        if self._last_step is not None:
            (step, terms), self._last_step = self._last_step, None
            self._check_finite(step, {name: float(value) for name, value in terms.items()})

    @staticmethod
    def _check_finite(step: int, terms: dict[str, float]) -> None:
        bad = {name: value for name, value in terms.items() if not math.isfinite(value)}
        if bad:
            values = ", ".join(f"{name} = {value}" for name, value in bad.items())
            raise NonFiniteLoss(
                f"the loss must be finite, but at step {step} {values}: "
                f"use a smaller optim.lr, or engine.precision=fp32"
            )
