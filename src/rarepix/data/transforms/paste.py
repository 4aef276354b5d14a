"""What of other training images is put into one: when, from which image, and where.

A paste comes after the crop, unlike in the VOC imbalance study: before it, much of what is pasted would be cut away
again at the same cost. So a copied region keeps the size it has on disk, apart from ``paste.scale``, even if the image
that it is pasted into was resized.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
import pandas as pd

from rarepix.choices import pick
from rarepix.data.source import DataError
from rarepix.data.transforms import mixing
from rarepix.data.transforms.copypaste import (
    Cutout,
    CutoutCache,
    cut_out,
    find_location,
    paste_region,
    sample_allowed_pixels,
    warp,
)
from rarepix.data.transforms.donors import donor_classes, donor_rows
from rarepix.data.transforms.settings import PasteConfig
from rarepix.labels import LabelSpace, Task
from rarepix.seeding import generator

FLIP_PROBABILITY = 0.5
"""Probability that a pasted region is mirrored."""

Read = Callable[[int], tuple[np.ndarray, np.ndarray]]
"""From a row of the training part to its image (H W 3 uint8) and mask (H W uint8)."""


class PasteOutcome(IntEnum):
    """What happened to one training image that something could be pasted into; the record counts each by its name."""

    NOT_DRAWN = 0
    """Unchanged: the probability did not choose it."""
    PASTED = 1
    """Contains pixels of a donor image."""
    NO_BACKGROUND = 2
    """Unchanged: it has no allowed pixel (all are objects, ignored or protected)."""
    NO_ROOM = 3
    """Unchanged: at none of the tried locations half of the region would be visible."""
    EMPTY_DONOR = 4
    """Unchanged: nothing is labelled in the donor's window, or the region vanished when it was made smaller."""


class Result(NamedTuple):
    """An image and its mask after a paste, and what became of it."""

    image: np.ndarray
    mask: np.ndarray
    outcome: PasteOutcome


class Paste(Protocol):
    """Pastes something of another training image into an image. The same seed gives the same result."""

    donors: pd.Series | None
    """Class → probability of being pasted, where a class is drawn; 0: chosen, but no image or no score for it."""
    whole_donors: bool
    """Whether donor images are read with their geometry augmented (flipped, resized, cropped), not as on disk."""

    def __call__(self, image: np.ndarray, mask: np.ndarray, read: Read, seed: int) -> Result:
        """Return copies of image and mask with something of a donor in them, or image and mask themselves."""
        ...


class CopyPaste:
    """Pastes all pixels of one class of a donor, resized and rotated, with an ignored margin around them."""

    whole_donors = False

    def __init__(self, parameters: dict[str, Any], counts: pd.DataFrame, labels: LabelSpace) -> None:
        self.donors = donor_classes(parameters, counts, labels)
        donors = self.donors[self.donors > 0]
        self._donor_rows = donor_rows(counts, donors.index)
        self._cumulative = donors.to_numpy().cumsum()
        self._ids = [labels.names.index(name) for name in donors.index]
        self._parameters, self._ignore, self._cutouts = parameters, labels.ignore, CutoutCache()
        protected = {labels.names.index(name) for name in (*donors.index, *labels.rare)}
        self._protected = _table(protected) if parameters["protect"] else None
        allowed = {*range(labels.count)} if labels.background is None else {labels.background}
        allowed = allowed - protected if parameters["protect"] else allowed
        if not allowed:
            raise DataError(
                "paste.kind=copy_paste needs pixels that may be covered, but paste.protect keeps every class from it, "
                "since all are rare or donors: use paste.protect=false, or fewer donor classes (paste.donors)"
            )
        self._allowed = _table(allowed)

    def __call__(self, image: np.ndarray, mask: np.ndarray, read: Read, seed: int) -> Result:
        """Paste a region where at least half of it is visible."""
        random = generator(seed, "paste")
        if random.random() >= self._parameters["probability"]:
            return Result(image, mask, PasteOutcome.NOT_DRAWN)
        donor = min(int(np.searchsorted(self._cumulative, random.random(), side="right")), len(self._ids) - 1)
        number, rows = self._ids[donor], self._donor_rows[donor]
        row = int(rows[random.integers(len(rows))])
        pixels = sample_allowed_pixels(mask, self._allowed, random) if self._parameters["place"] == "free" else None
        if pixels is not None and not len(pixels):
            return Result(image, mask, PasteOutcome.NO_BACKGROUND)
        cutout = self._draw_cutout(read, row, number, random)
        if cutout is None or not cutout.region.any():
            return Result(image, mask, PasteOutcome.EMPTY_DONOR)
        protected = None if self._protected is None else cv2.LUT(mask, self._protected).view(bool)
        location = find_location(cutout, mask.shape, pixels, protected, random)
        if location is None:
            return Result(image, mask, PasteOutcome.NO_ROOM)
        margin = {"ignore_margin": self._parameters["ring"], "ignore": self._ignore, "protected": protected}
        image, mask, _ = paste_region(image, mask, cutout.patch, cutout.region, number, *location, **margin)
        return Result(image, mask, PasteOutcome.PASTED)

    def _draw_cutout(self, read: Read, row: int, number: int, random: np.random.Generator) -> Cutout | None:
        degrees = self._parameters["rotate"]
        parameters = {
            "flip": bool(random.random() < FLIP_PROBABILITY),
            "scale": random.uniform(*self._parameters["scale"]),
            "degrees": random.uniform(-degrees, degrees),
        }
        cutout = self._cutouts.get((row, number), lambda: cut_out(*read(row), number))
        return cutout and warp(cutout, **parameters)


