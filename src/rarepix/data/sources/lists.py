"""Text files of image ids, and the files that belong to an id: what the readers of several layouts share."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rarepix.data.source import DataError, Item, MissingFiles, first_of

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")
NOT_UTF8 = (
    "{} must be UTF-8 text, one image id a line, but {}: save it as UTF-8 (older PowerShells write UTF-16 with '>': "
    "use 'Out-File -Encoding ascii')"
)


def check_folders(root: Path, folders: Sequence[str], what: str, inside: str = "") -> None:
    """Raise ``FileNotFoundError`` if one of *folders* is missing below *root*, or its folder *inside*."""
    missing = [folder for folder in folders if not (root / inside / folder).is_dir()]
    if missing:
        raise FileNotFoundError(f"{root} must hold {what}, but {inside and inside + ' '}has no {', no '.join(missing)}")


def read_id_list(file: Path, known: Sequence[str]) -> list[str]:
    """Return the image ids in *file*, one a line, in its order; *known* lists are named where it does not exist.

    Raises:
        DataError: the list does not exist, cannot be read, is empty, names an image twice or is no list of ids.
    """
    if not file.exists():
        raise unknown_list(file, known)
    ids = [line.strip() for line in read_text(file).splitlines() if line.strip()]
    if not ids:
        raise DataError(f"{file} must name at least one image, but is empty")
    if all(len(line.split()) > 1 for line in ids):
        raise DataError(f"{file} must hold one image id a line and nothing else, but its first line is {ids[0]!r}")
    if len(set(ids)) != len(ids):
        duplicates = sorted({name for name in ids if ids.count(name) > 1})[:5]
        raise DataError(f"{file} must name each image once, but names these more often: {', '.join(duplicates)}")
    return ids


def unknown_list(wanted: object, known: Sequence[str]) -> DataError:
    """Return the error to raise for a list that a dataset does not have."""
    return DataError(f"{wanted} must exist, but does not: this dataset has the lists {', '.join(known) or '(none)'}")


def build_items(names: Sequence[str], list_file: Path, build: Callable[[str], Item]) -> list[Item]:
    """Return the items that *build* makes of the ids *names*, which come from *list_file* (a file or a folder).

    Raises:
        MissingFiles: images or masks that do not exist.
        DataError: an id that is no valid file name, or a folder without permission to read it.
    """
    try:
        items = [build(name) for name in names]
        missing = [str(path) for item in items for path in (item.image, *item.mask.files) if not path.is_file()]
    except OSError as error:  # a name that is too long, a folder without permission
        raise DataError(
            f"every id in {list_file} must name files that can be accessed, but: {error}: correct the id or the "
            f"permissions"
        ) from error
    if missing:
        raise MissingFiles(
            f"every id in {list_file} needs an image and a mask, but missing: {first_of(missing, 5)}: "
            f"add them, or take the ids out of the list",
            items,
        )
    return items


def find_file(folder: Path, name: str, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> Path:
    """Return the file in *folder* called *name* with one of *suffixes*; if none exists, the path with the first one."""
    candidates = [folder / f"{name}{suffix}" for suffix in suffixes]
    return next((path for path in candidates if path.is_file()), candidates[0])


def read_text(file: Path) -> str:
    """Return the text of a list. Raises ``DataError`` if it cannot be read or is not UTF-8."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(
            f"{file} must be a file that can be read, but: {error.strerror}: repair it, or remove it"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(NOT_UTF8.format(file, f"byte {error.start} is {error.object[error.start]:#04x}")) from error
    if "\0" in text:  # text in UTF-16 without a byte order mark has zero bytes, and no file name has any
        raise DataError(NOT_UTF8.format(file, "it holds zero bytes"))
    return text
