"""Losses by name: ``build_loss(name, …)(logits, target)`` gives ``{"loss": …}`` and every named term."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rarepix.labels import IGNORE, Task

if TYPE_CHECKING:
    from rarepix.losses.library_loss import LibraryLoss
    from rarepix.losses.module import Loss


def build_loss(
    name: str,
    *,
    task: Task | str,
    classes: int,
    ignore_index: int = IGNORE,
    background: int | None = 0,
    class_pixels: Iterable[float] | None = None,
    check_values: bool = True,
    **params: Any,
) -> Loss | LibraryLoss:
    """Return the named loss, as a module of (logits, target).

    Example: ``build_loss("ce+l1", task="multiclass", classes=12, temperature=10)(logits, target)["loss"]``.

    Args:
        name: a term (``ce``, ``focal``, ``dice``, …) or a sum of terms (``ce+l1``), in any case; or a loss of a library
            (``smp/TverskyLoss``, ``toolbelt/BinaryFocalLoss``).
        task: binary, multiclass or multilabel.
        classes: number of channels C; 1 for binary.
        ignore_index: target id that does not count.
        background: multiclass: id of the background for ``foreground_only``, ``dice_plus`` and ``unified_focal``; None
            if there is none.
        class_pixels: pixels of each class in the training part, for the losses that ``needs_class_pixels`` names.
            Multiclass: C; binary: background, class; multilabel: C of the classes, then that of all pixels.
        check_values: whether logits that are not finite and ids that are no class are errors. The check waits for the
            GPU.
        params: of the named loss (``alpha``, ``temperature``, ``gamma``, ``class_weights``, ``published``, …; of a
            library's loss the mapping ``arguments``; see ``LossConfig``); the others keep their defaults.

    Raises:
        LossError: unknown name or parameter, a value out of range, or a task that the loss is not defined for.
    """
    from rarepix.losses.build import build  # here, so that checking a configuration does not import torch

    return build(
        name,
        task=task,
        classes=classes,
        ignore_index=ignore_index,
        background=background,
        class_pixels=class_pixels,
        check_values=check_values,
        params=params,
    )
