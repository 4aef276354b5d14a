"""COCO annotations: ``annotations/instances_<list>.json``, or ``<list>/_annotations.coco.json`` beside the images.

Objects are polygons, run lengths or compressed run lengths, decoded by pycocotools. Background is added as the first
class; the categories follow in the order of their ids. Regions of crowds (``iscrowd``) are ignored where no object is.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from rarepix.data.drawn import RULE, Shape, WrongShape
from rarepix.data.evidence import Evidence
from rarepix.data.polygons import Polygons, box, numbers
from rarepix.data.run_lengths import CocoRuns
from rarepix.data.source import DataError, Size, first_of
from rarepix.data.sources.coco_files import CocoFile, candidates, find_files
from rarepix.data.sources.drawn_source import (
    DrawnList,
    DrawnSource,
    class_ids,
    drawn_images,
    labels_of,
    with_background,
)
from rarepix.data.sources.image_search import image_search
from rarepix.data.sources.image_tree import named_folder
from rarepix.settings import Settings


class Parameters(Settings):
    """The parameters of this source."""

    annotations: str | None = None
    """The annotation files, a pattern such as labels/*.json. Default: the usual names and folders."""
    images: str | None = None
    """Folder of the images. Default: found by the names in the annotations."""
    boxes: Literal["error", "fill"] = "error"
    """fill: an annotation that has a box and no outline is the whole box, a weak mask."""


def open_source(root: Path, parameters: Parameters) -> "CocoSource":
    """Return the reader of *root*."""
    return CocoSource(root, parameters)


def recognise(root: Path) -> Evidence:
    """Return what *root* has of this layout: annotation files with the keys of COCO."""
    files = candidates(root)
    found = tuple(file.relative_to(root).as_posix() for file in files[:3])
    return Evidence(found, () if files else ("annotations in JSON with images, annotations, categories",))


class CocoSource(DrawnSource):
    """Reader of COCO annotations; every annotation file is a list."""

    def __init__(self, root: Path, parameters: Parameters) -> None:
        super().__init__(root)
        files = find_files(root, parameters.annotations)
        categories, told = _categories(files)
        order = sorted(categories)
        classes = with_background([categories[number] for number in order])
        self.labels = labels_of(classes, files[0].file)
        ids = class_ids(list(categories.values()), classes)
        self._class_of = {number: ids[categories[number]] for number in order}
        self._fill_boxes = parameters.boxes == "fill"
        named = named_folder(root, parameters.images, "data.images") if parameters.images else None
        self._lists = {file.list_name: self._read(file, named) for file in files}
        self.assumed = "; ".join([*told, *_told(files)])

    def _read(self, file: CocoFile, named: Path | None) -> DrawnList:
        search = image_search(self.root, file.list_name, file.file.parent, named)
        images, faults = file.images()
        names = {number: str(image["file_name"]) for number, image in images.items()}
        sizes = {str(image["file_name"]): _size(image) for image in images.values()}
        shapes, orphans = [], []
        for annotation in file.annotations:
            name = names.get(annotation.get("image_id"))
            if name is None:
                orphans.append(f"annotation {annotation.get('id')} (image_id {annotation.get('image_id')})")
            else:
                shapes.append((name, self._shape(annotation, sizes[name])))
        if orphans:
            faults.append(
                f"every annotation in {file.file} must be of an image that the file lists, but {len(orphans)} are not: "
                f"{first_of(orphans, 5)}: add the images, or take the annotations out"
            )
        drawn = drawn_images(file.file, self.labels, {name: search.find(name) for name in names.values()}, shapes)
        sized = (replace(image, mask=replace(image.mask, size=sizes[image.name])) for image in drawn)
        return DrawnList(file.file, tuple(sized), tuple(faults))

    def _shape(self, annotation: dict[str, Any], size: Size | None) -> Shape:
        """Return what an annotation draws; what is wrong with it is said when the mask is read."""
        name = f"annotation {annotation.get('id')}"
        number = self._class_of.get(annotation.get("category_id"))
        if number is None:
            known = first_of(sorted(self._class_of), 20)
            return WrongShape(0, name, f"must be of a category ({known}), but has {annotation.get('category_id')}")
        number = self.labels.ignore if annotation.get("iscrowd") else number
        outline = annotation.get("segmentation")
        try:
            if isinstance(outline, dict):
                counts = outline["counts"]
                rows, columns = outline["size"]
                return CocoRuns(
                    number, name, (rows, columns), counts if isinstance(counts, str) else tuple(map(int, counts))
                )
            if not outline and annotation.get("bbox"):
                return self._box(number, name, annotation["bbox"])
            outline = outline if outline and isinstance(outline[0], list) else [outline or []]
            return Polygons(number, name, tuple(map(numbers, outline)))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            return WrongShape(0, name, f"must have polygons, or run lengths with size and counts, but: {error!r}")

    def _box(self, number: int, name: str, values: list[float]) -> Shape:
        if not self._fill_boxes:
            reason = "must have an outline (segmentation), but has a box only (data.boxes=fill takes the whole box)"
            return WrongShape(0, name, reason)
        left, top, width, height = numbers(values)
        return Polygons(number, name, (box(left, top, width, height),))


def _size(image: dict[str, Any]) -> Size | None:
    rows, columns = image.get("height"), image.get("width")
    return (rows, columns) if isinstance(rows, int) and isinstance(columns, int) and rows > 0 and columns > 0 else None


def _categories(files: list[CocoFile]) -> tuple[dict[int, str], list[str]]:
    """Return category id → name over all files, and what to tell about them.

    A category that only groups others, as exports have one with the name of the project, is left out.
    """
    categories: dict[int, str] = {}
    groups, used = set(), set()
    for file in files:
        used |= {annotation.get("category_id") for annotation in file.annotations}
        for category in file.categories:
            number, name = category["id"], str(category["name"])
            if category.get("supercategory") != name:  # many tools give a category itself as its group
                groups.add(category.get("supercategory"))
            if categories.setdefault(number, name) != name:
                raise DataError(
                    f"annotation files of one dataset must have the same categories, but {file.file} calls category "
                    f"{number} {name!r} and another one {categories[number]!r}: export them together"
                )
    unused = {n: name for n, name in categories.items() if name in groups and n not in used and len(categories) > 1}
    told = [f"category {name!r} only groups others and is left out" for name in unused.values()]
    return {number: name for number, name in categories.items() if number not in unused}, told


def _told(files: list[CocoFile]) -> list[str]:
    told = [RULE]
    crowds = sum(bool(annotation.get("iscrowd")) for file in files for annotation in file.annotations)
    if crowds:
        told.append(f"{crowds} regions of crowds (iscrowd) are ignored")
    bare = sum(len(file.images()[0].keys() - {row.get("image_id") for row in file.annotations}) for file in files)
    if bare:
        told.append(f"{bare} images have no annotation and are background only")
    return told
