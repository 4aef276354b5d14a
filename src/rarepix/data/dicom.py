"""DICOM files: one frame each, read by pydicom where it is installed, in the units of the file (such as Hounsfield)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rarepix.data.source import DataError

if TYPE_CHECKING:
    from pydicom import Dataset

SUFFIXES = (".dcm", ".dicom")


def image_size(path: Path) -> tuple[int, int]:
    """Return width and height from the header. Raises ``DataError`` as ``decode``."""
    header = _read(path, pixels=False)
    return int(header.Columns), int(header.Rows)


def decode(path: Path) -> tuple[np.ndarray, bool]:
    """Return the pixels, and whether the smallest value is white (MONOCHROME1).

    Pixels are H W 1 float32 after rescale slope and intercept, or H W 3 of a colour image.

    Raises:
        DataError: pydicom is not installed, or the file is no DICOM image of one frame that it can decode.
    """
    dataset = _read(path, pixels=True)
    from pydicom.pixels import apply_modality_lut

    try:
        pixels = dataset.pixel_array
        if pixels.ndim == 3:
            return pixels, False
        values = apply_modality_lut(pixels, dataset).astype(np.float32)
    except Exception as error:  # pydicom raises whatever its decoders raise
        raise _unreadable(path, error) from error
    return values[..., None], dataset.PhotometricInterpretation == "MONOCHROME1"


def _read(path: Path, *, pixels: bool) -> "Dataset":
    try:
        from pydicom import dcmread
    except ImportError as error:
        raise DataError(
            f"{path} is a DICOM file, which is read by the package pydicom, but that is not installed: "
            f"pip install pydicom, or save its image as TIFF"
        ) from error
    try:
        dataset = dcmread(path, stop_before_pixels=not pixels)
        frames = int(dataset.get("NumberOfFrames", 1) or 1)
        dataset.Rows, dataset.Columns  # noqa: B018 - raises where there is no image
    except Exception as error:
        raise _unreadable(path, error) from error
    if frames != 1:
        raise DataError(f"{path} must hold one frame, but holds {frames}: save each as a file of its own")
    return dataset


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"{path} must be a readable DICOM image, but: {reason}: repair it, or take it out of the list")
