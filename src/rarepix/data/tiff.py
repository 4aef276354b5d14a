"""TIFF files that Pillow does not read in full: more than four bands, more than 8 bits, floats, bands as pages.

Read by tifffile. Bands may lie side by side in a pixel or in planes of their own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

from rarepix.data.orientation import SWAPS_SIDES, upright
from rarepix.data.source import DataError

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of TIFF and BigTIFF."""
ALPHA = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
ORIENTATION = 274


class TiffHeader(NamedTuple):
    """What a TIFF file holds."""

    size: tuple[int, int]
    """Width and height, upright."""
    bands: int
    is_uint8: bool
    alpha: bool
    """Whether the file calls the last band alpha."""
    for_pillow: bool
    """Whether Pillow is to read it: one page of 8 bits or fewer, grey, coloured, with or without alpha, that is
    compressed or not stored as what it shows."""
    is_float: bool


def is_tiff(path: Path) -> bool:
    """Return whether a file begins as TIFF files do."""
    with path.open("rb") as file:
        return file.read(4) in MAGIC


def read_header(path: Path, channels: int) -> TiffHeader:
    """Return what *path* holds; *channels* are the bands that are wanted, by which unnamed axes are told apart.

    Raises:
        DataError: it cannot be read, or does not hold one image.
    """
    with _opened(path) as file:
        return _header(file, path, channels)


def decode(path: Path, channels: int) -> tuple[np.ndarray, bool, bool] | None:
    """Return the pixels, H W C in the type of the file, upright; whether the last band is alpha; whether 0 is white.

    None: Pillow is to read the file.

    Raises:
        DataError: as ``read_header``; or its compression needs a package that is not installed.
    """
    with _opened(path) as file:
        header, image = _header(file, path, channels), _image(file)
        if header.for_pillow:
            return None
        pixels = image.asarray()
        if pixels.ndim == 2:
            pixels = pixels[..., None]
        elif _band_axis(image.axes, image.shape, channels) == 0:
            pixels = np.moveaxis(pixels, 0, -1)
        native = pixels.dtype.newbyteorder("=")
        pixels = np.ascontiguousarray(pixels, native)
        white_is_zero = file.pages.first.photometric == tifffile.PHOTOMETRIC.MINISWHITE
        return upright(pixels, _orientation(file)), header.alpha, white_is_zero


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    try:
        with tifffile.TiffFile(path) as file:
            yield file
    except DataError:
        raise
    except Exception as error:  # tifffile raises whatever damaged tags and data lead to
        remedy = "repair it, or take it out of the list"
        if "imagecodecs" in str(error):
            remedy = "install that package, or save the file without compression or with deflate"
        raise DataError(f"{path} must be a readable image, but: {error}: {remedy}") from error


def _image(file: tifffile.TiffFile) -> tifffile.TiffPage | tifffile.TiffPageSeries:
    """Return the first page, or the pages that are one image with it."""
    # a series takes as long to make as a small file to read
    return file.pages.first if len(file.pages) == 1 or len(file.series[0].pages) == 1 else file.series[0]


def _header(file: tifffile.TiffFile, path: Path, channels: int) -> TiffHeader:
    image, page = _image(file), file.pages.first
    shape, axes = image.shape, image.axes
    alike = sum(series.shape == shape for series in file.series) if image is page and len(file.pages) > 1 else 1
    if alike > 1:  # smaller ones are levels of a pyramid, or thumbnails
        raise DataError(
            f"{path} must hold one image, but holds {alike} of {'×'.join(map(str, shape))} ({axes}): save every image "
            f"in a file of its own, and the bands of one as one array"
        )
    if len(shape) not in (2, 3):
        raise DataError(
            f"{path} must hold one image of rows, columns and bands, but holds {'×'.join(map(str, shape))} ({axes}): "
            f"save every image in a file of its own"
        )
    bands, sides = 1, shape
    if len(shape) == 3:
        axis = _band_axis(axes, shape, channels)
        bands, sides = shape[axis], shape[:axis] + shape[axis + 1 :]
    height, width = sides[::-1] if _orientation(file) in SWAPS_SIDES else sides
    photometric = tifffile.PHOTOMETRIC
    colours = (photometric.RGB, photometric.YCBCR, photometric.SEPARATED, photometric.PALETTE)
    extra = len(page.extrasamples)
    alpha = bool(extra) and page.extrasamples[-1] in ALPHA
    as_shown = page.compression == tifffile.COMPRESSION.NONE and page.bitspersample == 8
    as_shown = as_shown and page.photometric in (photometric.RGB, photometric.MINISBLACK)
    for_pillow = (
        image is page
        and page.bitspersample <= 8
        and page.sampleformat == tifffile.SAMPLEFORMAT.UINT
        and (page.photometric in colours or page.samplesperpixel - extra == 1)
        and extra == alpha
        and not as_shown
    )
    return TiffHeader(
        (width, height),
        bands,
        image.dtype == np.uint8,
        alpha,
        for_pillow,
        image.dtype is not None and image.dtype.kind == "f",
    )


def _band_axis(axes: str, shape: tuple[int, ...], channels: int) -> int:
    """Return which axis of three holds the bands: the first or the last.

    The file may name it (S: samples, C: channels). If not, as where each page is a band, it is the one with *channels*
    entries, or else the shorter one.
    """
    for name in "SC":
        if name in axes:
            return axes.index(name)
    first, last = shape[0], shape[-1]
    if (first == channels) != (last == channels):
        return 0 if first == channels else 2
    return 0 if first <= last else 2


def _orientation(file: tifffile.TiffFile) -> int:
    tag = file.pages.first.tags.get(ORIENTATION)
    return int(tag.value) if tag else 1
