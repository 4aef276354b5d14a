"""``build_loss``: every parameter is checked before anything is computed."""

import math
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from rarepix.labels import IGNORE, SOFT_SCALE, Task
from rarepix.losses.checks import LossError
from rarepix.losses.libraries import LIBRARY_LOSSES, is_library
from rarepix.losses.library_loss import LibraryLoss
from rarepix.losses.module import Labels, Loss
from rarepix.losses.names import needs_class_pixels, terms_of
from rarepix.losses.parameters import parameters_of
from rarepix.losses.registry import TERMS
from rarepix.losses.settings import LossConfig
from rarepix.settings import explain

SHARED = ("alpha", "temperature", "gamma")
"""Parameters that any sum of terms accepts, as in the published registry; a warning tells where one has no effect."""
NEUTRAL = {"alpha": 1.0, "temperature": 1.0, "gamma": 2.0, "published": False}
"""Values that change nothing and need no warning: the defaults of the shared ones and of the published form."""

FOCAL = ("softmax_focal", "proposed", "proposed_published")
"""Terms in which the weight of the background's class is that of its pixels."""


def build_loss(
    name: str,
    *,
    task: Task | str,
    classes: int,
    ignore_index: int = IGNORE,
    scale: int = 1,
    background: int | None = 0,
    class_pixels: Iterable[float] | None = None,
    check_values: bool = True,
    **params: Any,
) -> Loss | LibraryLoss:
    """Return the named loss, as a module of (output, target): a ``SegOutput`` and a ``Target``, or logits and masks.

    Example: ``build_loss("ce+l1", task="multiclass", classes=12, temperature=10)(logits, target)["loss"]``.

    Args:
        name: a term (``ce``, ``focal``, ``dice``, …) or a sum of terms (``ce+l1``), in any case; or a loss of a library
            (``smp/TverskyLoss``, ``toolbelt/BinaryFocalLoss``).
        task: binary, multiclass or multilabel.
        classes: number of channels C; 1 for binary.
        ignore_index: target id that does not count.
        scale: the value in a mask that means 1 (``LabelSpace.scale``): 254 for soft masks, which hold shares.
        background: multiclass: id of the background for ``foreground_only``, ``dice_plus`` and ``unified_focal``; None
            if there is none.
        class_pixels: pixels of each class in the training part, for the losses that ``needs_class_pixels`` names.
            Multiclass: C; binary: background, class; multilabel: C of the classes, then that of all pixels.
        check_values: whether logits that are not finite and ids that are no class are errors. The check waits for the
            GPU.
        params: of the named loss (``alpha``, ``temperature``, ``gamma``, …, see ``LossConfig``; of a library's loss
            the mapping ``arguments``); the others keep their defaults.

    Raises:
        LossError: unknown name or parameter, a value out of range, or a task or soft masks that the loss is not defined
            for.
    """
    config = _config(name, params)
    labels = _labels(task, classes, ignore_index, background, scale)
    _check_defined(config, labels)
    if is_library(config.name):
        return LibraryLoss(config.name, labels, config.given().get("arguments", {}), check_values=check_values)
    parameters = config.parameters()
    tensors = {
        "class_weights": _class_weights(parameters.pop("class_weights", None), labels),
        "class_pixels": _class_pixels(config.name, class_pixels, labels),
    }
    return Loss(config.name, labels, parameters, tensors, check_values=check_values)


def _config(name: str, params: Mapping[str, Any]) -> LossConfig:
    if not isinstance(name, str):
        raise LossError(f"the name of a loss must be text, but got {name!r}")
    try:
        known = parameters_of(name)
    except ValueError as error:
        raise LossError(str(error)) from None
    given = {key: _plain(value) for key, value in params.items() if value is not None}
    unused: dict[str, Any] = {}
    if not is_library(name):
        unused = {key: value for key, value in given.items() if key in SHARED and key not in known}
        neutral = {key for key, value in given.items() if key not in known and NEUTRAL.get(key) == value}
        given = {key: value for key, value in given.items() if key not in unused and key not in neutral}
    try:
        LossConfig(name="focal+l1", **unused)  # it takes all of them: a value out of range is wrong with any loss
        for key, value in unused.items():
            if value != NEUTRAL[key]:
                warnings.warn(f"loss {name!r} has no use for {key}={value}", stacklevel=3)
        return LossConfig(name=name, **given)
    except ValidationError as error:
        raise LossError(explain(error, LossConfig).replace("loss.", "")) from None


