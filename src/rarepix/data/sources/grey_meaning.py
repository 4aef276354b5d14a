"""What the values in masks stand for: by dataset.json and the recipe, else by the values themselves."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rarepix.data.grey_masks import UNKNOWN, grey_values
from rarepix.data.source import DataError, first_of
from rarepix.data.sources.description import Description, label_space
from rarepix.data.sources.found_ids import found_values, full_scale_masks, full_scale_note
from rarepix.labels import IGNORE, LabelSpace, Task

DESCRIPTION = "dataset.json"
LOSSY_THRESHOLD = 127
MOST_IDS = 64
"""Ids up to this are taken for classes in a row; values above it are grey values that must be named."""
BINARY = LabelSpace(names=("background", "object"), background=0, rare=("object",), task=Task.BINARY)


class Stated(NamedTuple):
    """What is known before the masks are read."""

    values: tuple[int, ...]
    """The grey value of every class, as the recipe says; () if it says nothing."""
    zero_is_ignore: bool
    is_lossy: bool
    """Whether masks are JPEG."""


class Meaning(NamedTuple):
    """What the values of the masks stand for."""

    labels: LabelSpace
    table: tuple[int, ...] | None
    """See ``GreyMask``; None: values are ids."""
    told: str = ""
    """What was assumed."""


def described(description: Description, file: Path, masks: Sequence[Path], stated: Stated) -> Meaning:
    """Return what ``dataset.json`` and the recipe say; 255 may be the second of two classes."""
    labels = _described_labels(description, file, stated)
    if stated.zero_is_ignore:
        return Meaning(labels, _shifted(labels.ignore))
    if stated.values or stated.is_lossy:
        return Meaning(labels, _value_table(stated.values or (0, IGNORE), labels.ignore))
    if labels.count > 2 or description.ignore_index is not None:
        return Meaning(labels, None)
    full_scale = full_scale_masks(masks)
    if not full_scale:
        return Meaning(labels, None)
    told = full_scale_note(full_scale, masks, file, labels.names[1])
    return Meaning(labels, _full_scale_table(), told)


def found(where: Path, masks: Sequence[Path], stated: Stated) -> Meaning:
    """Return what the values that the masks hold are taken for, where *where*, ``dataset.json``, is not there."""
    if stated.is_lossy:
        told = f"masks are JPEG: values above {LOSSY_THRESHOLD} are taken for the object, others for background"
        return Meaning(BINARY, _value_table((0, IGNORE)), f"{where} is not there, and {told}")
    if stated.values:
        names = tuple(f"class {value}" if value else "background" for value in stated.values)
        return Meaning(_numbered(names), _value_table(stated.values), _told(where, names))
    values_of = found_values(masks)
    values = sorted(set().union(*values_of.values()))
    full_scale = full_scale_masks(masks) if {*values} <= {0, 1, IGNORE} and not stated.zero_is_ignore else ()
    if full_scale:
        told = full_scale_note(full_scale, masks, where, BINARY.names[1])
        return Meaning(BINARY, _full_scale_table(), f"{where} is not there: {told}")
    ids = [value for value in values if value != IGNORE]
    if not values_of and masks:
        grey_values(masks[0])  # says why it cannot be read
    if not any(ids):
        raise DataError(
            f"masks in {where.parent} must hold classes, but hold nothing but {values or 'unreadable files'}: name the "
            f"folder of the masks (data.masks), or write {where} with the classes"
        )
    if max(ids) > MOST_IDS:
        raise DataError(
            f"masks in {where.parent} must hold class ids from 0 on, but hold {first_of(values, 20)}: name the value "
            f"of every class in their order (data.values: {ids}), or save ids"
        )
    first = 1 if stated.zero_is_ignore else 0
    names = tuple(f"class {value}" if value else "background" for value in range(first, max(ids) + 1))
    return Meaning(_numbered(names), _shifted() if first else None, _told(where, names))


def _described_labels(description: Description, file: Path, stated: Stated) -> LabelSpace:
    """Return the classes of ``dataset.json``. Raises ``DataError`` if masks of one file an image cannot hold them."""
    if description.task is Task.MULTILABEL or description.soft:
        raise DataError(
            f"{file}: masks of one file an image hold ids, so task must be multiclass or binary and soft false: with a "
            f"mask for each class use the source lesions"
        )
    labels = label_space(description, file)
    if stated.values and len(stated.values) != labels.count:
        raise DataError(
            f"data.values must have the value of each of the {labels.count} classes of {file}, but has "
            f"{len(stated.values)}"
        )
    return labels


def _numbered(names: tuple[str, ...]) -> LabelSpace:
    """Return classes in a row; two of them, with a background, are a binary task."""
    if names[0] == "background" and len(names) == 2:
        return BINARY
    return LabelSpace(names=names, background=0 if names[0] == "background" else None)


def _told(where: Path, names: tuple[str, ...]) -> str:
    quoted = ", ".join(f'"{name}"' for name in names[:3])
    return (
        f"{where} is not there: the values in the masks are taken for {len(names)} classes called by their numbers, "
        f'255 for ignored; name them in it, such as {{"classes": [{quoted}{", …" if len(names) > 3 else ""}]}}'
    )


def _value_table(values: tuple[int, ...], ignore: int = IGNORE) -> tuple[int, ...]:
    """Return the table in which *values* are the classes in their order."""
    table = [UNKNOWN] * 256
    table[IGNORE] = ignore
    for number, value in enumerate(values):
        table[value] = number
    return tuple(table)


def _full_scale_table() -> tuple[int, ...]:
    """Return the table in which 1 and 255 are the second of two classes."""
    table = [*_value_table((0, 1))]
    table[IGNORE] = 1
    return tuple(table)


def _shifted(ignore: int = IGNORE) -> tuple[int, ...]:
    """Return the table in which 0 is ignored and every id is one less."""
    return (ignore, *range(254), ignore)
