"""Which folders of a dataset hold the images, and which their masks."""

from pathlib import Path
from typing import NamedTuple

from rarepix.data.sources.image_tree import (
    ALL,
    ENDINGS,
    IMAGE_FOLDERS,
    MASK_FOLDERS,
    find_folder,
    image_tree,
    named_folder,
    split_folders,
    subfolders,
)
from rarepix.data.sources.stems import has_marked_masks

BESIDE = [
    f"{joint}{word}" for word in ("masks", "mask", "labels", "label", "annot", "gt", "seg") for joint in ("_", "-", "")
]
"""What the name of a split's mask folder ends in where it lies beside the images: ``train`` and ``train_labels``."""


class Folders(NamedTuple):
    """Where the images of a list are, and where their masks are (the same folder, if they differ in their names)."""

    images: Path
    masks: Path


class MaskFiles(NamedTuple):
    """What masks are."""

    folders: tuple[str, ...]
    """The usual names of their folders."""
    endings: frozenset[str]
    """The endings of their files."""
    may_be_empty: bool = False
    """Whether a file of no bytes is a mask, as a text file without objects is."""


MASK_IMAGES = MaskFiles(MASK_FOLDERS, ENDINGS)


def find_pairs(root: Path, images: str | None, masks: str | None, kind: MaskFiles) -> dict[str, Folders]:
    """Return name of a list → its folders; the only name is ``all`` where folders make no splits.

    *images* and *masks* are the folders that the recipe names, masks are of this *kind*. A split of which only images
    are there is left out.

    Raises:
        FileNotFoundError: there are no such folders; the message says what is missing.
        DataError: a folder that the recipe names is not there.
    """
    image_folder = named_folder(root, images, "data.images") if images else find_folder(root, IMAGE_FOLDERS)
    mask_folder = named_folder(root, masks, "data.masks") if masks else find_folder(root, kind.folders)
    if image_folder and mask_folder:
        return _inside(image_folder, mask_folder)
    found = _split_pairs(root, kind) or _one_folder(root, kind)
    if found:
        return found
    what = f"a folder of images ({', '.join(IMAGE_FOLDERS[:4])}, …) and one of masks ({', '.join(kind.folders[:4])}, …)"
    missing = " and ".join(
        name for name, folder in (("images", image_folder), ("masks", mask_folder)) if folder is None
    )
    names = ", ".join(folder.name for folder in subfolders(root)) or "no folders"
    raise FileNotFoundError(
        f"{root} must hold {what}, or such folders in train, val and test, but has no folder of {missing} among its "
        f"{names}: name the folders (data.images and data.masks)"
    )


def _inside(images: Path, masks: Path) -> dict[str, Folders]:
    """Return the splits that are folders both of images and of masks; without any, everything."""
    of_masks = split_folders(masks)
    splits = {
        name: Folders(folder, of_masks[name]) for name, folder in split_folders(images).items() if name in of_masks
    }
    return splits or {ALL: Folders(images, masks)}


def _split_pairs(root: Path, kind: MaskFiles) -> dict[str, Folders]:
    """Return the splits whose folder holds images and masks in folders, or has a folder of masks beside it."""
    pairs = {}
    for name, folder in split_folders(root).items():
        inside = find_folder(folder, IMAGE_FOLDERS), find_folder(folder, kind.folders)
        beside = find_folder(root, [f"{name}{end}" for end in BESIDE])
        if all(inside):
            pairs[name] = Folders(*inside)
        elif beside:
            pairs[name] = Folders(folder, beside)
    return pairs


def _one_folder(root: Path, kind: MaskFiles) -> dict[str, Folders]:
    """Return the folders that hold images and masks side by side: those of splits, a folder of images, or *root*."""

    def has_both(folder: Path) -> bool:
        images = image_tree(folder)
        if kind.endings == ENDINGS:
            return has_marked_masks(images)
        return bool(images.keys() & image_tree(folder, kind.endings).keys())

    folders = split_folders(root)
    if not folders:
        folders = {ALL: find_folder(root, IMAGE_FOLDERS) or root}
    return {name: Folders(folder, folder) for name, folder in folders.items() if has_both(folder)}
