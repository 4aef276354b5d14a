"""Images and masks from their files."""

from pathlib import Path

import numpy as np
from PIL import Image

from rarepix.data.inventory.headers import quick_size
from rarepix.data.inventory.raw import both_ends
from rarepix.data.source import DataError

UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises for a file that is no whole image."""
MASK_MODES = ("P", "L", "1")
BEGINNING, ENDING = 2048, 1024
ENDS = (b"\xff\xd9", b"IEND")
"""What the last bytes of a whole JPEG or PNG file hold: a cheap sign, decoding every image would take far longer."""


def read_image(path: Path) -> np.ndarray:
    """Return an image as H W 3 uint8.

    Raises:
        DataError: the file is not a whole image.
    """
    try:
        with Image.open(path) as file:
            return np.array(file.convert("RGB"))
    except UNREADABLE as error:
        raise unreadable(path, "image", error) from error


def read_mask(path: Path) -> np.ndarray:
    """Return the ids of a mask as H W uint8 (for a palette file the indices, not the colours).

    Raises:
        DataError: the file is not a whole 8-bit palette or grey image.
    """
    try:
        with Image.open(path) as file:
            mode, ids = file.mode, np.array(file)
    except UNREADABLE as error:
        raise unreadable(path, "mask", error) from error
    check_mode(path, mode)
    return ids.astype(np.uint8)


def check_mode(path: Path, mode: str) -> None:
    """Raise ``DataError`` if a mask of this Pillow *mode* does not hold class ids."""
    if mode not in MASK_MODES:
        raise DataError(f"{path} must be an 8-bit palette or grey image of class ids, but has mode {mode!r}")


def unreadable(path: Path, what: str, error: Exception) -> DataError:
    """Return what is to be raised for a file that Pillow could not read."""
    return DataError(f"{path} must be a readable {what}, but: {error}: repair it, or take it out of the list")


def image_size(path: Path) -> tuple[int, int]:
    """Return width and height of an image from its header; an image whose end looks cut off is decoded to be sure.

    Raises:
        DataError: the file is not a whole image.
    """
    try:
        beginning, ending = both_ends(path, BEGINNING, ENDING)
        size = quick_size(beginning)
        if size and any(end in ending for end in ENDS):
            return size
        with Image.open(path) as image:
            if image.format not in ("JPEG", "PNG") or any(end in ending for end in ENDS):
                return image.size
    except UNREADABLE as error:
        raise unreadable(path, "image", error) from error
    return read_image(path).shape[1::-1]
