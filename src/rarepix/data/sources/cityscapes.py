"""The Cityscapes layout.

``leftImg8bit/<split>/<city>/<id>_leftImg8bit.png`` and ``gtFine/<split>/<city>/<id>_gtFine_labelTrainIds.png`` (ids 0
to 18, 255 is ignored; the dataset's own scripts make them). The lists are the splits with annotations; those of the
test split are not published.
"""

from pathlib import Path

from rarepix.data.images import is_hidden
from rarepix.data.masks import IdMask
from rarepix.data.source import DataError, Item
from rarepix.data.sources.image_folder import LOSSLESS, ImageFolder
from rarepix.data.sources.lists import build_items, check_folders, unknown_list
from rarepix.labels import LabelSpace
from rarepix.settings import NoParameters

COLOURS = {
    "road": (128, 64, 128), "sidewalk": (244, 35, 232), "building": (70, 70, 70), "wall": (102, 102, 156),
    "fence": (190, 153, 153), "pole": (153, 153, 153), "traffic light": (250, 170, 30), "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35), "terrain": (152, 251, 152), "sky": (70, 130, 180), "person": (220, 20, 60),
    "rider": (255, 0, 0), "car": (0, 0, 142), "truck": (0, 0, 70), "bus": (0, 60, 100), "train": (0, 80, 100),
    "motorcycle": (0, 0, 230), "bicycle": (119, 11, 32),
}  # fmt: skip
"""Class → colour, in the order of the train ids."""
IMAGES, MASKS = "leftImg8bit", "gtFine"
IMAGE_END, MASK_END = "_leftImg8bit", "_gtFine_labelTrainIds"
"""Ends of the names, without the suffix of the file."""
Parameters = NoParameters


def open_source(root: Path, parameters: Parameters) -> "CityscapesSource":
    """Return the reader of *root*."""
    return CityscapesSource(root)


class CityscapesSource:
    """Reader of the folder that holds ``leftImg8bit`` and ``gtFine``."""

    assumed = ""

    def __init__(self, root: Path) -> None:
        check_folders(root, (IMAGES, MASKS), "Cityscapes")
        self.root = root
        self.name = root.resolve().name
        self.labels = LabelSpace(names=tuple(COLOURS), palette=tuple(COLOURS.values()))

    def lists(self) -> list[str]:
        """Return the splits that have images and annotations."""
        return [split for split in self._splits() if not self._why_unusable(split)]

    def items(self, list_name: str) -> list[Item]:
        """Return the images of a split, city by city."""
        folder = self.root / IMAGES / list_name
        if list_name not in self._splits():
            raise unknown_list(folder, self.lists())
        reason = self._why_unusable(list_name)
        if reason:
            raise DataError(reason)
        images = _files_of(folder, IMAGE_END)
        if not images:
            raise DataError(f"{folder} must hold images (<city>/*{IMAGE_END}.png), but has none: unpack {IMAGES} there")
        masks = ImageFolder(self.root / MASKS / list_name, LOSSLESS, usual=".png")

        def item(name: str) -> Item:
            image = images[name]
            return Item(name, image, IdMask(masks.find(f"{image.parent.name}/{name}{MASK_END}")))

        return build_items([*images], folder, item)

    def _splits(self) -> list[str]:
        return sorted(
            folder.name for folder in (self.root / IMAGES).iterdir() if folder.is_dir() and not is_hidden(folder)
        )

    def _why_unusable(self, split: str) -> str:
        """Return why a split cannot be used, and what to do about it; '' if it can."""
        folder = self.root / MASKS / split
        masks = [*_files_of(folder, MASK_END).values()]
        if not masks:
            remedy = "use another list"
            if any(folder.glob("*/*_gtFine_labelIds.png")):
                remedy = "make them with createTrainIdLabelImgs of cityscapesscripts"
            return f"{folder} must hold annotations (<city>/*{MASK_END}.png), but has none: {remedy}"
        if all((IdMask(mask).read() == self.labels.ignore).all() for mask in masks[:3]):
            return (
                f"the split {split!r} must be annotated, but {masks[0]} and others hold nothing but ignored pixels "
                f"(Cityscapes keeps the annotations of its test split to itself): use another list, such as val"
            )
        return ""


def _files_of(split: Path, end: str) -> dict[str, Path]:
    """Return the files in the folders of all cities whose names end with *end*, by their names without it."""
    cities = sorted(city for city in split.glob("*") if city.is_dir() and not is_hidden(city))
    folders = [ImageFolder(city) for city in cities]
    return {
        name.removesuffix(end): folder.find(name) for folder in folders for name in folder.names() if name.endswith(end)
    }
