"""Folders with a mask for each lesion of an image: multilabel, or binary where lesions are merged.

Images are in ``images`` (or ``images_<size>``), and ``masks`` (or ``lesion_segs_<size>``) has either a folder for each
lesion (``masks/<lesion>/<id>.png``) or one for each image (``masks/<id>/<lesion>.png``). A missing
file means that the image has no such lesion. Lists are text files beside the folders, an id a line.

Names of the lesions come from ``dataset.json`` (classes, and short codes), else ``classes.txt`` (``name,code`` a
line), else ``class_names.txt`` (a name a line).
"""

from collections import defaultdict
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from rarepix.data.images import is_hidden
from rarepix.data.masks import LayerMask
from rarepix.data.source import DataError, Item
from rarepix.data.sources.description import Description, describe, label_space
from rarepix.data.sources.image_folder import LOSSLESS, ImageFolder
from rarepix.data.sources.lists import build_items, list_files, read_id_list, read_text
from rarepix.labels import SOFT_SCALE, LabelSpace, Task
from rarepix.settings import Settings

MERGED_LABELS = LabelSpace(names=("background", "lesion"), background=0, rare=("lesion",), task=Task.BINARY)
DESCRIPTION, CLASSES, NAMES = "dataset.json", "classes.txt", "class_names.txt"
ASSUMED = (
    "{root} has no dataset.json: every grey value above 0 of a mask is taken for its lesion; if that is wrong, write "
    '{root}/dataset.json, such as {{"classes": [{classes}], "above": 127}}'
)


