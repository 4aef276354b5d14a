"""The Pascal VOC layout.

``JPEGImages/<id>.jpg``, ``SegmentationClass/<id>.png`` (8-bit palette; the index is the class id, 255 is ignored) and
``ImageSets/Segmentation/<list>.txt`` (an id a line). ``dataset.json`` (classes, palette, ignore_index, background,
rare_classes, task) says what the ids mean; without it they are the 20 classes of VOC 2012 and background.
"""

import json
from pathlib import Path

from rarepix.data.source import DataError, Item
from rarepix.labels import IGNORE, LabelSpace, Task

VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
LISTS = Path("ImageSets", "Segmentation")
NAMED_AT_MOST = 5


class VocSource:
    """Reader of one folder in VOC layout."""

    def __init__(self, root: Path) -> None:
        missing = [str(part) for part in ("JPEGImages", "SegmentationClass", LISTS) if not (root / part).is_dir()]
        if missing:
            raise FileNotFoundError(f"{root} must hold a dataset in VOC layout, but has no {', no '.join(missing)}")
        self.root = root
        description = _describe(root / "dataset.json")
        self.name = description.get("name", root.name)
        self.labels = _label_space(description, root / "dataset.json")

    def items(self, list_name: str) -> list[Item]:
        """Return the items of ``ImageSets/Segmentation/<list_name>.txt``."""
        file = self.root / LISTS / f"{list_name}.txt"
        if not file.is_file():
            lists = sorted(path.stem for path in (self.root / LISTS).glob("*.txt"))
            raise DataError(
                f"{file} must exist, but does not: this dataset has the lists {', '.join(lists) or '(none)'}"
            )
        ids = file.read_text(encoding="utf-8").split()
        if not ids:
            raise DataError(f"{file} must name at least one image, but is empty")
        if len(set(ids)) != len(ids):
            twice = sorted({name for name in ids if ids.count(name) > 1})[:NAMED_AT_MOST]
            raise DataError(f"{file} must name each image once, but names these more often: {', '.join(twice)}")
        return self._found([self._item(name) for name in ids], file)

    def _item(self, name: str) -> Item:
        candidates = [self.root / "JPEGImages" / f"{name}{suffix}" for suffix in IMAGE_SUFFIXES]
        image = next((path for path in candidates if path.is_file()), candidates[0])
        return Item(name, image, self.root / "SegmentationClass" / f"{name}.png")

    def _found(self, items: list[Item], list_file: Path) -> list[Item]:
        missing = [str(path) for item in items for path in (item.image, item.mask) if not path.is_file()]
        if missing:
            more = f" and {len(missing) - NAMED_AT_MOST} more" if len(missing) > NAMED_AT_MOST else ""
            raise DataError(
                f"every id in {list_file} needs an image and a mask, but missing: "
                f"{', '.join(missing[:NAMED_AT_MOST])}{more}: add them, or take the ids out of the list"
            )
        return items


def _describe(file: Path) -> dict:
    if not file.is_file():
        return {}
    try:
        description = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file} must be JSON, but: {error}") from error
    if not isinstance(description, dict) or not isinstance(description.get("classes"), list):
        raise DataError(f"{file} must be an object with a list 'classes', but is not")
    return description


def _label_space(description: dict, file: Path) -> LabelSpace:
    names = tuple(description.get("classes", VOC_CLASSES))
    try:
        return LabelSpace(
            names=names,
            background=description.get("background", 0 if names[0] == "background" else None),
            ignore=description.get("ignore_index", IGNORE),
            palette=tuple(tuple(colour) for colour in description.get("palette", ())),
            rare=tuple(description.get("rare_classes", ())),
            task=Task(description.get("task", Task.MULTICLASS)),
        )
    except (ValueError, IndexError, TypeError) as error:
        raise DataError(f"{file}: {error}") from error
