"""Images of a plain folder, without masks: what predictions are made for."""

from collections import defaultdict
from pathlib import Path

from rarepix.data.source import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
SHOWN = 5


def image_files(folder: Path) -> list[Path]:
    """Return the images in *folder*, sorted; what is no image by its name's end is left out.

    Raises:
        FileNotFoundError: there is no such folder.
        DataError: it holds no image, or several of one name: what is made of them would be written to one file.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"images must be in a folder, but {folder} {_is(folder)}: give their folder")
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise DataError(f"{folder} must hold images ({', '.join(SUFFIXES)}), but has none itself: give another folder")
    named = defaultdict(list)
    for file in files:
        named[file.stem].append(file.name)
    twice = [names for names in named.values() if len(names) > 1]
    if twice:
        shown = "; ".join(" and ".join(names) for names in twice[:SHOWN])
        raise DataError(
            f"images of {folder} must differ in their names without the ends, since results are called by them, but "
            f"these do not: {shown}: rename them, or take some out"
        )
    return files


def _is(path: Path) -> str:
    return "is a file" if path.exists() else "does not exist"
