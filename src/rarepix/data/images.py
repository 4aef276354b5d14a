"""Images from their files, upright, in the bands that the recipe says: by default 8-bit RGB."""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rarepix.data import dicom
from rarepix.data.bands import RGB, Bands
from rarepix.data.decoding import Decoded, Header, decode, read_header, reading
from rarepix.data.source import DataError, first_of

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", *dicom.SUFFIXES)
TAIL_BYTES = 1024
END_MARKERS = {b"\xff\xd8": b"\xff\xd9", b"\x89PNG": b"IEND"}
"""First bytes of a JPEG and of a PNG file → what the last bytes of a complete one contain."""
SHOWN = 3
"""Hidden files that are named."""


def read_image(path: Path, bands: Bands = RGB) -> np.ndarray:
    """Return an image, upright, as H W C: uint8, or float32 from 0 to 1 if *bands* has a range of values.

    A grey image fills three bands; alpha that is one band too many is left out. Values outside the range become 0 or 1.

    Raises:
        DataError: the file is not a complete image, has other bands, or more than 8 bits and there is no range.
    """
    return scaled(read_pixels(path, bands), bands, path)


def read_pixels(path: Path, bands: Bands) -> Decoded:
    """Return the pixels of an image in these *bands*, with values as they are stored. Raises as ``read_image``."""
    decoded = decode(path, bands.channels)
    pixels, wanted = decoded.pixels, bands.channels
    own = pixels[..., : pixels.shape[2] - decoded.alpha]
    if pixels.shape[2] == wanted:
        return decoded
    if own.shape[2] == wanted:
        return decoded._replace(pixels=own)
    if (own.shape[2], wanted) == (1, 3):
        return decoded._replace(pixels=np.repeat(own, 3, axis=2))
    if (own.shape[2], wanted) == (3, 1) and (own == own[..., :1]).all():
        return decoded._replace(pixels=own[..., :1])
    raise DataError(
        f"{path} must have {_bands(wanted)}, as data.channels says, but has {_bands(pixels.shape[2])}: set "
        f"data.channels to {pixels.shape[2]} if all images have so many, or save this one in the bands of the others"
    )


def scaled(decoded: Decoded, bands: Bands, path: Path) -> np.ndarray:
    """Return stored pixels of *path* as the network's loader takes them, see ``read_image``."""
    pixels = decoded.pixels
    if bands.range is None:
        if pixels.dtype != np.uint8:
            raise DataError(
                f"{path} must have 8 bits a channel, or the recipe must say the range of its values, but it has "
                f"{pixels.dtype} with values from {pixels.min():g} to {pixels.max():g}: give data.range, for instance "
                f"{_likely_range(pixels)}, whose ends become 0 and 1 in all images"
            )
        return 255 - pixels if decoded.inverted else np.ascontiguousarray(pixels)
    low, high = bands.range
    wide = np.float64 if pixels.dtype.itemsize > 2 else np.float32
    shares = ((pixels.astype(wide) - low) / (high - low)).clip(0, 1).astype(np.float32)
    if not np.isfinite(shares).all():
        raise DataError(
            f"{path} must hold finite numbers, but holds some that are not: fill pixels without a value, for instance "
            f"with {low:g}, and ignore them in the mask"
        )
    return 1 - shares if decoded.inverted else np.ascontiguousarray(shares)


def image_size(path: Path, bands: Bands | None = None) -> tuple[int, int]:
    """Return width and height of an image, upright, from its header.

    Decoding every image of a dataset takes far longer than reading its header, so an image is decoded only where the
    end marker of its format is missing, as it is in a file that was cut off, or where *bands* may not fit it.

    Raises:
        DataError: the file is not a complete image; with *bands*: it cannot be read as such, see ``read_image``.
    """
    header = read_header(path, (bands or RGB).channels)
    if not _is_complete(path):
        decode(path, (bands or RGB).channels)
    if bands is not None and not _fits(header, bands):
        read_image(path, bands)
    return header.size


def unused_bands(path: Path, bands: Bands) -> tuple[float, float] | None:
    """Return the smallest and the largest value of a last band that is called alpha, left out, and not constant.

    None: there is no such band. Transparency looks like this, and so does a fourth band, such as near infrared.
    """
    header = read_header(path, bands.channels)
    if not header.alpha or header.bands == bands.channels:
        return None
    last = decode(path, bands.channels).pixels[..., -1]
    return None if last.min() == last.max() else (float(last.min()), float(last.max()))


def image_files(folder: Path) -> list[Path]:
    """Return the images in a plain *folder*, sorted; hidden files and those of no image format are left out.

    Raises:
        FileNotFoundError: there is no such folder.
        DataError: it contains no image, or two that differ only in their suffix: results are named without it.
    """
    if not folder.is_dir():
        state = "is a file" if folder.exists() else "does not exist"
        raise FileNotFoundError(f"images must be in a folder, but {folder} {state}: give their folder")
    files = [file for file in _with_image_suffix(folder) if not is_hidden(file)]
    if not files:
        hidden = hidden_note(folder)
        raise DataError(
            f"{folder} must hold images ({', '.join(SUFFIXES)}), but has none itself{hidden and f' ({hidden})'}: give "
            f"another folder"
        )
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


def is_hidden(path: Path) -> bool:
    """Return whether a file or folder is hidden, or one in which macOS keeps what belongs to other files.

    These are companions such as ``._photo.jpg``, and in archives the folder ``__MACOSX``.
    """
    return path.name.startswith(".") or path.name == "__MACOSX"


def hidden_note(folder: Path) -> str:
    """Return a sentence about the hidden files of *folder* that are called like images; '' if there are none."""
    names = [file.name for file in _with_image_suffix(folder) if is_hidden(file)]
    files = "hidden file is" if len(names) == 1 else "hidden files are"
    return f"{len(names)} {files} left out: {first_of(names, SHOWN)}" if names else ""


def _with_image_suffix(folder: Path) -> Iterable[Path]:
    return sorted(file for file in folder.glob("*") if file.suffix.lower() in SUFFIXES and file.is_file())


def _is_complete(path: Path) -> bool:
    """Return whether the end of a file has the end marker of its format, if that has one."""
    with reading(path, "image"), path.open("rb") as file:
        if path.suffix.lower() in dicom.SUFFIXES:
            return True
        start = file.read(16)
        file.seek(-min(TAIL_BYTES, file.seek(0, os.SEEK_END)), os.SEEK_END)
        return next((marker in file.read() for magic, marker in END_MARKERS.items() if start.startswith(magic)), True)


def _fits(header: Header, bands: Bands) -> bool:
    """Return whether the header alone says that an image can be read in these *bands*."""
    own, wanted = header.bands - header.alpha, bands.channels
    counts = header.bands == wanted or own == wanted or (own, wanted) == (1, 3)
    return counts and (header.is_uint8 or (bands.range is not None and not header.is_float))


def _bands(number: int) -> str:
    return f"{number} band{'s' * (number > 1)}"


def _likely_range(pixels: np.ndarray) -> list[float]:
    """Return a range for a message: that of the bits which the values need, or the values rounded outwards."""
    finite = pixels[np.isfinite(pixels)]
    if not finite.size:
        return [0, 1]
    low, high = float(finite.min()), float(finite.max())
    if pixels.dtype.kind in "ui" and low >= 0:
        return [0, max(255, 2 ** int(high).bit_length() - 1)]
    return [0, 1] if 0 <= low <= high <= 1 else [int(np.floor(low)), int(np.ceil(high))]
