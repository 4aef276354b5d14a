"""Losses by name: ``build_loss(name, …)(logits, target)`` gives ``{"loss": …}`` and every named term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarepix.choices import pick
from rarepix.labels import IGNORE, Task
from rarepix.losses.settings import LOSS_PARAMETERS

if TYPE_CHECKING:
    from rarepix.losses.table import Loss


def build_loss(name: str, *, task: Task | str, classes: int, ignore_index: int = IGNORE, **params: float) -> Loss:
    """Return the named loss.

    Args:
        name: one of ``TERMS``, in any case.
        task: only multiclass so far.
        classes: number of channels C.
        ignore_index: target id that does not count.
        params: of the named loss; the others keep their defaults.

    Raises:
        ValueError: unknown name or parameter, or a task that the loss is not defined for.
    """
    from rarepix.losses.table import TERMS, Loss  # here, so that checking a configuration does not import torch

    name = name.lower()
    term = pick(TERMS, name, "loss")
    if Task(task) is not Task.MULTICLASS:
        raise ValueError(f"loss {name!r} is defined for multiclass masks, but the task is {str(task)!r}")
    unknown = sorted(set(params) - set(LOSS_PARAMETERS[name]))
    if unknown:
        raise ValueError(f"loss {name!r} takes {sorted(LOSS_PARAMETERS[name])}, but got {unknown}")
    return Loss(name, term(ignore_index=ignore_index, **(LOSS_PARAMETERS[name] | params)), classes, ignore_index)
