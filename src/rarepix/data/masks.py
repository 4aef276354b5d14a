"""The kinds of masks: one file of class ids, or a grey file for each class."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION

from rarepix.data.images import image_size, reading
from rarepix.data.orientation import orientation_of, upright, upright_size
from rarepix.data.source import Colour, DataError, Item, Mask, MaskCounts, Size, first_of
from rarepix.files import sha256
from rarepix.labels import SOFT_SCALE, LabelSpace, is_on

COLOUR_MODES = ("RGB", "RGBA")
FULL_SCALE = 255
WHITE_IS_ZERO = 0
"""Photometric interpretation of a TIFF."""
SHARES = np.rint(np.arange(256) * SOFT_SCALE / 255).astype(np.uint8)
"""Grey value g → the value in a soft mask of its share g / 255."""


def read_mask(item: Item) -> np.ndarray:
    """Return the mask of *item*, see ``Mask.read``; its image must be readable, too."""
    return item.mask.read(image_size(item.image, item.bands)[::-1])


@dataclass(frozen=True)
class IdMask(Mask):
    """A mask in one image, grey or with a palette, whose samples are the ids (the indices, not the colours)."""

    path: Path
    full_scale: bool = False
    """255 is class 1, as masks of two classes are often saved; else it is an id like any other."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    def read(self, size: Size | None = None) -> np.ndarray:
        """Return the ids, H W uint8."""
        with reading(self.path, "mask"), Image.open(self.path) as mask:
            step = self._step_between_ids(mask)
            ids = upright(np.array(mask).astype(np.uint8), orientation_of(mask)) // step
        return np.where(ids == FULL_SCALE, np.uint8(1), ids) if self.full_scale else ids

    def fingerprint(self) -> str:
        """Return the hash of the file, and how it is read."""
        return f"{sha256(self.path)}{' 255 is 1' if self.full_scale else ''}"

    def count(self, labels: LabelSpace, size: Size | None = None) -> MaskCounts:
        """Return the pixels of each class from Pillow's histogram, which is faster than an array of the ids."""
        with reading(self.path, "mask", FileNotFoundError), Image.open(self.path) as mask:
            step = self._step_between_ids(mask)
            ids = mask.histogram()
            if mask.mode == "1":  # Pillow stores True as 255
                ids[1], ids[255] = ids[255], 0
            size = upright_size(mask, orientation_of(mask))
        ids = [*ids[::step], *[0] * 256][:256]
        if self.full_scale:
            ids[1], ids[FULL_SCALE] = ids[1] + ids[FULL_SCALE], 0
        unknown = (number for number in range(labels.count, len(ids)) if ids[number] and number != labels.ignore)
        return MaskCounts(ids[: labels.count], ids[labels.ignore], size[::-1], tuple(unknown))

    def palette(self) -> dict[int, Colour]:
        """Return id → colour from the header of the file; empty if it has no palette or cannot be read."""
        try:
            with reading(self.path, "mask"), Image.open(self.path) as mask:
                values = mask.getpalette("RGB") if mask.mode == "P" else None
        except DataError:
            return {}
        colours = dict(enumerate(zip(*[iter(values or [])] * 3, strict=True)))
        return colours | ({1: colours[FULL_SCALE]} if self.full_scale and FULL_SCALE in colours else {})

    def _step_between_ids(self, mask: Image.Image) -> int:
        """Return by how much Pillow's grey values of two successive ids differ: it scales 2 and 4 bits up to 255.

        To be called before the pixels are decoded.

        Raises:
            DataError: the pixels are no ids, or white in it is 0.
        """
        if mask.mode not in ("P", "L", "1"):
            raise DataError(
                f"{self.path} must be an 8-bit palette or grey image of class ids, but has mode {mask.mode!r}: "
                f"save the ids themselves as its pixels, 8 bits each, not their colours"
            )
        if mask.format == "TIFF" and mask.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO:
            raise DataError(
                f"{self.path} must store ids in which 0 is black, but is a TIFF in which 0 is white, so that an id may "
                f"mean itself or 255 minus itself: save it with black as 0 (photometric interpretation 1), or as PNG"
            )
        if mask.mode != "L":
            return 1
        bits = int(mask.tag_v2[BITSPERSAMPLE][0]) if mask.format == "TIFF" else 8
        if mask.format == "PNG":
            bits = {"L;2": 2, "L;4": 4}.get(mask.tile[0][3], 8)
        return 255 // (2**bits - 1)


