"""Text files of image ids, and the items that are made of them: what the readers of several layouts share."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rarepix.data.images import is_hidden
from rarepix.data.source import DataError, Item, MissingFiles, first_of
from rarepix.data.sources.image_folder import ImageFolder, other_files_note

NOT_UTF8 = (
    "{} must be UTF-8 text, one image id a line, but {}: save it as UTF-8 (older PowerShells write UTF-16 with '>': "
    "use 'Out-File -Encoding ascii')"
)


def check_folders(root: Path, folders: Sequence[str], what: str, inside: str = "") -> None:
    """Raise ``FileNotFoundError`` if one of *folders* is missing below *root*, or its folder *inside*."""
    missing = [folder for folder in folders if not (root / inside / folder).is_dir()]
    if missing:
        raise FileNotFoundError(f"{root} must hold {what}, but {inside and inside + ' '}has no {', no '.join(missing)}")


def list_files(folder: Path) -> dict[str, Path]:
    """Return the text files in *folder* by their names without ``.txt`` (in any case), hidden files left out."""
    files = (file for file in folder.glob("*") if file.suffix.lower() == ".txt" and not is_hidden(file))
    return {file.stem: file for file in sorted(files)}


def read_id_list(file: Path, known: Sequence[str], images: ImageFolder) -> list[str]:
    """Return the ids of the *images* that *file* names, one a line, in its order.

    A line may end with the suffix of an image file and begin with its folder; see ``ImageFolder.resolve``.
    *known* are the lists that are named where *file* does not exist.

    Raises:
        DataError: the list does not exist, cannot be read, is empty, names an image twice or is no list of ids.
    """
    if not file.exists():
        raise unknown_list(file, known)
    lines = read_lines(file)
    ids = [images.resolve(line) for line in lines]
    if all(len(name.split()) > 1 and not images.has(name) for name in ids):
        raise DataError(f"{file} must hold one image id a line and nothing else, but its first line is {lines[0]!r}")
    check_named_once(file, ids)
    return ids


def read_lines(file: Path) -> list[str]:
    """Return the lines of a list without blanks around them.

    Raises:
        DataError: it is empty, cannot be read, or is not UTF-8.
    """
    lines = [line.strip() for line in read_text(file).splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{file} must name at least one image, but is empty")
    return lines


def check_named_once(file: Path, ids: Sequence[str]) -> None:
    """Raise ``DataError`` if a list names an image twice."""
    duplicates = sorted(name for name, times in Counter(ids).items() if times > 1)
    if duplicates:
        raise DataError(f"{file} must name each image once, but names these more often: {first_of(duplicates, 5)}")


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
        missing = [path for item in items for path in (item.image, *item.mask.files) if not path.is_file()]
    except OSError as error:  # a name that is too long, a folder without permission
        raise DataError(
            f"every id in {list_file} must name files that can be accessed, but: {error}: correct the id or the "
            f"permissions"
        ) from error
    if missing:
        raise MissingFiles(
            f"every id in {list_file} needs an image and a mask, but missing: {first_of(missing, 5)}: "
            f"add them, or take the ids out of the list{other_files_note(missing[0])}",
            items,
        )
    return items


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
