"""Checks of output, target and result, and the error that they raise."""

import torch
from torch import Tensor

from rarepix.labels import Task
from rarepix.models.outputs import SegOutput, Target

INTEGERS = (torch.uint8, torch.int16, torch.int32, torch.int64)


class LossError(ValueError):
    """A loss that cannot be built, or logits and a target that it cannot be computed from."""


def masks_of(output: SegOutput | Tensor, target: Target | Tensor, loss: str) -> tuple[Tensor, Tensor]:
    """Return the logits of masks and the masks that *loss* compares; a plain tensor is one of them.

    Raises:
        LossError: the network gives no masks.
    """
    logits = output if isinstance(output, Tensor) else output.mask
    if logits is None:
        raise LossError(
            f"loss {loss!r} compares masks, but the network tells only which classes are present: use presence_bce, or "
            f"a network that gives masks"
        )
    return logits, target if isinstance(target, Tensor) else target.mask


def presences_of(output: SegOutput | Tensor, target: Target | Tensor, loss: str) -> tuple[Tensor, Tensor]:
    """Return the logits of presence N K and the presence that *loss* compares.

    Raises:
        LossError: the network or the target tells no presence, or the two do not fit each other.
    """
    logits = None if isinstance(output, Tensor) else output.presence
    if logits is None:
        raise LossError(
            f"loss {loss!r} compares which classes are present, but the network gives only masks: use a network with a "
            f"presence head, or leave the term out"
        )
    presence = None if isinstance(target, Tensor) else target.presence
    if presence is None:
        raise LossError(
            f"loss {loss!r} compares which classes are present, but the target is a mask alone: make it with "
            f"rarepix.models.outputs.target_of"
        )
    if logits.ndim != 2 or not logits.is_floating_point():
        raise LossError(f"presence logits must be floats N K, but got {logits.dtype} {tuple(logits.shape)}")
    if presence.shape != logits.shape or presence.dtype not in INTEGERS:
        raise LossError(
            f"the presence target must be integers of shape {tuple(logits.shape)}, that of the presence logits, but "
            f"got {presence.dtype} {tuple(presence.shape)}"
        )
    return logits, presence


def check_shapes(logits: Tensor, target: Tensor, *, task: Task, classes: int) -> None:
    """Raise ``LossError`` unless logits are N C and two or three axes, and the target has the shape of the task."""
    if logits.ndim not in (4, 5) or logits.shape[1] != classes:
        raise LossError(f"logits must be N {classes} H W or N {classes} D H W, but got {tuple(logits.shape)}")
    if not logits.is_floating_point():
        raise LossError(f"logits must be floats, but got {logits.dtype}")
    if not logits.numel():
        raise LossError(f"logits must have at least one image and one pixel, but got {tuple(logits.shape)}")
    flat, full = (logits.shape[0], *logits.shape[2:]), tuple(logits.shape)
    shapes = {Task.MULTICLASS: (flat,), Task.BINARY: (flat, full), Task.MULTILABEL: (full,)}[task]
    is_integer = target.dtype in INTEGERS
    if not is_integer or tuple(target.shape) not in shapes:
        raise LossError(
            f"the target{f' of a {task} task' if is_integer else ''} must be integer ids of shape "
            f"{' or '.join(map(str, shapes))}, but got {target.dtype} {tuple(target.shape)}"
        )
    if target.device != logits.device:
        raise LossError(f"the target must be where the logits are ({logits.device}), but is on {target.device}")


def check_logits(logits: Tensor) -> None:
    """Raise ``LossError`` for logits that are not finite. Waits for the device."""
    total = logits.detach().sum(dtype=torch.float32)  # one pass: not finite if any is not, or if the sum overflows
    if not torch.isfinite(total) and not torch.isfinite(logits).all():
        bad = int((~torch.isfinite(logits)).sum())
        raise LossError(
            f"logits must be finite, but {bad} of {logits.numel()} are not: "
            f"use a smaller learning rate, or more precision"
        )


def check_ids(counted: Tensor, *, what: str, highest: int, ignore_index: int, scale: int = 1) -> None:
    """Raise ``LossError`` for ids that are no class, or shares times *scale* that are none. Waits for the device.

    *counted* has 0 at ignored positions; *what* names the target.
    """
    low, high = torch.aminmax(counted)
    if low < 0 or high > highest:
        raise LossError(
            f"ids of a {what} target must be from 0 to {highest * scale} or {ignore_index} (ignored), "
            f"but they go from {round(float(low) * scale)} to {round(float(high) * scale)}"
        )


def check_result(terms: dict[str, Tensor], *, published: bool) -> None:
    """Raise ``LossError`` if a term is not finite. Waits for the device."""
    bad = {name: float(value) for name, value in terms.items() if not torch.isfinite(value)}
    if bad:
        values = ", ".join(f"{name} = {value}" for name, value in bad.items())
        remedy = "look at the size of the logits"
        if published:
            remedy = "an image with ignored pixels only or all foreground can cause that; published=False handles both"
        raise LossError(f"a loss must be finite, but {values}: {remedy}")
