"""Annotations of the VGG Image Annotator: a project of VIA 2 (or 1), or its export as JSON.

``<list>/via_region_data.json`` beside the images, or one file in the dataset's folder. The class of a region is one of
its attributes; background is added as the first class, the others follow in the order of the alphabet.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rarepix.data.drawn import RULE, Shape, WrongShape
from rarepix.data.evidence import Evidence
from rarepix.data.polygons import Polygons, box, ellipse, numbers
from rarepix.data.source import DataError, first_of
from rarepix.data.sources.drawn_source import (
    DrawnList,
    DrawnSource,
    class_ids,
    drawn_images,
    labels_of,
    with_background,
)
from rarepix.data.sources.image_search import image_search
from rarepix.data.sources.image_tree import ALL, SPLITS, named_folder, subfolders
from rarepix.data.sources.json_files import check_json, json_files, read_json
from rarepix.settings import Settings

PROJECT = "_via_img_metadata"
USUAL_ATTRIBUTES = ("class", "label", "name", "type", "category", "object")
ONLY_CLASS = "object"


class Parameters(Settings):
    """The parameters of this source."""

    annotations: str | None = None
    """The annotation files, a pattern such as train/*.json. Default: every JSON file that VIA wrote."""
    images: str | None = None
    """Folder of the images. Default: found by the names in the annotations."""
    attribute: str | None = None
    """The attribute of a region that is its class. Default: the only one, or the one called class or alike."""


def recognise(root: Path) -> Evidence:
    """Return what *root* has of this layout: files that VIA wrote."""
    files = [file.relative_to(root).as_posix() for file in _files(root, None)]
    return Evidence(tuple(files[:3]), () if files else ("annotations of VIA in JSON",))


def open_source(root: Path, parameters: Parameters) -> "ViaSource":
    """Return the reader of *root*."""
    return ViaSource(root, parameters)


class ViaSource(DrawnSource):
    """Reader of the regions that were drawn in VIA; every annotation file is a list."""

    def __init__(self, root: Path, parameters: Parameters) -> None:
        super().__init__(root)
        files = _files(root, parameters.annotations)
        if not parameters.annotations:
            check_json(root, *subfolders(root))
        if not files:
            where = parameters.annotations or "*.json, */*.json"
            raise FileNotFoundError(f"{root} must hold annotations of VIA ({where}), but has none: export them as JSON")
        contents = {file: _entries(file) for file in files}
        regions = [region for entries in contents.values() for _, of_image in entries for region in of_image]
        self._attribute = parameters.attribute or _attribute(regions, root)
        names = sorted({name for region in regions if (name := self._class(region))})
        classes = with_background(names)
        self.labels = labels_of(classes, files[0])
        self._class_of = class_ids(names, classes)
        named = named_folder(root, parameters.images, "data.images") if parameters.images else None
        for file, entries in contents.items():
            name = _list_name(root, file)
            if name in self._lists:
                raise DataError(f"{self._lists[name].file} and {file} would both be the list {name}: name one")
            self._lists[name] = self._read(name, file, entries, named)
        self.assumed = "; ".join([RULE, *self._told(contents)])

    def _read(self, name: str, file: Path, entries: list[tuple[str, list]], named: Path | None) -> DrawnList:
        search = image_search(self.root, name, file.parent, named)
        shapes = [
            (image, self._shape(region, f"region {number} of {image}"))
            for image, regions in entries
            for number, region in enumerate(regions, 1)
        ]
        images = drawn_images(file, self.labels, {image: search.find(image) for image, _ in entries}, shapes)
        double = [image for image, count in Counter(image for image, _ in entries).items() if count > 1]
        faults = (
            (f"{file} must list every image once, but lists more often: {', '.join(double[:5])}",) if double else ()
        )
        return DrawnList(file, images, faults)

    def _class(self, region: Mapping[str, Any]) -> str:
        """Return the class of a region; '' if it has none."""
        if self._attribute is None:
            return ONLY_CLASS
        value = region.get("region_attributes", {}).get(self._attribute)
        if isinstance(value, Mapping):  # of a checkbox: every option that is ticked
            value = next((key for key, ticked in value.items() if ticked), "")
        return str(value or "").strip()

    def _shape(self, region: Mapping[str, Any], name: str) -> Shape:
        label = self._class(region)
        if not label:
            return WrongShape(0, name, f"must have the attribute {self._attribute}, its class, but has none")
        drawn = region.get("shape_attributes", {})
        try:
            polygon = _polygon(drawn)
        except KeyError as error:
            return WrongShape(0, name, f"must have {error} for its shape {drawn.get('name')}, but has not")
        except (TypeError, ValueError) as error:
            return WrongShape(0, name, f"must have numbers for its shape {drawn.get('name')}, but: {error}")
        if polygon is None:
            return WrongShape(0, name, f"must be a polygon, rect, circle or ellipse, but is a {drawn.get('name')}")
        return Polygons(self._class_of[label], name, (polygon,))

    def _told(self, contents: Mapping[Path, list[tuple[str, list]]]) -> list[str]:
        by = f"attribute {self._attribute}" if self._attribute else "regions have no attribute: one class"
        told = [f"the class of a region is its {by}" if self._attribute else by]
        bare = sum(not regions for entries in contents.values() for _, regions in entries)
        return [*told, f"{bare} images have no region and are background only"] if bare else told