class LesionDescription(Description):
    """What ``dataset.json`` may say about lesions; classes are the lesions, without a background."""

    task: Task = Task.MULTILABEL
    """binary: lesions are one class, whatever a recipe says."""
    codes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Short name of every class, by which its files may be called."""
    above: int = Field(0, ge=0, lt=255)
    """A pixel belongs to a lesion where the grey value of its mask is above this."""
    images: str | None = None
    """Folder of the images. Default: ``images``, or the one that begins with ``images_``."""
    masks: str | None = None
    """Folder of the masks. Default: ``masks``, or the one that begins with ``lesion_segs``."""

    @model_validator(mode="after")
    def _lesions(self) -> "LesionDescription":
        if self.codes and len(self.codes) != len(self.classes):
            raise ValueError(f"codes must name each of the {len(self.classes)} classes, but has {len(self.codes)}")
        owners = {name: name for name in self.classes}
        for name, code in zip(self.classes, self.codes, strict=False):
            if owners.setdefault(code, name) != name:
                raise ValueError(f"codes must tell the classes apart, but {code!r} is of {owners[code]!r} and {name!r}")
        if self.task is Task.MULTICLASS:
            raise ValueError("task must be multilabel or binary, since lesions overlap, but is multiclass")
        if self.soft and "above" in self.model_fields_set:
            raise ValueError("above cuts grey values that are shares where soft is true: leave one of them out")
        if "background" in self.classes:
            raise ValueError("classes must be the lesions alone, but one is background: leave it out")
        return self

    def numbers(self) -> dict[str, int]:
        """Return class name or code, which files may be named by → number of the lesion."""
        by_name = {name: number for number, name in enumerate(self.classes)}
        return {code: number for number, code in enumerate(self.codes)} | by_name


def read_description(root: Path) -> LesionDescription:
    """Return what the folder *root* says about its lesions.

    Raises:
        DataError: it does not name them, or the file that does cannot be read.
    """
    if (root / DESCRIPTION).is_file():
        return describe(root / DESCRIPTION, LesionDescription)
    for file in (root / CLASSES, root / NAMES):
        if file.is_file():
            return _from_lines(file)
    raise DataError(
        f"{root} must say what its lesions are called, but has no {DESCRIPTION}, no {CLASSES} and no {NAMES}: "
        f'write {DESCRIPTION}, such as {{"classes": ["haemorrhage", "exudate"], "codes": ["HE", "EX"]}}'
    )


def _from_lines(file: Path) -> LesionDescription:
    lines = [line.strip() for line in read_text(file).splitlines() if line.strip()]
    parts = [[part.strip() for part in line.split(",")] for line in lines]
    if not parts or len({len(words) for words in parts}) > 1 or len(parts[0]) > 2 or not all(map(all, parts)):
        raise DataError(f"{file} must hold a name, or a name and its code (name,code), in every line, but has {lines}")
    codes = tuple(words[1] for words in parts) if len(parts[0]) == 2 else ()
    try:
        return LesionDescription(classes=[words[0] for words in parts], codes=codes)
    except ValueError as error:
        raise DataError(f"{file}: {error}") from error


class Parameters(Settings):
    """The parameters of this source."""

    merge: bool = False
    """All lesions are one class, so that the task is binary."""


def open_source(root: Path, parameters: Parameters) -> "LesionSource":
    """Return the reader of *root*."""
    return LesionSource(root, merge=parameters.merge)


class LesionSource:
    """Reader of one folder of lesions; with *merge* all of them are one class."""

    def __init__(self, root: Path, *, merge: bool = False) -> None:
        self.root = root
        description = read_description(root)
        self._merge = merge or description.task is Task.BINARY
        self.name = description.name or root.resolve().name
        merged = replace(MERGED_LABELS, scale=SOFT_SCALE) if description.soft else MERGED_LABELS
        self.labels = merged if self._merge else label_space(description, root / DESCRIPTION)
        classes = ", ".join(f'"{name}"' for name in description.classes)
        self.assumed = "" if (root / DESCRIPTION).is_file() else ASSUMED.format(root=root, classes=classes)
        self._description = description
        self._images = _folder(root, description.images, "images", "images_*")
        self._masks = _folder(root, description.masks, "masks", "lesion_segs*")

    def lists(self) -> list[str]:
        """Return the names of the text files with one word, or the name of an image, a line."""
        images = ImageFolder(self._images)
        return sorted(name for name, file in list_files(self.root).items() if _is_list(file, images))

    def items(self, list_name: str) -> list[Item]:
        """Return the items of ``<list_name>.txt``."""
        file = list_files(self.root).get(list_name, self.root / f"{list_name}.txt")
        images = ImageFolder(self._images)
        names = read_id_list(file, self.lists(), images)
        return build_items(names, file, lambda name: self._item(name, images.find(name)))

    def _item(self, name: str, image: Path) -> Item:
        files = self._mask_files.get(name, {})
        layers = tuple(files.get(number) for number in range(len(self._description.classes)))
        mask = LayerMask(layers, self._description.above, merge=self._merge, soft=self._description.soft)
        return Item(name, image, mask)

    @cached_property
    def _mask_files(self) -> dict[str, dict[int, Path]]:
        """Image id → number of the lesion → its mask."""
        images = {*ImageFolder(self._images).names()}
        folders = {folder.name for folder in self._masks.iterdir() if folder.is_dir() and not is_hidden(folder)}
        numbers = self._description.numbers()
        folder_per_lesion = bool(folders & numbers.keys())
        if not folder_per_lesion and not folders & images:
            present = ", ".join(sorted(folders)[:5]) or "none"
            raise DataError(
                f"{self._masks} must hold a folder for each lesion ({', '.join(numbers)}) or for each image, but holds "
                f"{present}: rename them, or correct the classes in {DESCRIPTION}"
            )
        files_of: dict[str, dict[int, Path]] = defaultdict(dict)
        for folder in sorted(folders):
            files = _masks_in(self._masks / folder)
            if folder_per_lesion and files and not images & {file.stem for file in files}:
                raise DataError(
                    f"masks must be called like their images, but none of those in {self._masks / folder} is "
                    f"({files[0].name}, …): rename them"
                )
            for file in files:
                image, lesion = (file.stem, folder) if folder_per_lesion else (folder, file.stem)
                if lesion not in numbers:
                    raise DataError(
                        f"every mask must be of a lesion that is named ({', '.join(numbers)}), but {file} is of "
                        f"{lesion!r}: name it in the classes of {DESCRIPTION}, or remove it"
                    )
                first = files_of[image].setdefault(numbers[lesion], file)
                if first != file:
                    raise DataError(f"a lesion must have one mask in an image, but has {first} and {file}: keep one")
        return files_of


def _folder(root: Path, named: str | None, usual: str, others: str) -> Path:
    """Return the folder that is named, or the usual one, or the only one that matches the pattern *others*."""
    folders = [root / (named or usual)]
    if named is None and not folders[0].is_dir():
        folders = sorted(folder for folder in root.glob(others) if folder.is_dir())
    if len(folders) > 1:
        raise DataError(
            f"{root} must have one folder of {usual}, but has {', '.join(folder.name for folder in folders)}: name the "
            f'one that counts in {DESCRIPTION} ("{usual}": "{folders[0].name}")'
        )
    if not folders or not folders[0].is_dir():
        wanted = named or f"{usual} (or {others})"
        raise FileNotFoundError(f"{root} must hold lesion folders, but has no folder {wanted}")
    return folders[0]


def _masks_in(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if not is_hidden(file))
    for file in files:
        if file.suffix.lower() not in LOSSLESS:
            raise DataError(
                f"masks of lesions must be {', '.join(LOSSLESS)} files, but there is {file}: convert it, or remove it"
            )
    return files


def _is_list(file: Path, images: ImageFolder) -> bool:
    """Whether every line is one word or names an image, as the lines of licences and read-me files do not."""
    lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    words = [line.strip() for line in lines if len(line.split()) > 1]
    return file.name not in (CLASSES, NAMES) and all(images.has(images.resolve(line)) for line in words)
