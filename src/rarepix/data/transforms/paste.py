"""What of other training images is put into one: when, from which image, and where.

A paste comes after the crop, unlike in the VOC imbalance study: before it, much of what is pasted would be cut away
again, and would cost as much. So a copied region keeps the size it has on disk, but for ``paste.scale``, even if the
image it comes into was resized.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
import pandas as pd

from rarepix.choices import pick
from rarepix.data.source import DataError
from rarepix.data.transforms import mixing
from rarepix.data.transforms.copypaste import Cutout, cut_out, paste_region, warp
from rarepix.data.transforms.cutouts import Cutouts
from rarepix.data.transforms.donors import donor_classes, donor_rows
from rarepix.data.transforms.outcomes import PasteOutcome
from rarepix.data.transforms.paste_locations import draw_pixels, find_place
from rarepix.data.transforms.settings import PasteConfig
from rarepix.labels import LabelSpace, Task
from rarepix.seeding import generator

FLIPPED = 0.5
"""Probability that a pasted region is mirrored."""

Read = Callable[[int], tuple[np.ndarray, np.ndarray]]
"""From a row of the training part to its image (H W 3 uint8) and mask (H W uint8)."""


class Result(NamedTuple):
    """An image and its mask after a paste, and what became of it."""

    image: np.ndarray
    mask: np.ndarray
    outcome: PasteOutcome


class Paste(Protocol):
    """Puts something of another training image into an image. The same seed gives the same result."""

    donors: pd.Series | None
    """Class → probability of being pasted, where a class is drawn; 0: chosen, but no image or no score for it."""
    whole_donors: bool
    """Whether donor images are wanted as they are shown (flipped, resized, cropped), not as they are on disk."""

    def __call__(self, image: np.ndarray, mask: np.ndarray, read: Read, seed: int) -> Result:
        """Return image and mask with something of a donor in them, or as they came; they are not changed themselves."""
        ...


class CopyPaste:
    """All pixels of one class of a donor, resized and turned, with a ring around them that is ignored."""

    whole_donors = False

    def __init__(self, parameters: dict[str, Any], counts: pd.DataFrame, labels: LabelSpace) -> None:
        self.donors = donor_classes(parameters, counts, labels)
        drawn = self.donors[self.donors > 0]
        self._rows = donor_rows(counts, drawn.index)
        self._until = drawn.to_numpy().cumsum()
        self._ids = [labels.names.index(name) for name in drawn.index]
        self._parameters, self._ignore, self._cutouts = parameters, labels.ignore, Cutouts()
        kept = {labels.names.index(name) for name in (*drawn.index, *labels.rare)}
        self._kept = _table(kept) if parameters["protect"] else None
        ground = {*range(labels.count)} if labels.background is None else {labels.background}
        ground = ground - kept if parameters["protect"] else ground
        if not ground:
            raise DataError(
                "paste.kind=copy_paste needs pixels that may be covered, but paste.protect keeps every class from it, "
                "since all are rare or donors: use paste.protect=false, or fewer donor classes (paste.donors)"
            )
        self._ground = _table(ground)

    def __call__(self, image: np.ndarray, mask: np.ndarray, read: Read, seed: int) -> Result:
        """Paste a region where at least half of it is seen."""
        random = generator(seed, "paste")
        if random.random() >= self._parameters["probability"]:
            return Result(image, mask, PasteOutcome.NOT_DRAWN)
        chosen = min(int(np.searchsorted(self._until, random.random(), side="right")), len(self._ids) - 1)
        row = int(self._rows[chosen][random.integers(len(self._rows[chosen]))])
        ground = draw_pixels(mask, self._ground, random) if self._parameters["place"] == "free" else None
        if ground is not None and not len(ground):
            return Result(image, mask, PasteOutcome.NO_BACKGROUND)
        cutout = self._draw_cutout(read, row, self._ids[chosen], random)
        if cutout is None or not cutout.region.any():
            return Result(image, mask, PasteOutcome.EMPTY_DONOR)
        kept = None if self._kept is None else cv2.LUT(mask, self._kept).view(bool)
        place = find_place(cutout, mask.shape, ground, kept, random)
        if place is None:
            return Result(image, mask, PasteOutcome.NO_ROOM)
        around = {"ring": self._parameters["ring"], "ignore": self._ignore, "protected": kept}
        image, mask, _ = paste_region(image, mask, cutout.patch, cutout.region, self._ids[chosen], *place, **around)
        return Result(image, mask, PasteOutcome.PASTED)

    def _draw_cutout(self, read: Read, row: int, number: int, random: np.random.Generator) -> Cutout | None:
        most = self._parameters["rotate"]
        how = {
            "flip": bool(random.random() < FLIPPED),
            "scale": random.uniform(*self._parameters["scale"]),
            "degrees": random.uniform(-most, most),
        }
        cutout = self._cutouts.get((row, number), lambda: cut_out(*read(row), number))
        return cutout and warp(cutout, **how)


class ClassMix:
    """Half of the classes of a donor, with all their pixels where they are."""

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
        classes = mixing.half_of_the_classes(donor[1][:rows, :columns], random, ignore=self._ignore)
        if not len(classes):
            return Result(image, mask, PasteOutcome.EMPTY_DONOR)
        return Result(*mixing.classmix((image, mask), donor, classes), PasteOutcome.PASTED)


class CutMix:
    """A rectangle of a donor, where it is."""

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
"""``paste.kind`` → what makes the paste from the kind's parameters, the counts and the classes."""

ONE_CLASS_A_PIXEL = ("copy_paste", "classmix")
"""Kinds that make pixels one class and no other."""


def build_paste(config: PasteConfig, counts: pd.DataFrame, *, labels: LabelSpace) -> Paste | None:
    """Return the paste that *config* names; None for ``none``.

    Args:
        config: which paste, with which parameters.
        counts: image × class table of pixel counts of the training part, in the order of the dataset.
        labels: the classes of the dataset.

    Raises:
        ChoiceError, DataError: the donor classes cannot be had (see ``donor_classes``), or classes overlap, and this
            paste is of one class a pixel.
    """
    if labels.task is Task.MULTILABEL and config.kind in ONE_CLASS_A_PIXEL:
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
