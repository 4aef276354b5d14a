"""The Pascal VOC layout.

``JPEGImages/<id>.jpg``, ``SegmentationClass/<id>.png`` (8-bit palette; the index is the class id, 255 is ignored) and
``ImageSets/Segmentation/<list>.txt`` (an id a line). ``dataset.json`` (classes, palette, ignore_index, background,
rare_classes, task) says what the ids mean; without it they are the 20 classes of VOC 2012 and background.
"""

from pathlib import Path

from rarepix.data.masks import IdMask
from rarepix.data.source import DataError, Item
from rarepix.data.sources.description import Description, describe, label_space
from rarepix.data.sources.lists import build_items, check_folders, find_file, read_id_list
from rarepix.labels import Task
from rarepix.settings import NoParameters

VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
LISTS = str(Path("ImageSets", "Segmentation"))
ASSUMED = (
    "{root} has no dataset.json: ids 0 to 20 are taken for background and the 20 classes of VOC 2012, 255 for ignored; "
    'if they mean something else, write {file}, such as {{"classes": ["background", "road", "sign"]}}'
)
Parameters = NoParameters


def open_source(root: Path, parameters: Parameters) -> "VocSource":
    """Return the reader of *root*."""
    return VocSource(root)


class VocSource:
    """Reader of one folder in VOC layout."""

    def __init__(self, root: Path) -> None:
        check_folders(root, ("JPEGImages", "SegmentationClass", LISTS), "a dataset in VOC layout")
        self.root = root
        file = root / "dataset.json"
        has_description = file.is_file()
        description = describe(file) if has_description else Description(classes=list(VOC_CLASSES))
        self.assumed = "" if has_description else ASSUMED.format(root=root, file=file)
        self.name = description.name or root.resolve().name
        self.labels = label_space(description, file)
        if self.labels.task is Task.MULTILABEL:
            raise DataError(
                f"{file}: masks in VOC layout have one id a pixel, so task must be multiclass or binary, but is "
                f"multilabel: with a mask for each class use the source lesions"
            )
        if description.soft:
            raise DataError(
                f"{file}: masks in VOC layout hold ids, so soft must be false, but is true: with a mask of shares for "
                f"each class use the source lesions"
            )

    def lists(self) -> list[str]:
        """Return the names of the files in ``ImageSets/Segmentation``."""
        return sorted(path.stem for path in (self.root / LISTS).glob("*.txt"))

    def items(self, list_name: str) -> list[Item]:
        """Return the items of ``ImageSets/Segmentation/<list_name>.txt``."""
        file = self.root / LISTS / f"{list_name}.txt"
        return build_items(read_id_list(file, self.lists()), file, self._item)

    def _item(self, name: str) -> Item:
        image = find_file(self.root / "JPEGImages", name)
        return Item(name, image, IdMask(self.root / "SegmentationClass" / f"{name}.png"))
