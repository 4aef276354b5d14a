"""The annotation files of a COCO dataset: which there are, which list each is, and what is in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarepix.data.source import DataError, first_of
from rarepix.data.sources.image_tree import ALL, subfolders
from rarepix.data.sources.json_files import check_json, json_files, read_json

KEYS = ("images", "annotations", "categories")
IDS = {"images": ("id",), "annotations": ("image_id", "category_id")}
"""What is looked up, by key; a list or a mapping cannot be."""
PLAIN = ("", "default", "annotations", "annotation", "coco", "result", "instances", "labels", "_annotations.coco")
"""Names of a file, without its ending, that say nothing about a list."""
OTHER_TASKS = ("captions_", "person_keypoints_", "stuff_", "panoptic_", "image_info_")


@dataclass(frozen=True)
class CocoFile:
    """One annotation file."""

    file: Path
    list_name: str
    content: Mapping[str, Any]

    @property
    def annotations(self) -> list[dict[str, Any]]:
        """Every annotation as it stands."""
        return self.content["annotations"]

    @property
    def categories(self) -> list[dict[str, Any]]:
        """Every category as it stands."""
        return self.content["categories"]

    def images(self) -> tuple[dict[Any, dict[str, Any]], list[str]]:
        """Return image id → its entry, and what is wrong with the entries."""
        images: dict[Any, dict[str, Any]] = {}
        double, nameless, names = [], [], set()
        for image in self.content["images"]:
            name = image.get("file_name")
            if not isinstance(name, str) or "id" not in image:
                nameless.append(image.get("id", name))
            elif image["id"] in images or name in names:
                double.append(f"{image['id']} ({name})")
            else:
                images[image["id"]] = image
                names.add(name)
        faults = []
        if nameless:
            faults.append(f"every image in {self.file} must have id and file_name, but not so: {first_of(nameless, 5)}")
        if double:
            faults.append(f"{self.file} must list every image once, but lists more often: {first_of(double, 5)}")
        return images, faults


def find_files(root: Path, pattern: str | None) -> list[CocoFile]:
    """Return the annotation files in *root*, by list; *pattern* names them where they are not called as usual.

    Raises:
        FileNotFoundError: there is none.
        DataError: a file that must be one is none, or two would be the same list.
    """
    files = candidates(root, pattern)
    if not pattern:
        check_json(root / "annotations", root)
    if not files:
        where = pattern or "annotations/*.json, *.json or */_annotations.coco.json"
        raise FileNotFoundError(
            f"{root} must hold COCO annotations ({where} with the keys {', '.join(KEYS)}), but has none: name the "
            f"files (data.annotations)"
        )
    found: dict[str, CocoFile] = {}
    for file in files:
        name = _list_name(root, file)
        if name in found:
            raise DataError(f"{found[name].file} and {file} would both be the list {name}: name one (data.annotations)")
        found[name] = CocoFile(file, name, _checked(file))
    return list(found.values())


def candidates(root: Path, pattern: str | None = None) -> list[Path]:
    """Return the files that a pattern names, or those in the usual places that have the keys of COCO."""
    if pattern:
        return sorted(file for file in root.glob(pattern) if file.is_file())
    beside = [file for folder in subfolders(root) if (file := folder / "_annotations.coco.json").is_file()]
    files = [*json_files(root / "annotations", root), *beside]
    return [file for file in files if not file.name.startswith(OTHER_TASKS) and _has_keys(file)]


def _has_keys(file: Path) -> bool:
    try:
        content = read_json(file)
    except DataError:
        return False
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in KEYS)


def _checked(file: Path) -> Mapping[str, Any]:
    content = read_json(file)
    if not _has_keys(file) or any(not isinstance(row, dict) for key in KEYS for row in content[key]):
        raise DataError(f"{file} must have the keys {', '.join(KEYS)} of COCO, each a list of objects: export it again")
    for key, names in IDS.items():
        wrong = [(name, row[name]) for row in content[key] for name in names if isinstance(row.get(name), list | dict)]
        if wrong:
            raise DataError(
                f"{file} must have one id each in its {key}, but one has {wrong[0][0]} {wrong[0][1]!r}: export it again"
            )
    categories = content["categories"]
    if not categories or any(not isinstance(row.get("id"), int) or "name" not in row for row in categories):
        raise DataError(f"{file} must have categories, each with a name and a whole number as id: export it again")
    return content


def _list_name(root: Path, file: Path) -> str:
    """Return the list that a file is of, by its name, or by the folder that it lies in."""
    stem = file.stem.removeprefix("instances_")
    if stem.lower() not in PLAIN:
        return stem
    return ALL if file.parent == root or file.parent.name == "annotations" else file.parent.name
