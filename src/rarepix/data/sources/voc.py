"""The Pascal VOC layout.

``JPEGImages/<id>.jpg``, ``SegmentationClass/<id>.png`` (palette or grey; the index is the class id, 255 is ignored) and
``ImageSets/Segmentation/<list>.txt`` (an id a line). ``dataset.json`` (classes, palette, ignore_index, background,
rare_classes, task) says what the ids mean; without it they are the 20 classes of VOC 2012 and background.
"""

from pathlib import Path

from rarepix.data.masks import IdMask
from rarepix.data.source import DataError, Item
from rarepix.data.sources.description import Description, describe, label_space
from rarepix.data.sources.found_ids import full_scale_masks, full_scale_note
from rarepix.data.sources.image_folder import LOSSLESS, ImageFolder
from rarepix.data.sources.lists import build_items, check_folders, list_files, read_id_list
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
        self._full_scale: frozenset[Path] = frozenset()
        if self.labels.count == 2 and description.ignore_index is None:
            self._look_for_full_scale(file)
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
        return sorted(list_files(self.root / LISTS))

    def items(self, list_name: str) -> list[Item]:
        """Return the items of ``ImageSets/Segmentation/<list_name>.txt``."""
        files = list_files(self.root / LISTS)
        file = files.get(list_name, self.root / LISTS / f"{list_name}.txt")
        images = ImageFolder(self.root / "JPEGImages")
        masks = ImageFolder(self.root / "SegmentationClass", LOSSLESS, usual=".png")
        names = read_id_list(file, sorted(files), images)
        return build_items(names, file, lambda name: Item(name, images.find(name), self._mask(masks.find(name))))

    def _mask(self, path: Path) -> IdMask:
        return IdMask(path, full_scale=path in self._full_scale)

    def _look_for_full_scale(self, description: Path) -> None:
        """Find the masks in which 255 is the second class, and tell how many there are."""
        folder = ImageFolder(self.root / "SegmentationClass", LOSSLESS)
        masks = [folder.find(name) for name in folder.names()]
        self._full_scale = full_scale_masks(masks)
        if self._full_scale:
            self.assumed = full_scale_note(self._full_scale, masks, description, self.labels.names[1])