def _plain(value: Any) -> Any:
    """Return a tensor, an array or a list as a tuple."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return tuple(value) if isinstance(value, list) else value


def _labels(task: Task | str, classes: int, ignore_index: int, background: int | None, scale: int) -> Labels:
    for what, number in (("classes", classes), ("ignore_index", ignore_index), ("scale", scale)):
        if not isinstance(number, int) or isinstance(number, bool):
            raise LossError(f"{what} must be an integer, but got {number!r}")
    if task not in list(Task):
        raise LossError(f"task must be one of {', '.join(Task)}, but got {str(task)!r}")
    task = Task(task)
    fits = {Task.BINARY: classes == 1, Task.MULTICLASS: classes >= 2, Task.MULTILABEL: classes >= 1}
    if not fits[task]:
        wanted = {Task.BINARY: "1", Task.MULTICLASS: "2 or more", Task.MULTILABEL: "1 or more"}[task]
        raise LossError(
            f"classes, the number of channels, must be {wanted} for a {task} task, but got {classes}: "
            f"one channel that tells a class from background is task binary"
        )
    if scale != 1 and (scale != SOFT_SCALE or task is Task.MULTICLASS):
        raise LossError(
            f"scale must be 1 or, of the soft masks of a binary or multilabel task, {SOFT_SCALE}, but got {scale} for "
            f"a {task} task"
        )
    highest = classes - 1 if task is Task.MULTICLASS else scale
    if 0 <= ignore_index <= highest:
        raise LossError(f"ignore_index must not be an id of a class (0 to {highest}), but got {ignore_index}")
    if task is Task.MULTICLASS and background is not None and not 0 <= background < classes:
        raise LossError(f"background must be an id from 0 to {classes - 1} or None, but got {background}")
    return Labels(task, classes, ignore_index, background if task is Task.MULTICLASS else None, scale)


def _check_defined(config: LossConfig, labels: Labels) -> None:
    """Raise ``LossError`` if the loss, or one of its parameters, is not defined for the task or for soft masks."""
    given, is_soft = config.given(), labels.scale != 1
    if given.get("published") and labels.task is not Task.MULTICLASS and "ce" in terms_of(config.name):
        for key in ("class_weights", "label_smoothing"):
            if given.get(key):
                raise LossError(f"the published cross-entropy of a {labels.task} task has no {key}: leave it out")
    rows = LIBRARY_LOSSES if is_library(config.name) else TERMS
    for term in terms_of(config.name):
        if labels.task not in rows[term].tasks:
            defined = " and ".join(rows[term].tasks)
            raise LossError(f"loss term {term!r} is defined for {defined} masks, but the task is {str(labels.task)!r}")
        if is_soft and not rows[term].soft:
            soft = ", ".join(name for name, row in rows.items() if row.soft and labels.task in row.tasks)
            raise LossError(
                f"loss term {term!r} is not defined on soft masks: use a loss of {soft}, or masks of 0 and 1"
            )
    if is_soft and given.get("published"):
        raise LossError("the published forms are not defined on soft masks: leave published out")
    _check_background_weight(config, labels)
    if given.get("foreground_only") and labels.background is None:
        raise LossError(
            "foreground_only leaves out the channel of the background, but "
            + ("no background is given" if labels.task is Task.MULTICLASS else f"a {labels.task} task has none")
        )


def _check_background_weight(config: LossConfig, labels: Labels) -> None:
    """Raise ``LossError`` if a focal loss gives background pixels the weight 0: then false positives cost nothing.

    The channels of a multiclass ``focal`` are apart: without that of the background, the others still see its pixels.
    """
    parameters, terms = config.parameters(), set(terms_of(config.name))
    index = 0 if labels.task is Task.BINARY else labels.background
    weights = parameters.get("class_weights") or ()
    weighted = terms & {*FOCAL, *(("focal",) if labels.task is Task.BINARY else ())}
    if parameters.get("balance") == 1:
        given = "balance=1"
    elif weighted and index is not None and weights[index : index + 1] == (0,):
        given = f"class_weights={list(weights)}"
    else:
        return
    raise LossError(
        f"loss {config.name!r} must give background pixels a weight above 0, since otherwise nothing keeps the network "
        f"from finding a class everywhere, but got {given}: give the background a small weight, such as 0.05"
    )


def _class_weights(weights: tuple[float, ...] | None, labels: Labels) -> Tensor | None:
    """Return weights C (multiclass) or 2 C of negatives and positives of each channel."""
    if weights is None:
        return None
    wanted = 2 if labels.task is Task.BINARY else labels.classes
    if len(weights) != wanted:
        each = "background and class" if labels.task is Task.BINARY else "each class"
        raise LossError(f"class_weights must be {wanted} numbers, one for {each}, but got {len(weights)}")
    if not sum(weights) > 0:
        raise LossError(f"class_weights must not all be 0, but got {list(weights)}")
    tensor = torch.tensor(weights, dtype=torch.float64)
    if labels.task is Task.MULTICLASS:
        return tensor
    return tensor.unsqueeze(1) if labels.task is Task.BINARY else tensor.expand(2, -1)


def _class_pixels(name: str, given: Iterable[float] | None, labels: Labels) -> Tensor | None:
    """Return pixels C (multiclass) or 2 C of negatives and positives of each channel."""
    if not needs_class_pixels(name):
        return None
    wanted = {Task.BINARY: 2, Task.MULTICLASS: labels.classes, Task.MULTILABEL: labels.classes + 1}[labels.task]
    pixels = [] if given is None else [float(count) for count in given]
    if len(pixels) != wanted or not all(math.isfinite(count) and count >= 0 for count in pixels) or not sum(pixels):
        raise LossError(
            f"loss {name!r} needs class_pixels, the {wanted} pixel counts of the training part"
            f"{' (of each class, then of all pixels)' if labels.task is Task.MULTILABEL else ''}, but got {pixels}"
        )
    tensor = torch.tensor(pixels, dtype=torch.float64)
    if labels.task is not Task.MULTILABEL:
        return tensor if labels.task is Task.MULTICLASS else tensor.unsqueeze(1)
    if (tensor[:-1] > tensor[-1]).any():
        raise LossError(f"class_pixels must end with the number of all pixels, but a class has more: {pixels}")
    return torch.stack([tensor[-1] - tensor[:-1], tensor[:-1]])
