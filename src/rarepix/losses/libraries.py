"""Losses of other libraries by name: ``smp/TverskyLoss``, ``toolbelt/BinaryFocalLoss``, with their own arguments.

``smp`` is segmentation-models-pytorch, ``toolbelt`` is pytorch-toolbelt. Names and arguments are checked without
importing either (which imports torch): the signatures are read from the source of the installed version.
"""

import ast
import math
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from rarepix.choices import nearest
from rarepix.labels import Task
from rarepix.losses.term import SIGMOID

PACKAGES = {"smp": "segmentation_models_pytorch", "toolbelt": "pytorch_toolbelt"}
IGNORE_ARGUMENTS = ("ignore_index", "ignore")
REQUIRED = "(required)"
"""Stands for the default of an argument that has none."""

BINARY, MULTICLASS, ALL = (Task.BINARY,), (Task.MULTICLASS,), tuple(Task)


class LibraryEntry(NamedTuple):
    """What a loss of a library wants to be given."""

    tasks: tuple[Task, ...]
    """What it is defined for."""
    pixels: bool = False
    """False: logits N C H W and the target as a map. True: only the pixels that count, as rows (multiclass: logits P C
    and ids P; else P logits and P targets), so that ignored pixels are dropped before the loss sees them."""
    probabilities: bool = False
    """Whether it wants softmax or sigmoid instead of logits."""
    cannot_ignore: tuple[Task, ...] = ()
    """Tasks in which its ignore index does not work: data with ignored pixels is refused."""
    whole: tuple[str, ...] = ()
    """Arguments that must be whole numbers where pixels are ignored: else the gradient is not a number."""
    required: tuple[str, ...] = ()
    """Arguments that must be given although the signature has a default: the default raises an error."""
    soft: bool = False
    """Whether its formula is defined for binary and multilabel targets from 0 to 1."""


LIBRARY_LOSSES: dict[str, LibraryEntry] = {
    "smp/DiceLoss": LibraryEntry(ALL, soft=True),
    "smp/FocalLoss": LibraryEntry(ALL, cannot_ignore=(Task.MULTILABEL,)),
    "smp/JaccardLoss": LibraryEntry(ALL, soft=True),
    "smp/LovaszLoss": LibraryEntry(ALL),
    "smp/MCCLoss": LibraryEntry(BINARY, pixels=True, probabilities=True, soft=True),
    "smp/SoftBCEWithLogitsLoss": LibraryEntry(SIGMOID, soft=True),
    "smp/SoftCrossEntropyLoss": LibraryEntry(MULTICLASS, required=("smooth_factor",)),
    "smp/TverskyLoss": LibraryEntry(ALL, soft=True),
    "toolbelt/BalancedBCEWithLogitsLoss": LibraryEntry(SIGMOID),
    "toolbelt/BiTemperedLogisticLoss": LibraryEntry(MULTICLASS, pixels=True),
    "toolbelt/BinaryBiTemperedLogisticLoss": LibraryEntry(BINARY, soft=True),
    "toolbelt/BinaryFocalLoss": LibraryEntry(ALL, whole=("gamma",)),
    "toolbelt/BinaryLovaszLoss": LibraryEntry(SIGMOID),
    "toolbelt/BinarySoftF1Loss": LibraryEntry(SIGMOID, soft=True),
    "toolbelt/CrossEntropyFocalLoss": LibraryEntry(MULTICLASS),
    "toolbelt/DiceLoss": LibraryEntry(ALL, soft=True),
    "toolbelt/FocalCosineLoss": LibraryEntry(MULTICLASS, pixels=True),
    "toolbelt/JaccardLoss": LibraryEntry(ALL, soft=True),
    "toolbelt/LovaszLoss": LibraryEntry(MULTICLASS, probabilities=True),
    "toolbelt/QualityFocalLoss": LibraryEntry(SIGMOID, pixels=True, soft=True),
    "toolbelt/SoftBCEWithLogitsLoss": LibraryEntry(SIGMOID, soft=True),
    "toolbelt/SoftCrossEntropyLoss": LibraryEntry(MULTICLASS),
    "toolbelt/SoftF1Loss": LibraryEntry(MULTICLASS, pixels=True),
}
"""Every loss class that the two packages export, but for those that are no losses of masks (``NO_MASK_LOSSES``)."""

