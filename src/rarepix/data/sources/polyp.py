"""The folders in which polyp segmentation is published: one training set, several test sets.

``TrainDataset/{images,masks}`` with ``train.txt`` and ``val.txt`` (a name a line, with or without ``.png``), and
``TestDataset/<name>/{images,masks}``; masks are grey, the pixels of a polyp are those above 127; in a
mask of two values, such as 0 and 1, those of the greater.
"""

from pathlib import Path

from rarepix.data.images import SUFFIXES, is_hidden
from rarepix.data.masks import LayerMask
from rarepix.data.source import DataError, Item
from rarepix.data.sources.image_folder import ImageFolder
from rarepix.data.sources.lists import build_items, check_folders, list_files, read_id_list
from rarepix.labels import LabelSpace, Task
from rarepix.settings import NoParameters

TRAIN, TEST = "TrainDataset", "TestDataset"
ALL = "all"
"""List of every image of the training set, for splits that are made."""
THRESHOLD = 127
Parameters = NoParameters


def open_source(root: Path, parameters: Parameters) -> "PolypSource":
    """Return the reader of *root*."""
    return PolypSource(root)


class PolypSource:
    """Reader of the folder that holds ``TrainDataset`` and ``TestDataset``.

    The lists are those of the training set, ``all`` of it, and every test set by its name; ids of test images begin
    with the name of their set, since sets use the same names.
    """

    assumed = ""

    def __init__(self, root: Path) -> None:
        self.root = root
        check_folders(root, ("images", "masks"), "polyp folders", inside=TRAIN)
        self.name = root.resolve().name
        self.labels = LabelSpace(names=("background", "polyp"), background=0, rare=("polyp",), task=Task.BINARY)

    def lists(self) -> list[str]:
        """Return the lists of the training set, ``all``, and the names of the test sets."""
        return sorted({ALL, *list_files(self.root / TRAIN), *self._test_sets()})

    def items(self, list_name: str) -> list[Item]:
        """Return the items of a list of the training set in its order, or those of a test set by name."""
        if list_name in self._test_sets():
            return _all_items(self.root / TEST / list_name, prefix=f"{list_name}_")
        folder = self.root / TRAIN
        if list_name == ALL:
            return _all_items(folder)
        file = list_files(folder).get(list_name, folder / f"{list_name}.txt")
        images, masks = _folders(folder)
        names = read_id_list(file, self.lists(), images)
        return build_items(names, file, lambda name: _item(name, images.find(name), masks.find(name)))

    def _test_sets(self) -> list[str]:
        folders = [file.parent for file in (self.root / TEST).glob("*/images") if file.is_dir()]
        return sorted(folder.name for folder in folders if not is_hidden(folder))


def _folders(folder: Path) -> tuple[ImageFolder, ImageFolder]:
    """Return the images and the masks in *folder*."""
    return ImageFolder(folder / "images"), ImageFolder(folder / "masks", usual=".png")


def _item(item_id: str, image: Path, mask: Path) -> Item:
    return Item(item_id, image, LayerMask((mask,), threshold=THRESHOLD, merge=True, customary=True))


def _all_items(folder: Path, prefix: str = "") -> list[Item]:
    """Return the items of all images in *folder*; their ids begin with *prefix*."""
    images, masks = _folders(folder)
    names = images.names()
    if not names:
        raise DataError(f"{folder / 'images'} must hold images ({', '.join(SUFFIXES)}), but has none")
    return build_items(names, folder, lambda name: _item(f"{prefix}{name}", images.find(name), masks.find(name)))
