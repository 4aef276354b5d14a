"""The module around a library's loss: gives it logits and target as it wants them, and turns its errors into ours."""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rarepix.labels import Task
from rarepix.losses.checks import LossError, check_ids, check_logits, check_result, check_shapes, masks_of
from rarepix.losses.libraries import LIBRARY_LOSSES, PACKAGES, ignore_argument, signature, why_no_ignored
from rarepix.losses.module import Labels
from rarepix.models.outputs import SegOutput, Target

WEIGHTS = ("weight", "pos_weight", "class_weights")
"""Arguments that are tensors; a list of numbers is one for each channel."""


class LibraryLoss(nn.Module):
    """A loss of segmentation-models-pytorch or pytorch-toolbelt with the interface of ``Loss``.

    Gives it what its signature has and the user left out: ``mode`` (the task), the ignore index, ``from_logits=True``.
    """

    def __init__(self, name: str, labels: Labels, arguments: Mapping[str, Any], *, check_values: bool) -> None:
        """Build the library's loss with *arguments*, which ``libraries.check_arguments`` has checked.

        Raises:
            LossError: the constructor refuses them.
        """
        super().__init__()
        self.name, self.task, self.classes, self.ignore_index, self.background, self.scale = (name, *labels)
        self.check_values, self.terms, self.published = check_values, (name,), False
        self.entry = LIBRARY_LOSSES[name]
        known = signature(name)
        self.arguments = {"mode": str(labels.task)} if "mode" in known else {}
        self.arguments |= {"from_logits": True} if "from_logits" in known else {}
        key = ignore_argument(name, labels.task)
        self.arguments |= ({key: labels.ignore_index} if key else {}) | dict(arguments)
        self._no_ignored = why_no_ignored(name, labels.task, self.arguments, labels.ignore_index)
        self.loss = self._build()

    def _build(self) -> nn.Module:
        library, _, kind = self.name.partition("/")
        given = {key: self._tensor(key, value) for key, value in self.arguments.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # pytorch-toolbelt uses torch.cuda.amp.autocast
            if library == "smp":
                from segmentation_models_pytorch import losses
            else:
                from pytorch_toolbelt import losses
        try:
            return getattr(losses, kind)(**given)
        except (TypeError, ValueError, AssertionError, RuntimeError) as error:
            raise LossError(
                f"loss {self.name!r} of {PACKAGES[library]} refuses the arguments {self.arguments}: {error}"
            ) from error

    def _tensor(self, key: str, value: Any) -> Any:
        """Return an argument as the constructor wants it; a list stays a list in neither library."""
        if not isinstance(value, list | tuple):
            return value
        if key not in WEIGHTS:  # pytorch-toolbelt takes a list of class ids for the shape of an array
            return torch.tensor(value)
        weights = torch.tensor(value, dtype=torch.float32)
        return weights if key == "class_weights" else weights.view(-1, 1, 1)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: no loss of a library depends on the epoch."""

    def forward(self, output: SegOutput | Tensor, target: Target | Tensor) -> dict[str, Tensor]:
        """Return ``{"loss": scalar with gradient, name: the same without}``.

        Args:
            output: with logits N C H W of masks, or these alone.
            target: as ``Loss.forward`` takes it. A batch with ignored pixels only gives 0.

        Raises:
            LossError: an output without masks, shapes or a type that do not fit, ignored pixels although the loss has
                no way to ignore them, an error of the library, a result that is not one number; with ``check_values``
                also ids that are no class, logits and results that are not finite.
        """
        logits, target = masks_of(output, target, self.name)
        check_shapes(logits, target, task=self.task, classes=self.classes)
        if logits.ndim != 4:
            raise LossError(f"loss {self.name!r} is for images N {self.classes} H W, but got {tuple(logits.shape)}")
        target = target.long() if self.task is Task.MULTICLASS else target.long().reshape(logits.shape)
        valid = target != self.ignore_index
        if self.check_values:
            check_logits(logits)
            highest = self.classes - 1 if self.task is Task.MULTICLASS else self.scale
            counted = target.masked_fill(~valid, 0)
            check_ids(counted, what=str(self.task), highest=highest, ignore_index=self.ignore_index)
        if not valid.any():  # the libraries give 0, not a number or an error, each in its own way
            return {"loss": (logits * 0).sum(), self.name: logits.new_zeros(())}
        if self._no_ignored and not valid.all():
            raise LossError(
                f"loss {self.name!r} {self._no_ignored}, but the target has ignored pixels ({self.ignore_index}): "
                f"use a loss of the project, or data without ignored pixels"
            )
        with torch.autocast(logits.device.type, enabled=False):
            value = self._value(logits if logits.dtype == torch.float64 else logits.float(), target, valid)
        result = {"loss": value, self.name: value.detach()}
        if self.check_values:
            check_result(result, published=False)
        return result

    def _value(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        if self.entry.probabilities:
            logits = logits.softmax(1) if self.task is Task.MULTICLASS else logits.sigmoid()
        if self.entry.pixels:
            logits = (logits.movedim(1, -1) if self.task is Task.MULTICLASS else logits)[valid]
            target = target[valid]
        target = target if self.task is Task.MULTICLASS else target.to(logits.dtype)
        if self.scale != 1:
            target = target / self.scale if self.entry.pixels else torch.where(valid, target / self.scale, target)
        try:
            value = self.loss(logits.contiguous(), target)
        except (TypeError, ValueError, AssertionError, IndexError, RuntimeError) as error:
            raise LossError(f"loss {self.name!r} failed with the arguments {self.arguments}: {error}") from error
        if value.ndim:
            raise LossError(
                f"loss {self.name!r} must give one number, but gave the shape {tuple(value.shape)} with the arguments "
                f"{self.arguments}: reduction, where there is one, must be mean or sum"
            )
        return value

    def __repr__(self) -> str:
        """Return name, task and arguments (a loss of the libraries cannot be printed without class weights)."""
        return f"LibraryLoss({self.name}, {self.task}, classes={self.classes}, {self.arguments})"
