"""The folders in which polyp segmentation is published: one training set, several test sets.

``TrainDataset/{images,masks}`` with ``train.txt`` and ``val.txt`` (a name a line, with or without ``.png``), and
``TestDataset/<name>/{images,masks}``; masks are grey, the pixels of a polyp are those above 127.
"""

import re
from pathlib import Path

from rarepix.data.masks import LayerMask
from rarepix.data.source import DataError, Item
from rarepix.data.sources.lists import IMAGE_SUFFIXES, build_items, check_folders, find_file, read_id_list
from rarepix.labels import LabelSpace, Task
from rarepix.settings import NoParameters

TRAIN, TEST = "TrainDataset", "TestDataset"
ALL = "all"
"""List of every image of the training set, for splits that are made."""
THRESHOLD = 127
SUFFIX = re.compile(f"({'|'.join(map(re.escape, IMAGE_SUFFIXES))})$")
MASK_SUFFIXES = (".png", ".PNG", ".jpg", ".jpeg", ".JPG", ".JPEG")
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
        return sorted({ALL, *(file.stem for file in (self.root / TRAIN).glob("*.txt")), *self._test_sets()})

    def items(self, list_name: str) -> list[Item]:
        """Return the items of a list of the training set in its order, or those of a test set by name."""
        if list_name in self._test_sets():
            folder = self.root / TEST / list_name
            return build_items(_names(folder), folder, lambda name: _item(folder, name, f"{list_name}_{name}"))
        folder = self.root / TRAIN
        if list_name == ALL:
            return build_items(_names(folder), folder, lambda name: _item(folder, name, name))
        file = folder / f"{list_name}.txt"
        names = [SUFFIX.sub("", name) for name in read_id_list(file, self.lists())]
        return build_items(names, file, lambda name: _item(folder, name, name))

    def _test_sets(self) -> list[str]:
        return sorted(folder.parent.name for folder in (self.root / TEST).glob("*/images") if folder.is_dir())


def _item(folder: Path, name: str, item_id: str) -> Item:
    mask = find_file(folder / "masks", name, MASK_SUFFIXES)
    return Item(item_id, find_file(folder / "images", name), LayerMask((mask,), threshold=THRESHOLD, merge=True))


def _names(folder: Path) -> list[str]:
    names = sorted(file.stem for file in (folder / "images").iterdir() if file.suffix in IMAGE_SUFFIXES)
    if not names:
        raise DataError(f"{folder / 'images'} must hold images ({', '.join(IMAGE_SUFFIXES[:3])}), but has none")
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise DataError(f"{folder / 'images'} must hold one image of each name, but has several of {duplicates[:5]}")
    return names