class ClassMix:
    """Pastes half of the classes of a donor, with all their pixels where they are (Olsson et al. 2021)."""

    donors = None
    whole_donors = True

    def __init__(self, parameters: dict[str, Any], counts: pd.DataFrame, labels: LabelSpace) -> None:
        self._probability, self._images, self._ignore = parameters["probability"], len(counts), labels.ignore

    def __call__(self, image: np.ndarray, mask: np.ndarray, read: Read, seed: int) -> Result:
        """Paste half of the classes of a donor that is drawn from all training images."""
        random = generator(seed, "paste")
        if random.random() >= self._probability:
            return Result(image, mask, PasteOutcome.NOT_DRAWN)
        donor = read(int(random.integers(self._images)))
        rows, columns = mixing.common_shape((image, mask), donor)
        classes = mixing.draw_half_of_classes(donor[1][:rows, :columns], random, ignore=self._ignore)
        if not len(classes):
            return Result(image, mask, PasteOutcome.EMPTY_DONOR)
        return Result(*mixing.classmix((image, mask), donor, classes), PasteOutcome.PASTED)


class CutMix:
    """Pastes a rectangle of a donor, where it is (Yun et al. 2019)."""

    donors = None
    whole_donors = True

    def __init__(self, parameters: dict[str, Any], counts: pd.DataFrame, labels: LabelSpace) -> None:
        self._probability, self._area, self._images = parameters["probability"], parameters["area"], len(counts)

    def __call__(self, image: np.ndarray, mask: np.ndarray, read: Read, seed: int) -> Result:
        """Paste a rectangle of a donor that is drawn from all training images."""
        random = generator(seed, "paste")
        if random.random() >= self._probability:
            return Result(image, mask, PasteOutcome.NOT_DRAWN)
        donor = read(int(random.integers(self._images)))
        rectangle = mixing.draw_rectangle(mixing.common_shape((image, mask), donor), self._area, random)
        return Result(*mixing.cutmix((image, mask), donor, rectangle), PasteOutcome.PASTED)


PASTES: dict[str, Callable[[dict[str, Any], pd.DataFrame, LabelSpace], Paste | None]] = {
    "none": lambda parameters, counts, labels: None,
    "copy_paste": CopyPaste,
    "classmix": ClassMix,
    "cutmix": CutMix,
}
"""``paste.kind`` → builds the paste from the kind's parameters, the counts and the classes."""

ONE_CLASS_PER_PIXEL = ("copy_paste", "classmix")
"""Kinds that set pixels to exactly one class."""


def build_paste(config: PasteConfig, counts: pd.DataFrame, *, labels: LabelSpace) -> Paste | None:
    """Return the paste that *config* names; None for ``none``.

    Args:
        config: which paste, with which parameters.
        counts: image × class table of pixel counts of the training part, in the order of the dataset.
        labels: the classes of the dataset.

    Raises:
        ChoiceError, DataError: the donor classes cannot be used (see ``donor_classes``), or classes overlap, and this
            paste needs one class a pixel.
    """
    if labels.task is Task.MULTILABEL and config.kind in ONE_CLASS_PER_PIXEL:
        raise DataError(
            f"paste.kind={config.kind} needs one class a pixel, but the dataset is multilabel: use paste.kind=cutmix "
            f"or none, or merge the classes into one (data.merge=true, of the source lesions)"
        )
    return pick(PASTES, config.kind, "paste.kind")(config.parameters(), counts, labels)


def _table(numbers: set[int]) -> np.ndarray:
    """Return id → 1 for *numbers*, else 0, for ``cv2.LUT``."""
    table = np.zeros(256, np.uint8)
    table[list(numbers)] = 1
    return table