def _polygon(drawn: Mapping[str, Any]) -> tuple[float, ...] | None:
    """Return the corners of a shape of VIA; None of a shape without area."""
    kind = drawn.get("name")
    if kind == "polygon":
        xs, ys = numbers(drawn["all_points_x"]), numbers(drawn["all_points_y"])
        if len(xs) != len(ys):
            raise ValueError(f"{len(xs)} x and {len(ys)} y")
        return tuple(value for point in zip(xs, ys, strict=True) for value in point)
    if kind == "rect":
        return box(*numbers([drawn[key] for key in ("x", "y", "width", "height")]))
    if kind == "circle":
        x, y, radius = numbers([drawn[key] for key in ("cx", "cy", "r")])
        return ellipse(x, y, radius, radius)
    if kind == "ellipse":
        x, y, radius_x, radius_y = numbers([drawn[key] for key in ("cx", "cy", "rx", "ry")])
        return ellipse(x, y, radius_x, radius_y, float(drawn.get("theta", 0)))
    return None


def _attribute(regions: list[Mapping[str, Any]], root: Path) -> str | None:
    """Return the attribute that is the class; None if regions have none. Raises ``DataError`` if it is not clear."""
    names = sorted({name for region in regions for name in region.get("region_attributes", {})})
    if len(names) < 2:
        return names[0] if names else None
    usual = [name for name in names if name.lower() in USUAL_ATTRIBUTES]
    if len(usual) == 1:
        return usual[0]
    raise DataError(
        f"regions in {root} must have one attribute that is their class, but have {', '.join(names)}: name it "
        f"(data.attribute)"
    )


def _files(root: Path, pattern: str | None) -> list[Path]:
    if pattern:
        return sorted(file for file in root.glob(pattern) if file.is_file())
    return [file for file in json_files(root, *subfolders(root)) if _is_via(file)]


def _is_via(file: Path) -> bool:
    try:
        content = read_json(file)
    except DataError:
        return False
    entries = content.get(PROJECT, content) if isinstance(content, dict) else None
    return isinstance(entries, dict) and bool(entries) and all(map(_is_entry, entries.values()))


def _is_entry(entry: Any) -> bool:
    """Return whether *entry* is of VIA; whether its regions are complete is checked where they are read."""
    return isinstance(entry, dict) and isinstance(entry.get("filename"), str) and "regions" in entry


def _entries(file: Path) -> list[tuple[str, list]]:
    """Return name and regions of every image in a file. Raises ``DataError`` if VIA did not write it."""
    if not _is_via(file):
        raise DataError(f"{file} must be a project or an export of VIA, with filename and regions: export it again")
    content = read_json(file)
    entries = content.get(PROJECT, content).values()
    regions = [entry["regions"] or [] for entry in entries]  # a mapping of numbers in VIA 1, a list in VIA 2
    plain = [[*each.values()] if isinstance(each, dict) else each for each in regions]
    wrong = [entry["filename"] for entry, each in zip(entries, plain, strict=True) if not _are_regions(each)]
    if wrong:
        raise DataError(
            f"{file} must have shape_attributes and region_attributes for every region, but has not for those of "
            f"{first_of(wrong, 5)}: export it again"
        )
    return [(entry["filename"], each) for entry, each in zip(entries, plain, strict=True)]


def _are_regions(regions: Any) -> bool:
    return isinstance(regions, list) and all(
        isinstance(region, dict)
        and all(isinstance(region.get(key, {}), dict) for key in ("shape_attributes", "region_attributes"))
        for region in regions
    )


def _list_name(root: Path, file: Path) -> str:
    if file.parent != root and file.parent.name != "annotations":
        return file.parent.name
    return next((split for split in SPLITS if split == file.stem.lower().removeprefix("via_")), ALL)
