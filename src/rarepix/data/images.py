"""Images from their files, always as 8-bit RGB."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from rarepix.data.source import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
TAIL_BYTES = 1024
END_MARKERS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND"}
"""Pillow's name of a format → what the last bytes of a complete file contain."""


def read_image(path: Path) -> np.ndarray:
    """Return an image as H W 3 uint8.

    Raises:
        DataError: the file is not a complete image, or has more than 8 bits a channel.
    """
    with reading(path, "image"), Image.open(path) as file:
        if file.mode.partition(";")[0] in ("I", "F"):  # Pillow would clip them at 255 without a warning
            raise DataError(
                f"{path} must have 8 bits a channel, but has mode {file.mode!r}: "
                f"scale its values to 0 to 255 and save them as 8 bits"
            )
        return np.array(file.convert("RGB"))


def image_size(path: Path) -> tuple[int, int]:
    """Return width and height of an image from its header.

    Decoding every image of a dataset takes far longer than reading its header, so an image is decoded only where the
    end marker of its format is missing, as it is in a file that was cut off.

    Raises:
        DataError: the file is not a complete image.
    """
    with reading(path, "image"), path.open("rb") as file:
        with Image.open(file) as image:
            size, end_marker = image.size, END_MARKERS.get(image.format or "", b"")
        file.seek(-min(TAIL_BYTES, file.seek(0, os.SEEK_END)), os.SEEK_END)
        if end_marker in file.read():
            return size
    return read_image(path).shape[1::-1]


@contextmanager
def reading(path: Path, what: str, *passing: type[Exception]) -> Iterator[None]:
    """Turn what Pillow raises for a file that is no complete image into a ``DataError``; errors of *passing* pass."""
    try:
        yield
    except (DataError, *passing):
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        # Pillow's message names the file as it was opened, which may be an object in memory
        reason = "cannot identify image file" if isinstance(error, UnidentifiedImageError) else error
        raise DataError(
            f"{path} must be a readable {what}, but: {reason}: repair it, or take it out of the list"
        ) from error


def image_files(folder: Path) -> list[Path]:
    """Return the images in a plain *folder*, sorted; files with the suffix of no image format are left out.

    Raises:
        FileNotFoundError: there is no such folder.
        DataError: it contains no image, or two that differ only in their suffix: results are named without it.
    """
    if not folder.is_dir():
        state = "is a file" if folder.exists() else "does not exist"
        raise FileNotFoundError(f"images must be in a folder, but {folder} {state}: give their folder")
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise DataError(f"{folder} must hold images ({', '.join(SUFFIXES)}), but has none itself: give another folder")
    by_stem = defaultdict(list)
    for file in files:
        by_stem[file.stem].append(file.name)
    duplicates = [names for names in by_stem.values() if len(names) > 1]
    if duplicates:
        shown = "; ".join(" and ".join(names) for names in duplicates[:5])
        raise DataError(
            f"images in {folder} must differ in their names without the suffix, since results are named so, but "
            f"these do not: {shown}: rename them, or take some out"
        )
    return files