@dataclass(frozen=True)
class LayerMask(Mask):
    """A mask in several files, one grey image for each class."""

    layers: tuple[Path | None, ...]
    """In the order of the classes; None: the image does not contain the class."""
    threshold: int = 0
    """A pixel belongs to the class where its grey value is above this."""
    merge: bool = False
    """All classes are one: the mask is H W, with 1 where any class is; soft: the greatest share of any class."""
    soft: bool = False
    """A grey value g is the share g / 255 of the class, and *threshold* has no meaning."""
    customary: bool = False
    """The threshold is a custom of the layout: in a file of two values, neither above it, the class is the greater."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the classes that the image contains."""
        return tuple(path for path in self.layers if path is not None)

    def read(self, size: Size) -> np.ndarray:
        """Return H W C of 0 and 1, or H W where classes are merged; where no class has a file an empty mask of *size*.

        Raises:
            FileNotFoundError: a file is missing.
            DataError: a file is no complete grey image, or has another size than the first.
        """
        layers = dict(self._read_layers())
        empty = np.zeros(next(iter(layers.values())).shape if layers else size, np.uint8)
        if self.merge:
            return np.maximum.reduce([*layers.values()] or [empty])
        return np.stack([layers.get(number, empty) for number in range(len(self.layers))], axis=2)

    def fingerprint(self) -> str:
        """Return the hash of every file, and how they are read."""
        digests = [path and sha256(path) for path in self.layers]
        soft = " soft" if self.soft else ""
        customary = " customary" if self.customary else ""
        return f"{digests} threshold {self.threshold}{' binarized' if self.merge else ''}{soft}{customary}"

    def count(self, labels: LabelSpace, size: Size | None) -> MaskCounts | None:
        """Return the pixels of each class; ignored ones cannot occur."""
        layers = {n: is_on(layer, labels) if self.soft else layer.view(bool) for n, layer in self._read_layers()}
        size = next(iter(layers.values())).shape if layers else size
        if size is None:
            return None
        if self.merge:
            foreground = int(np.count_nonzero(np.logical_or.reduce([*layers.values()]))) if layers else 0
            return MaskCounts([size[0] * size[1] - foreground, foreground], 0, size)
        return MaskCounts([int(np.count_nonzero(layers.get(n, 0))) for n in range(len(self.layers))], 0, size)

    def _read_layers(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number of every class that has a file, and its layer of the mask (H W uint8)."""
        first: tuple[Path, tuple[int, ...]] | None = None
        for number, path in enumerate(self.layers):
            if path is None:
                continue
            grey = self._read_grey(path)
            threshold = self._threshold_of(path, grey)
            layer = SHARES[grey] if self.soft else (grey > threshold).view(np.uint8)
            first = first or (path, layer.shape)
            if layer.shape != first[1]:
                sizes = [f"{file} has {columns}×{rows}" for file, (rows, columns) in ((path, layer.shape), first)]
                raise DataError(
                    f"the masks of one image must have one size, but {' and '.join(sizes)}: put those of one image "
                    f"together"
                )
            yield number, layer

    def _threshold_of(self, path: Path, grey: np.ndarray) -> int:
        """Return the value above which the class is in a file.

        Raises:
            DataError: it holds only 0 and 1, which no threshold and no share of 255 fits, or a custom does not fit it.
        """
        greatest = int(grey.max(initial=0))
        if not 0 < greatest <= (1 if self.soft else self.threshold):
            return self.threshold
        values = np.unique(grey).tolist()
        if self.customary and {*values} <= {0, greatest}:
            return 0
        if greatest > 1 and not self.customary:  # the dataset says that these do not count
            return self.threshold
        meaning = "shares of 255" if self.soft else f"values above {self.threshold} where the class is"
        remedy = "" if self.customary else ', or correct "above" and "soft" in dataset.json'
        raise DataError(
            f"{path} must hold {meaning}, but holds only {first_of(values, 5)}: save the class as 255{remedy}, or make "
            f"the mask all 0 if the image has none of it"
        )

    def _read_grey(self, path: Path) -> np.ndarray:
        """Return the grey values of a file as H W uint8; of a palette file the indices, where only 0 is no class."""
        with reading(path, "mask", FileNotFoundError), Image.open(path) as file:
            mode, pixels = file.mode, np.array(file.convert("L") if file.mode == "1" else file)
            pixels = upright(pixels, orientation_of(file))
        if mode in COLOUR_MODES and (pixels[..., :3] == pixels[..., :1]).all():
            return np.ascontiguousarray(pixels[..., 0])
        if mode in ("L", "1") or (mode == "P" and self.threshold == 0 and not self.soft):
            return pixels
        meaning = "whose values are shares, 255 the whole pixel"
        if not self.soft:
            meaning = f"in which a class is where the value is above {self.threshold}"
        raise DataError(
            f"{path} must be an 8-bit grey image, {meaning}, but has mode "
            f"{mode!r}{' with colours' if mode in COLOUR_MODES else ''}: save its grey values, 8 bits each"
        )