NO_MASK_LOSSES = ("toolbelt/WingLoss", "toolbelt/LogCoshLoss")
"""Regression of coordinates and of values."""


def is_library(name: str) -> bool:
    """Return whether a name is meant as that of a library's loss: ``library/Class``."""
    return "/" in name


@cache
def signature(name: str) -> Mapping[str, Any]:
    """Return argument → default of the constructor of a library's loss, ``REQUIRED`` where there is no default.

    Raises:
        ValueError: the library is not installed, or its installed version has no such loss.
    """
    library, _, kind = name.partition("/")
    spec = find_spec(PACKAGES[library])  # finds the folder without importing the package
    if spec is None or spec.origin is None:
        raise ValueError(f"loss {name!r} needs the package {PACKAGES[library]}, which is not installed")
    for file in sorted((Path(spec.origin).parent / "losses").glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name == kind:
                given = next(part.args for part in node.body if getattr(part, "name", None) == "__init__")
                names = [argument.arg for argument in given.args][1:]
                defaults = [ast.literal_eval(default) for default in given.defaults]
                return dict(zip(names, [REQUIRED] * (len(names) - len(defaults)) + defaults, strict=True))
    raise ValueError(f"loss {name!r} does not exist in the installed version of {PACKAGES[library]}")


def ignore_argument(name: str, task: Task) -> str | None:
    """Return the argument of a library's loss that takes the ignore id; None if it has none that works in *task*."""
    entry = LIBRARY_LOSSES[name]
    usable = not entry.pixels and task not in entry.cannot_ignore
    return next((key for key in IGNORE_ARGUMENTS if key in signature(name)), None) if usable else None


def why_no_ignored(name: str, task: Task, arguments: Mapping[str, Any], ignore_index: int) -> str:
    """Return why a target of *task* must not have ignored pixels with this loss; an empty text if it may."""
    entry, key = LIBRARY_LOSSES[name], ignore_argument(name, task)
    for whole in entry.whole:
        if not float(arguments.get(whole, signature(name)[whole])).is_integer():
            return f"has gradients that are not numbers at ignored pixels unless loss.arguments.{whole} is whole"
    can_ignore = key is not None and arguments.get(key, ignore_index) == ignore_index
    return "" if can_ignore or entry.pixels else f"has no way to ignore pixels in a {task} task"


def own_arguments(name: str) -> dict[str, Any]:
    """Return argument → default of those that a user may choose: not ``mode``, which is the task."""
    return {key: default for key, default in signature(name).items() if key != "mode"}


def check_arguments(name: str, arguments: Mapping[str, Any]) -> None:
    """Check the *arguments* of a library's loss against its signature.

    Raises:
        ValueError: an unknown argument (the nearest and all valid ones are named), a type that does not fit the
            default, one that is required and missing, or ``from_logits`` that is not true.
    """
    valid = own_arguments(name)
    for key, value in arguments.items():
        if key == "mode" and key in signature(name):
            raise ValueError(f"loss.arguments.mode must be left out of loss {name!r}: it is the task of the data")
        if key not in valid:
            raise ValueError(
                f"loss {name!r} has no argument {key!r}: {nearest(key, valid)}valid: {', '.join(valid) or '(none)'}"
            )
        wanted = _wanted(value, valid[key])
        if wanted:
            raise ValueError(f"loss.arguments.{key} of loss {name!r} must be {wanted}, but got {value!r}")
    if arguments.get("from_logits", True) is not True:
        raise ValueError(f"loss.arguments.from_logits of loss {name!r} must be true: networks here return logits")
    required = {key for key, default in valid.items() if default is REQUIRED} | {*LIBRARY_LOSSES[name].required}
    missing = sorted(required - set(arguments))
    if missing:
        raise ValueError(f"loss {name!r} needs loss.arguments.{missing[0]}, which has no default that works")


def _wanted(value: Any, default: Any) -> str:
    """Return what a value must be in view of the default of its argument, or an empty text if it fits."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "true or false"
    if default is REQUIRED or isinstance(default, int | float):
        return "" if number else "a number"
    if isinstance(default, str):
        return "" if isinstance(value, str) else "text"
    plain = number or isinstance(value, bool | str)
    numbers = isinstance(value, list | tuple) and all(_wanted(part, 0) == "" for part in value)
    return "" if plain or numbers else "a number, text, true, false or a list of numbers"
