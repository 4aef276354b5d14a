"""What of other training images is put into one: when, from which image, and where.

A paste comes after the crop, unlike in the VOC imbalance study: before it, much of what is pasted would be cut away
again at the same cost. So a copied region keeps the size it has on disk, apart from ``paste.scale``, even if the image
that it is pasted into was resized.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple

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
from rarepix.data.transforms.crops import class_pixels, id_table
from rarepix.data.transforms.donors import donor_classes, donor_rows
from rarepix.data.transforms.settings import PasteConfig
from rarepix.labels import LabelSpace, Task, hard_mask
from rarepix.seeding import generator

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


class CopyPaste:
    """Pastes all pixels of one class of a donor, resized and rotated, with an ignored margin around them."""

    whole_donors = False
    """Whether donor images are read with their geometry augmented (flipped, resized, cropped), not as on disk."""

    def __init__(self, parameters: dict[str, Any], counts: pd.DataFrame, labels: LabelSpace) -> None:
        # class → probability of being pasted; 0: chosen, but no image or no score for it
        self.donors = donor_classes(parameters, counts, labels)
        donors = self.donors[self.donors > 0]
        self._donor_rows = donor_rows(counts, donors.index)
        self._cumulative = donors.to_numpy().cumsum()
        self._ids = [labels.names.index(name) for name in donors.index]
        self._parameters, self._ignore, self._cutouts = parameters, labels.ignore, CutoutCache()
        protected = {labels.names.index(name) for name in (*donors.index, *labels.rare)}
        self._protected = id_table(protected) if parameters["protect"] else None
        allowed = {*range(labels.count)} if labels.background is None else {labels.background}
        allowed = allowed - protected if parameters["protect"] else allowed
        if not allowed:
            raise DataError(
                "paste.kind=copy_paste needs pixels that may be covered, but paste.protect keeps every class from it, "
                "since all are rare or donors: use paste.protect=false, or fewer donor classes (paste.donors)"
            )
        self._allowed = id_table(allowed)

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
        flip, degrees = bool(random.random() < 0.5), self._parameters["rotate"]
        scale, degrees = random.uniform(*self._parameters["scale"]), random.uniform(-degrees, degrees)
        cutout = self._cutouts.get((row, number), lambda: cut_out(*read(row), number))
        return cutout and warp(cutout, flip=flip, scale=scale, degrees=degrees)


class Mix:
    """Pastes a part of a random training image, where it is: half of its classes (``classmix``), or a rectangle.

    Olsson et al. 2021: ClassMix; Yun et al. 2019: CutMix, which has the parameter ``area``.
    """

    donors = None
    whole_donors = True

    def __init__(self, parameters: dict[str, Any], counts: pd.DataFrame, labels: LabelSpace) -> None:
        self._parameters, self._images, self._labels = parameters, len(counts), labels

    def __call__(self, image: np.ndarray, mask: np.ndarray, read: Read, seed: int) -> Result:
        """Paste a part of a donor."""
        random = generator(seed, "paste")
        if random.random() >= self._parameters["probability"]:
            return Result(image, mask, PasteOutcome.NOT_DRAWN)
        target, donor = (image, mask), read(int(random.integers(self._images)))
        rows, columns = mixing.common_shape(target, donor)
        if "area" in self._parameters:
            rectangle = mixing.draw_rectangle((rows, columns), self._parameters["area"], random)
            return Result(*mixing.cutmix(target, donor, rectangle), PasteOutcome.PASTED)
        ids = hard_mask(donor[1][:rows, :columns], self._labels)
        classes = mixing.draw_half_of_classes(ids, random, ignore=self._labels.ignore)
        if not len(classes):
            return Result(image, mask, PasteOutcome.EMPTY_DONOR)
        return Result(*mixing.classmix(target, donor, class_pixels(ids, classes)), PasteOutcome.PASTED)


Paste = CopyPaste | Mix
"""Returns copies of image and mask with something of another training image in them, or image and mask themselves.

The same seed gives the same result. ``donors`` has the probability of each class to be pasted, where a class is drawn.
"""

PASTES: dict[str, Callable[[dict[str, Any], pd.DataFrame, LabelSpace], Paste | None]] = {
    "none": lambda parameters, counts, labels: None,
    "copy_paste": CopyPaste,
    "classmix": Mix,
    "cutmix": Mix,
}
"""``paste.kind`` → builds the paste from the kind's parameters, the counts and the classes."""


def build_paste(config: PasteConfig, counts: pd.DataFrame, *, labels: LabelSpace) -> Paste | None:
    """Return the paste that *config* names; None for ``none``.

    *counts* is the image × class table of pixel counts of the training part, in the order of the dataset.

    Raises:
        ChoiceError, DataError: the donor classes cannot be used (see ``donor_classes``), or classes overlap or masks
            are soft, and this paste needs one class a pixel.
    """
    if labels.task is Task.MULTILABEL and config.kind in ("copy_paste", "classmix"):
        raise DataError(
            f"paste.kind={config.kind} needs one class a pixel, but the dataset is multilabel: use paste.kind=cutmix "
            f"or none, or merge the classes into one (data.merge=true, of the source lesions)"
        )
    if labels.is_soft and config.kind == "copy_paste":
        raise DataError(
            "paste.kind=copy_paste pastes pixels that are a class or not, but the masks of the dataset are soft: use "
            "paste.kind=classmix or cutmix, which copy shares, or none"
        )
    return pick(PASTES, config.kind, "paste.kind")(config.parameters(), counts, labels)
