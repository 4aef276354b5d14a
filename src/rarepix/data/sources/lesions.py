"""Folders with a mask for each lesion of an image: multilabel, or binary where lesions are merged.

Images are in ``images`` (or ``images_<size>``), and ``masks`` (or ``lesion_segs_<size>``) has either a folder for each
lesion (``masks/<lesion>/<id>.png``) or one for each image (``masks/<id>/<lesion>.png``). A file that is not there is a
lesion that the image does not hold. Lists are text files beside the folders, an id a line.

What a lesion's files are called: ``dataset.json`` (classes, and codes for short), else ``classes.txt`` (``name,code`` a
line), else ``class_names.txt`` (a name a line).
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from rarepix.data.source import DataError, Item, Layers
from rarepix.data.sources.description import label_space
from rarepix.data.sources.lesion_description import CLASSES, DESCRIPTION, NAMES, read_description
from rarepix.data.sources.lists import file_of, gather, read_ids
from rarepix.labels import LabelSpace, Task

MERGED = LabelSpace(names=("background", "lesion"), background=0, rare=("lesion",), task=Task.BINARY)
SHOWN = 5
ASSUMED = (
    "{root} has no dataset.json: every grey value above 0 of a mask is taken for its lesion; if that is wrong, write "
    '{root}/dataset.json, such as {{"classes": [{classes}], "above": 127}}'
)


class LesionSource:
    """Reader of one folder of lesions; with *merge* all of them are one class."""

    def __init__(self, root: Path, *, merge: bool = False) -> None:
        self.root = root
        described = read_description(root)
        self.merged = merge or described.task is Task.BINARY
        self.name = described.name or root.resolve().name
        self.labels = MERGED if self.merged else label_space(described, root / DESCRIPTION)
        classes = ", ".join(f'"{name}"' for name in described.classes)
        self.assumed = "" if (root / DESCRIPTION).is_file() else ASSUMED.format(root=root, classes=classes)
        self._described = described
        self._images = _folder(root, described.images, "images", "images_*")
        self._masks = _folder(root, described.masks, "masks", "lesion_segs*")

    def lists(self) -> list[str]:
        """Return the names of the text files that hold a word a line."""
        return sorted(file.stem for file in self.root.glob("*.txt") if _may_be_a_list(file))

    def items(self, list_name: str) -> list[Item]:
        """Return the items of ``<list_name>.txt``."""
        file = self.root / f"{list_name}.txt"
        return gather(read_ids(file, self.lists()), file, self._item)

    def _item(self, name: str) -> Item:
        files = self._found.get(name, {})
        layers = tuple(files.get(number) for number in range(len(self._described.classes)))
        return Item(name, file_of(self._images, name), Layers(layers, self._described.above, self.merged))

    @cached_property
    def _found(self) -> dict[str, dict[int, Path]]:
        """Image id → number of the lesion → its mask."""
        images = {file.stem for file in self._images.iterdir()}
        folders = {folder.name for folder in self._masks.iterdir() if folder.is_dir()}
        numbers = self._described.numbers()
        a_folder_a_lesion = bool(folders & numbers.keys())
        if not a_folder_a_lesion and not folders & images:
            raise DataError(
                f"{self._masks} must hold a folder for each lesion ({', '.join(numbers)}) or for each image, but holds "
                f"{', '.join(sorted(folders)[:SHOWN]) or 'none'}: rename them, or correct the classes in {DESCRIPTION}"
            )
        found: dict[str, dict[int, Path]] = defaultdict(dict)
        for folder in sorted(folders):
            files = list(_masks_in(self._masks / folder))
            if a_folder_a_lesion and files and not images & {file.stem for file in files}:
                raise DataError(
                    f"masks must be called like their images, but none of those in {self._masks / folder} is "
                    f"({files[0].name}, …): rename them"
                )
            for file in files:
                image, lesion = (file.stem, folder) if a_folder_a_lesion else (folder, file.stem)
                self._add(found[image], file, lesion, numbers)
        return found

    def _add(self, of_image: dict[int, Path], file: Path, lesion: str, numbers: dict[str, int]) -> None:
        if lesion not in numbers:
            raise DataError(
                f"every mask must be of a lesion that is named ({', '.join(numbers)}), but {file} is of {lesion!r}: "
                f"name it in the classes of {DESCRIPTION}, or take it away"
            )
        if numbers[lesion] in of_image:
            raise DataError(
                f"a lesion must have one mask in an image, but has {of_image[numbers[lesion]]} and {file}: keep one"
            )
        of_image[numbers[lesion]] = file


def _folder(root: Path, named: str | None, usual: str, others: str) -> Path:
    """Return the folder that is named, or the usual one, or the only one of the others."""
    if named is not None or (root / usual).is_dir():
        found = [root / (named or usual)]
    else:
        found = sorted(folder for folder in root.glob(others) if folder.is_dir())
    if len(found) > 1:
        raise DataError(
            f"{root} must have one folder of {usual}, but has {', '.join(folder.name for folder in found)}: name the "
            f'one that counts in {DESCRIPTION} ("{usual}": "{found[0].name}")'
        )
    if not found or not found[0].is_dir():
        wanted = named or f"{usual} (or {others})"
        raise FileNotFoundError(f"{root} must hold lesion folders, but has no folder {wanted}")
    return found[0]


def _masks_in(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() != ".png" and not file.name.startswith("."):
            raise DataError(f"masks of lesions must be PNG files, but there is {file}: convert it, or take it away")
        if not file.name.startswith("."):
            yield file


def _may_be_a_list(file: Path) -> bool:
    """Whether every line is one word; licences and explanations are not."""
    if file.name in (CLASSES, NAMES):
        return False
    return all(len(line.split()) <= 1 for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
