"""What readers of annotation files share: lists of drawn images, their ids, and the faults of the files."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from rarepix.data.drawn import DrawnMask, Shape
from rarepix.data.images import SUFFIXES
from rarepix.data.source import DataError, FaultyList, Item, MissingFiles, first_of
from rarepix.data.sources.image_tree import ALL, image_id
from rarepix.data.sources.lists import build_items, unknown_list
from rarepix.labels import LabelSpace, Task


@dataclass(frozen=True)
class DrawnImage:
    """An image with the objects that annotations have for it."""

    name: str
    """What the annotations call it."""
    path: Path
    mask: DrawnMask


@dataclass(frozen=True)
class DrawnList:
    """The images of one list, and what is wrong with its annotations as a whole."""

    file: Path
    """Where its annotations are."""
    images: tuple[DrawnImage, ...]
    faults: tuple[str, ...] = ()


class DrawnSource:
    """Base of the readers of annotation files; a reader fills in labels, lists and what it assumed."""

    labels: LabelSpace
    assumed: str

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = root.resolve().name
        self._lists: dict[str, DrawnList] = {}

    def lists(self) -> list[str]:
        """Return the names of the lists; ``all`` is every image."""
        return sorted({ALL, *self._lists})

    def items(self, list_name: str) -> list[Item]:
        """Return the items of a list, in the order of its annotations.

        Raises:
            FaultyList: the annotations have faults that are not those of one image.
        """
        if list_name not in self.lists():
            raise unknown_list(f"{self.root}: list {list_name}", self.lists())
        names = [list_name] if list_name in self._lists else [*self._lists]
        items, faults, missing, taken = [], [], [], {}
        for name in names:
            found = self._lists[name]
            faults += [*found.faults, *_shared_files(found)]
            image_of = dict(zip(self._ids(name), found.images, strict=True))
            again = [key for key in image_of if key in taken]
            different = [key for key in again if not _same_objects(image_of[key], taken[key])]
            if different:
                faults.append(
                    f"an image must have the same objects in every list, but in {found.file} these have others: "
                    f"{first_of(different, 5)}: correct the files, or name one (data.annotations)"
                )
            image_of = {key: image for key, image in image_of.items() if key not in taken}
            taken |= image_of
            try:
                items += build_items(
                    [*image_of], found.file, lambda key, of=image_of: Item(key, of[key].path, of[key].mask)
                )
            except MissingFiles as error:
                missing.append(str(error))
                items += error.items
        if faults:
            raise FaultyList("\n".join(faults + missing), items)
        if missing:
            raise MissingFiles("\n".join(missing), items)
        if not items:
            raise DataError(f"{self._lists[names[0]].file} must name images, but names none")
        return items

    def _ids(self, name: str) -> list[str]:
        """Return the ids of a list's images: their names, with the list's before them where several files share one.

        A file that is in several lists has one id, with the name of the first, so that splits that overlap are seen.
        """
        first_list, files = {}, defaultdict(set)
        for key, found in self._lists.items():
            for image in found.images:
                first_list.setdefault(image.path, key)
                files[_stem(image.name)].add(image.path)
        shared = any(len(paths) > 1 for paths in files.values())
        images = self._lists[name].images
        ids = [
            image_id(f"{first_list[image.path]}/{_stem(image.name)}" if shared else _stem(image.name))
            for image in images
        ]
        if len(set(ids)) < len(ids):
            double = sorted({key for key in ids if ids.count(key) > 1})
            raise DataError(
                f"{self._lists[name].file} must name images that differ in more than their ending, but names these "
                f"more often: {first_of(double, 5)}: rename them"
            )
        return ids


def _stem(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/").lstrip("/"))
    # names without ending may hold dots, as those of DICOM images do: 1.2.276.0.7230010
    return (path.with_suffix("") if path.suffix.lower() in SUFFIXES else path).as_posix()


def _same_objects(first: DrawnImage, second: DrawnImage) -> bool:
    """Return whether two lists have the same objects of an image, whatever they are called."""
    objects = ([replace(shape, name="") for shape in image.mask.shapes] for image in (first, second))
    return next(objects) == next(objects)


def _shared_files(found: DrawnList) -> list[str]:
    """Return the fault of a list in which several names are found to be one file; none if all are different."""
    names = defaultdict(list)
    for image in found.images:
        names[image.path].append(image.name)
    shared = [
        f"{' and '.join(called)} ({file})" for file, called in names.items() if len(called) > 1 and file.is_file()
    ]
    if not shared:
        return []
    return [
        f"every image in {found.file} must be a file of its own, but these are found to be one: "
        f"{first_of(shared, 5, ';')}: add the images under these names, or name their folder (data.images)"
    ]


def drawn_images(
    file: Path, labels: LabelSpace, paths: Mapping[str, Path], shapes: Sequence[tuple[str, Shape]]
) -> tuple[DrawnImage, ...]:
    """Return image by image, by name → path, the *shapes*, each with the name of its image, in their order."""
    of_image = defaultdict(list)
    for name, shape in shapes:
        of_image[name].append(shape)
    empty = DrawnMask(file, (), background=labels.background or 0, ignore=labels.ignore)
    return tuple(DrawnImage(name, path, replace(empty, shapes=tuple(of_image[name]))) for name, path in paths.items())


def with_background(names: Sequence[str]) -> tuple[str, ...]:
    """Return the classes with background as the first one, whether it is among *names* or not."""
    others = [name for name in names if name.lower() != "background"]
    return ("background", *others)


def class_ids(names: Sequence[str], classes: Sequence[str]) -> dict[str, int]:
    """Return each of *names* → its id in *classes*, which ``with_background`` made of them."""
    return {name: 0 if name.lower() == "background" else classes.index(name) for name in names}


def labels_of(classes: Sequence[str], file: Path) -> LabelSpace:
    """Return the label space of *classes*, of which the first is the background; one other class is a binary task.

    Raises:
        DataError: the classes cannot be one; the message names *file*.
    """
    is_binary = len(classes) == 2
    task, rare = (Task.BINARY, tuple(classes[1:])) if is_binary else (Task.MULTICLASS, ())
    try:
        return LabelSpace(names=tuple(classes), background=0, task=task, rare=rare)
    except ValueError as error:
        raise DataError(f"{file}: {error}") from error
