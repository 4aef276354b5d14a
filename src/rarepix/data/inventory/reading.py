"""Images and masks from their files."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from rarepix.data.inventory.headers import JPEG, PNG, quick_size
from rarepix.data.inventory.raw import both_ends
from rarepix.data.source import DataError

UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises for a file that is no whole image."""
MASK_MODES = ("P", "L", "1")
DEEP_MODES = ("I", "F")
BEGINNING, ENDING = 2048, 1024
ENDS = {JPEG: b"\xff\xd9", PNG: b"IEND"}
"""How a file begins → what its last bytes hold if it is whole: a cheap sign, decoding every image takes far longer."""


def read_image(path: Path) -> np.ndarray:
    """Return an image as H W 3 uint8.

    Raises:
        DataError: the file is not a whole image.
    """
    try:
        with Image.open(path) as file:
            if file.mode.partition(";")[0] in DEEP_MODES:  # Pillow would cut them off at 255 without a word
                raise DataError(
                    f"{path} must have 8 bits a channel, but has mode {file.mode!r}: "
                    f"scale its values to 0 to 255 and save them as 8 bits"
                )
            return np.array(file.convert("RGB"))
    except DataError:
        raise
    except UNREADABLE as error:
        raise unreadable(path, "image", error) from error


def read_ids(path: Path) -> np.ndarray:
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
        raise DataError(
            f"{path} must be an 8-bit palette or grey image of class ids, but has mode {mode!r}: "
            f"save the ids themselves as its pixels, 8 bits each, not their colours"
        )


def unreadable(path: Path, what: str, error: Exception) -> DataError:
    """Return what is to be raised for a file that Pillow could not read."""
    # Pillow's own words name the file as it was opened, which may be some bytes in memory
    words = "cannot identify image file" if isinstance(error, UnidentifiedImageError) else error
    return DataError(f"{path} must be a readable {what}, but: {words}: repair it, or take it out of the list")


def image_size(path: Path) -> tuple[int, int]:
    """Return width and height of an image from its header; an image whose end looks cut off is decoded to be sure.

    Raises:
        DataError: the file is not a whole image.
    """
    try:
        beginning, ending = both_ends(path, BEGINNING, ENDING)
        if all(sign in ending for begins, sign in ENDS.items() if beginning.startswith(begins)):
            return quick_size(beginning) or _asked_size(path)
    except UNREADABLE as error:
        raise unreadable(path, "image", error) from error
    return read_image(path).shape[1::-1]


def _asked_size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size
