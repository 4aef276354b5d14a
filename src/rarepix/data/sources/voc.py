"""The Pascal VOC layout.

``JPEGImages/<id>.jpg``, ``SegmentationClass/<id>.png`` (8-bit palette; the index is the class id, 255 is ignored) and
``ImageSets/Segmentation/<list>.txt`` (an id a line). ``dataset.json`` (classes, palette, ignore_index, background,
rare_classes, task) says what the ids mean; without it they are the 20 classes of VOC 2012 and background.
"""

from pathlib import Path

from rarepix.data.source import DataError, Item, MissingFiles
from rarepix.data.sources.description import Description, describe, label_space

VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
LISTS = Path("ImageSets", "Segmentation")
NAMED_AT_MOST = 5
ASSUMED = (
    "{root} has no dataset.json: ids 0 to 20 are taken for background and the 20 classes of VOC 2012, 255 for ignored; "
    'if they mean something else, write {file}, such as {{"classes": ["background", "road", "sign"]}}'
)


class VocSource:
    """Reader of one folder in VOC layout."""

    def __init__(self, root: Path) -> None:
        missing = [str(part) for part in ("JPEGImages", "SegmentationClass", LISTS) if not (root / part).is_dir()]
        if missing:
            raise FileNotFoundError(f"{root} must hold a dataset in VOC layout, but has no {', no '.join(missing)}")
        self.root = root
        file = root / "dataset.json"
        described = file.is_file()
        description = describe(file) if described else Description(classes=list(VOC_CLASSES))
        self.assumed = "" if described else ASSUMED.format(root=root, file=file)
        self.name = description.name or root.resolve().name
        self.labels = label_space(description, file)

    def lists(self) -> list[str]:
        """Return the names of the files in ``ImageSets/Segmentation``."""
        return sorted(path.stem for path in (self.root / LISTS).glob("*.txt"))

    def items(self, list_name: str) -> list[Item]:
        """Return the items of ``ImageSets/Segmentation/<list_name>.txt``."""
        file = self.root / LISTS / f"{list_name}.txt"
        if not file.exists():
            raise DataError(
                f"{file} must exist, but does not: this dataset has the lists {', '.join(self.lists()) or '(none)'}"
            )
        ids = [line.strip() for line in _text(file).splitlines() if line.strip()]
        if not ids:
            raise DataError(f"{file} must name at least one image, but is empty")
        if all(len(line.split()) > 1 for line in ids):
            raise DataError(f"{file} must hold one image id a line and nothing else, but its first line is {ids[0]!r}")
        if len(set(ids)) != len(ids):
            twice = sorted({name for name in ids if ids.count(name) > 1})[:NAMED_AT_MOST]
            raise DataError(f"{file} must name each image once, but names these more often: {', '.join(twice)}")
        try:
            return self._found([self._item(name) for name in ids], file)
        except OSError as error:  # a name that is too long, a folder that may not be entered
            raise DataError(
                f"every id in {file} must name files that can be looked at, but: {error}: correct the id or that place"
            ) from error

    def _item(self, name: str) -> Item:
        candidates = [self.root / "JPEGImages" / f"{name}{suffix}" for suffix in IMAGE_SUFFIXES]
        image = next((path for path in candidates if path.is_file()), candidates[0])
        return Item(name, image, self.root / "SegmentationClass" / f"{name}.png")

    def _found(self, items: list[Item], list_file: Path) -> list[Item]:
        missing = [str(path) for item in items for path in (item.image, item.mask) if not path.is_file()]
        if missing:
            more = f" and {len(missing) - NAMED_AT_MOST} more" if len(missing) > NAMED_AT_MOST else ""
            raise MissingFiles(
                f"every id in {list_file} needs an image and a mask, but missing: "
                f"{', '.join(missing[:NAMED_AT_MOST])}{more}: add them, or take the ids out of the list",
                items,
            )
        return items


def _text(file: Path) -> str:
    """Return what is written in a list. Raises ``DataError`` if it cannot be read or is no UTF-8."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(
            f"{file} must be a file that can be read, but: {error.strerror}: repair it, or take it away"
        ) from error
    except UnicodeDecodeError as error:
        raise _no_utf8(file, f"byte {error.start} is {error.object[error.start]:#04x}") from error
    if "\0" in text:  # UTF-16 without its mark; no file can be called so
        raise _no_utf8(file, "it holds zero bytes")
    return text


def _no_utf8(file: Path, why: str) -> DataError:
    return DataError(
        f"{file} must be UTF-8 text, one image id a line, but {why}: save it as UTF-8 (older PowerShells write UTF-16 "
        f"with '>': use 'Out-File -Encoding ascii')"
    )
