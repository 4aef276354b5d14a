"""Which layout a folder holds: the source ``auto``."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from rarepix.data.evidence import Evidence, of_folders
from rarepix.data.images import is_hidden
from rarepix.data.registry import AUTO, SOURCES
from rarepix.data.source import DataError, first_of
from rarepix.data.sources.image_tree import subfolders
from rarepix.settings import NoParameters

Parameters = NoParameters
BEFORE = {
    "colours": ("voc", "folders"),  # a table of colours says what the indices of a palette do not
    "voc": ("folders",),
    "lesions": ("folders",),
    "cityscapes": ("folders",),
    "polyp": ("folders",),
}
"""Layout → those that it goes before where a folder is of both."""
GENERAL = "folders"
"""The layout that is taken only where no other one fits: most others have images beside masks, too."""


class Recognised(NamedTuple):
    """The layout of a folder."""

    source: str
    others: tuple[str, ...] = ()
    """Further layouts that the folder could be read as."""


def recognise(root: Path) -> Recognised:
    """Return the layout of the folder *root*, by what lies in it; masks are hardly looked at.

    Raises:
        DataError: it is of none, or of several none of which goes before the others; the message says which it could
            be, and what is missing for each.
    """
    evidence = {name: evidence_of(name, root) for name in SOURCES if name != AUTO}
    fitting = [name for name, of_layout in evidence.items() if of_layout.fits]
    behind = {other for name in fitting for other in BEFORE.get(name, ())}
    first = [name for name in fitting if name != GENERAL and name not in behind] or fitting
    if len(first) == 1:
        return Recognised(first[0], tuple(name for name in fitting if name != first[0] and name not in behind))
    if first:
        reasons = "; ".join(f"{name} ({', '.join(evidence[name].found)})" for name in first)
        raise DataError(
            f"{root} must hold one dataset, but can be read in several ways: {reasons}: name the one that counts "
            f"(data.source={first[0]}, or --source {first[0]})"
        )
    raise DataError(_why_none(root, evidence))


def evidence_of(source: str, root: Path) -> Evidence:
    """Return what the folder *root* has and lacks of the layout of a source."""
    if source in BY_FOLDERS:
        return of_folders(root, BY_FOLDERS[source])
    if source == "lesions":
        return _lesions(root)
    look: Callable[[Path], Evidence] = import_module(SOURCES[source]).recognise
    return look(root)


def _lesions(root: Path) -> Evidence:
    """Return what *root* has of lesions: a folder of masks, inside it one for each lesion or for each image."""
    from rarepix.data.sources.lesions import read_description

    images = [folder for folder in subfolders(root) if folder.name == "images" or folder.name.startswith("images_")]
    masks = [folder for folder in subfolders(root) if folder.name == "masks" or folder.name.startswith("lesion_segs")]
    found = tuple(folder.name for folder in (*images, *masks))
    missing = [name for name, folders in (("images", images), ("masks", masks)) if not folders]
    try:
        lesions = read_description(root).numbers().keys()
    except DataError:
        return Evidence(found, (*missing, "the names of the lesions (dataset.json)"))
    inside = {folder.name for folder in subfolders(masks[0])} if masks else set()
    stems = {file.stem for file in images[0].iterdir()} if images else set()
    if not inside & (lesions | stems):
        missing.append("a folder of masks for each lesion, or for each image")
    return Evidence(found, tuple(missing))


def _why_none(root: Path, evidence: dict[str, Evidence]) -> str:
    """Return the message for a folder of no layout."""
    within = [f"{folder} as {name}" for folder in subfolders(root)[:20] for name in evidence if _fits(name, folder)]
    if within:
        return f"{root} must be the dataset's own folder, but one inside it is: read {first_of(within, 3)}"
    close = [f"{name}: {of_layout}" for name, of_layout in evidence.items() if of_layout.found]
    if close:
        return (
            f"{root} must hold a dataset of a known layout, but for each something is missing: {'. '.join(close)}. Add "
            f"it, or name the layout (data.source) and its folders: docs/reference/sources.md"
        )
    present = first_of(sorted(path.name for path in root.iterdir() if not is_hidden(path)), 8) or "nothing"
    return (
        f"{root} must hold a dataset of a known layout, such as images beside masks, but holds {present}: the layouts "
        f"are in docs/reference/sources.md"
    )


def _fits(name: str, folder: Path) -> bool:
    return evidence_of(name, folder).fits


BY_FOLDERS = {
    "voc": ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"),
    "cityscapes": ("leftImg8bit", "gtFine"),
    "polyp": ("TrainDataset/images", "TrainDataset/masks"),
}
"""Layouts that are known by the folders that they need."""
