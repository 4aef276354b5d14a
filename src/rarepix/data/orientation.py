"""The EXIF orientation of images: how their stored pixels are turned and mirrored to stand upright.

Source: EXIF 2.32, tag 274 (0x0112), values 1 to 8.
"""

import struct
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image

SWAPS_SIDES = (5, 6, 7, 8)
"""Orientations by which rows become columns."""
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}
"""Orientation → the pixels (H W or H W C) as they are meant to be seen; any other value: as they are stored."""
PNG_CHUNKS = (b"eXIf", b"iTXt", b"tEXt", b"zTXt")
"""Chunks of a PNG file that can hold an orientation."""


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return pixels H W or H W C, stored in an EXIF *orientation*, as they are meant to be seen."""
    return np.ascontiguousarray(UPRIGHT[orientation](pixels)) if orientation in UPRIGHT else pixels


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation of an open image; 1 if it names none, or one that cannot be read.

    It is 1 for TIFF, too: Pillow turns its pixels, and says the size after that. Of a PNG the pixels are decoded, since
    EXIF may follow them.
    """
    if image.format == "TIFF":
        return 1
    if image.format == "PNG":
        image.load()  # an incomplete file is an error of its pixels, not of its EXIF
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error):  # damaged EXIF: viewers ignore it
        return 1


def upright_size(image: Image.Image, orientation: int) -> tuple[int, int]:
    """Return width and height of an image in *orientation* as it is meant to be seen."""
    return image.size[::-1] if orientation in SWAPS_SIDES else image.size


def may_be_turned(image: Image.Image, file: BinaryIO) -> bool:
    """Return whether an image, opened from *file*, may have an orientation; of a PNG without decoding its pixels."""
    if image.format != "PNG":
        return True
    length = file.seek(0, 2)
    at = 8  # after the signature
    while at + 8 <= length:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        if kind in PNG_CHUNKS and (kind == b"eXIf" or _names_metadata(file.read(min(size, 32)))):
            return True
        at += size + 12
    return False


def _names_metadata(text: bytes) -> bool:
    """Return whether a text chunk that begins with *text* holds EXIF or XMP."""
    return b"exif" in text.lower() or b"xmp" in text.lower()
