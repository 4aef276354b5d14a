"""Images of a folder and of the folders inside it, by name, and the ids that they get."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from rarepix.data.images import SUFFIXES, is_hidden
from rarepix.data.source import DataError, first_of
from rarepix.data.sources.lists import check_named_once, list_files, read_lines

ENDINGS = frozenset(SUFFIXES)
"""Endings of image files, in lower case; files may have them in any case."""
IMAGE_FOLDERS = ("images", "imgs", "img", "image", "JPEGImages", "photos", "input", "inputs", "img_dir")
MASK_FOLDERS = (
    *("masks", "mask", "labels", "label", "annotations", "annotation", "SegmentationClass", "SegmentationClassPNG"),
    *("gt", "gts", "ground_truth", "groundtruth", "GT", "targets", "target", "segmentations", "segmentation", "seg"),
    *("ann_dir", "annots", "annot", "matte"),
)
SPLITS = ("train", "training", "trn", "val", "valid", "validation", "dev", "test", "testing")
"""What the folders of splits are called, in lower case."""
ALL = "all"
"""The list of every image, for splits that are made."""
FIRST_LINES = 20
"""Lines of a text file that are looked at to tell whether it is a list of images."""


def image_tree(folder: Path, endings: Collection[str] = ENDINGS) -> dict[str, Path]:
    """Return path below *folder*, with ``/`` and without its ending → file with one of *endings*, in all folders.

    Raises:
        DataError: two images differ in their endings only.
    """
    images: dict[str, Path] = {}
    pairs = []
    for file in _files(folder):
        if file.suffix.lower() in endings:
            key = file.relative_to(folder).with_suffix("").as_posix()
            first = images.setdefault(key, file)
            if first != file:
                pairs.append(f"{first.name} and {file.name}")
    if pairs:
        raise DataError(
            f"images in {folder} must differ in their names without the ending, but these do not: "
            f"{first_of(pairs, 5, ';')}: rename them, or take some out"
        )
    return images


def _files(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.iterdir()):
        if is_hidden(path):
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in *folder* that are not hidden, sorted; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path))


def find_folder(root: Path, names: Sequence[str]) -> Path | None:
    """Return the folder in *root* that has the first of *names* that is there, in any case; None if none is."""
    by_name = {folder.name.lower(): folder for folder in subfolders(root)}
    return next((by_name[name.lower()] for name in names if name.lower() in by_name), None)


def split_folders(root: Path) -> dict[str, Path]:
    """Return name → folder of those in *root* that are called like splits."""
    return {folder.name: folder for folder in subfolders(root) if folder.name.lower() in SPLITS}


def named_folder(root: Path, name: str, key: str) -> Path:
    """Return the folder *name* in *root*, which the recipe names. Raises ``DataError`` if it is none."""
    folder = root / name
    if not folder.is_dir():
        raise DataError(f"{key} must name a folder in {root}, but {name} is none: correct it, or leave {key} out")
    return folder


def image_id(path: str) -> str:
    """Return the id of an image from its path, which has ``/`` and no ending: ids are names of files, too.

    Example: ``image_id("ward2/17")`` is ``"ward2__17"``.
    """
    return path.replace("/", "__")


def split_lists(root: Path, known: Mapping[str, object]) -> dict[str, Path]:
    """Return name → text file in *root*, or in a folder of lists there, that is called like a split or names images.

    *known* has paths of images as ``image_tree`` gives them; one of the first lines must name one.
    """
    folders = (root, root / "splits", root / "lists", root / "ImageSets", root / "ImageSets" / "Segmentation")
    found: dict[str, Path] = {}
    for folder in folders:
        for file in filter(Path.is_file, list_files(folder).values()):
            lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()[:FIRST_LINES]
            is_list = any(find_listed(line.strip(), known) for line in lines if line.strip())
            if is_list or file.stem.lower() in SPLITS:
                found.setdefault(file.stem, file)
    return found


def read_split_list(file: Path, known: Mapping[str, object]) -> list[str]:
    """Return which of *known* the lines of a text file name, in its order.

    Raises:
        DataError: it is empty, or lines name none, or one that another line names as well.
    """
    lines = read_lines(file)
    keys = [find_listed(line, known) for line in lines]
    unknown = [line for line, key in zip(lines, keys, strict=True) if key is None]
    if unknown:
        raise DataError(
            f"every line of {file} must name an image, but {len(unknown)} of {len(lines)} name none: "
            f"{first_of(unknown, 5)}: correct the names, or take the lines out"
        )
    check_named_once(file, keys)
    return keys


def find_listed(line: str, known: Mapping[str, object]) -> str | None:
    """Return which of *known* a line of a list names: by its path, with or without ending, or by its path's end.

    Of a line with several words, an image and its mask, the first one counts unless the whole line is a name.
    """
    for name in (line, line.split()[0].rstrip(",")):
        path = PurePosixPath(name.replace("\\", "/"))
        stemmed = path.with_suffix("") if path.suffix.lower() in ENDINGS else path
        for start in range(len(path.parts)):
            for candidate in (path, stemmed):
                key = PurePosixPath(*candidate.parts[start:]).as_posix()
                if key in known:
                    return key
    return None
