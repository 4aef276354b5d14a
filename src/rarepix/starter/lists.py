"""Which lists of a dataset train, validate and test."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from rarepix.data.source import DataError, FaultyList, Source

NAMES = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "tst"),
}
"""Part → what its list is called, in any case; a year may follow, as in ``train2017``."""
ALL = "all"
FOLDS = 5
LEAST_TO_SPLIT = 3
"""Images, and folds: a network is trained on two images at least."""


class Lists(NamedTuple):
    """The lists that a recipe names."""

    train: str
    val: str | None
    """None: folds of the training list validate."""
    test: str | None
    notes: tuple[str, ...] = ()
    """What is worth telling about the choice."""

    @property
    def names(self) -> tuple[str, ...]:
        """The lists that are used."""
        return tuple(name for name in (self.train, self.val, self.test) if name is not None)


def choose_lists(source: Source) -> Lists:
    """Return the lists to train, validate and test on: those that are called so, without images of one another.

    Raises:
        DataError: there is no list, or it is not clear which one is to be trained on.
    """
    names = source.lists()
    of_part = {part: _called(names, called) for part, called in NAMES.items()}
    train = of_part["train"] or (ALL if ALL in names else None) or (names[0] if len(names) == 1 else None)
    if train is None:
        listed = ", ".join(names) or "none"
        raise DataError(
            f"{source.root} must have a list called train, or one list of all images, but has {listed}: "
            f"rename the list of the images to train on"
        )
    used, notes = {train: _ids(source, train)}, []
    chosen = {}
    for part in ("val", "test"):
        name = of_part[part]
        ids = _ids(source, name) if name else set()
        shared = next((other for other, taken in used.items() if taken & ids), None)
        if shared:
            notes.append(f"the list {name} shares images with {shared} and is not used")
        if name and not shared:
            chosen[part] = name
            used[name] = ids
    unused = sorted(set(names) - {train, *chosen.values(), ALL})
    if unused:
        notes.append(f"further lists, for rarepix test --list: {', '.join(unused)}")
    return Lists(train, chosen.get("val"), chosen.get("test"), tuple(notes))


def fold_count(images: int, where: str) -> int:
    """Return into how many folds a list of *images* images is cut; *where* it is, for the message.

    Raises:
        DataError: there are too few images.
    """
    if images < LEAST_TO_SPLIT:
        raise DataError(
            f"{where} must hold at least {LEAST_TO_SPLIT} images, of which two train and one validates, but holds "
            f"{images}: add images, or lists called train and val"
        )
    return min(FOLDS, max(LEAST_TO_SPLIT, images // 2))


def _called(names: Sequence[str], called: Sequence[str]) -> str | None:
    """Return the first of the lists that has one of the names *called*."""
    matching = [name for name in names if re.sub(r"[\W_]*\d*$", "", name.lower()) in called]
    return min(matching, key=lambda name: (len(name), name), default=None)


def _ids(source: Source, name: str) -> set[str]:
    try:
        return {item.id for item in source.items(name)}
    except FaultyList as error:  # the inspection reports what is wrong
        return {item.id for item in error.items}
