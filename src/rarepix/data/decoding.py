"""Images decoded: their pixels as the file holds them, upright, whatever the format; and their headers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from rarepix.data import dicom, tiff
from rarepix.data.orientation import may_be_turned, orientation_of, upright, upright_size
from rarepix.data.source import DataError

GREY_MODES = ("1", "L", "I", "F")
ALPHA_MODES = {"LA": 2, "La": 2, "RGBA": 4, "RGBa": 4, "PA": 4}
"""Pillow's modes with alpha → their bands; all others that are not grey are read as three bands."""
READ_AS = {"1": "L", "La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
"""Pillow's mode → the mode that its pixels are converted to; others that are not in ``KEPT`` become RGB."""
KEPT = ("L", "LA", "RGB", "RGBA")
DEEP_COLOUR = "16B"
"""End of Pillow's name for the stored pixels of a PNG of 16 bits, of which it keeps 8."""


class Decoded(NamedTuple):
    """The pixels of a file."""

    pixels: np.ndarray
    """H W C, upright, in the type of the file."""
    alpha: bool = False
    """Whether the last band is called alpha."""
    inverted: bool = False
    """Whether the smallest value is white."""


class Header(NamedTuple):
    """What a file says of its pixels."""

    size: tuple[int, int]
    """Width and height, upright."""
    bands: int = 1
    is_uint8: bool = False
    """Whether the values are 0 to 255."""
    alpha: bool = False
    is_float: bool = False
    """Whether there may be values that are no numbers."""


def decode(path: Path, channels: int) -> Decoded:
    """Return the pixels of *path*; *channels* are the bands that are wanted, see ``tiff.read_header``.

    Raises:
        DataError: the file is not a complete image.
    """
    if path.suffix.lower() in dicom.SUFFIXES:
        pixels, inverted = dicom.decode(path)
        return Decoded(pixels, inverted=inverted)
    with reading(path, "image"):
        deep_tiff = tiff.decode(path, channels) if tiff.is_tiff(path) else None
        if deep_tiff is not None:
            return Decoded(*deep_tiff)
        with Image.open(path) as file:
            is_deep, alpha = _is_deep_colour(file), file.mode in ALPHA_MODES
            orientation = orientation_of(file)
            pixels = _deep_colours(path, file.mode) if is_deep else _pixels(file)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return Decoded(upright(pixels, orientation), alpha)


def read_header(path: Path, channels: int) -> Header:
    """Return what the header of *path* says; *channels* as for ``decode``.

    Raises:
        DataError: the file is no image.
    """
    if path.suffix.lower() in dicom.SUFFIXES:
        return Header(dicom.image_size(path))
    with reading(path, "image"):
        if tiff.is_tiff(path):
            header = tiff.read_header(path, channels)
            if not header.for_pillow:
                return Header(header.size, header.bands, header.is_uint8, header.alpha, header.is_float)
        with path.open("rb") as stream, Image.open(stream) as file:
            is_uint8 = not (_is_deep_grey(file) or _is_deep_colour(file))
            orientation = orientation_of(file) if may_be_turned(file, stream) else 1
            bands = 1 if _is_deep_grey(file) or file.mode in GREY_MODES else ALPHA_MODES.get(file.mode, 3)
            return Header(upright_size(file, orientation), bands, is_uint8, file.mode in ALPHA_MODES)


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


def _pixels(file: Image.Image) -> np.ndarray:
    """Return the stored pixels, H W or H W C; palettes and other colour spaces become RGB."""
    if _is_deep_grey(file):
        pixels = np.array(file)
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    return np.array(file if file.mode in KEPT else file.convert(READ_AS.get(file.mode, "RGB")))


def _is_deep_grey(file: Image.Image) -> bool:
    return file.mode.partition(";")[0] in ("I", "F")


def _is_deep_colour(file: Image.Image) -> bool:
    """Return whether a file is a PNG of 16 bits with colours or alpha; to be asked before its pixels are loaded."""
    return (
        file.format == "PNG"
        and any(str(tile[3]).endswith(f";{DEEP_COLOUR}") for tile in file.tile)
        and (not _is_deep_grey(file))
    )


def _deep_colours(path: Path, mode: str) -> np.ndarray:
    """Return the pixels of a PNG of 16 bits, with colours or alpha, H W C uint16, by OpenCV."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise DataError(f"{path} must be a readable image, but OpenCV cannot read it: repair it, or save it as TIFF")
    order = [0, 3] if mode == "LA" else [2, 1, 0, 3][: pixels.shape[2]]
    return np.ascontiguousarray(pixels[..., order])
