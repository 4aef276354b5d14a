"""What the names of images and of their masks end in, so that both can be paired by what is before it."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from rarepix.data.source import DataError, first_of

MASK_SUFFIXES = (
    *("", "_mask", "-mask", "_masks", "_gt", "-gt", "_label", "-label", "_labels", "_labelids", "_labeltrainids"),
    *("_seg", "_segmentation", "_groundtruth", "_ground_truth", "_lab", "_l", "_annotation", "_ann", "_anno"),
    *("_target", "_manual1", "_matte", "_segmap", "_json", "_m"),
)
"""Suffixes of masks that are recognised, in lower case."""
IMAGE_SUFFIXES = ("", "_image", "-image", "_img", "_sat", "_rgb", "_training", "_test", "_original", "_orig")
"""Suffixes of images that are recognised, in lower case."""


class Stems(NamedTuple):
    """The suffixes of images and masks."""

    image: str
    mask: str

    def images(self, tree: Mapping[str, Path], *, one_folder: bool) -> dict[str, Path]:
        """Return name without suffix → image; in *one_folder* with the masks what ends like a mask is none."""
        keys = (key for key in tree if not (one_folder and _stem(key, self.mask) is not None))
        return {stem: tree[key] for key in keys if (stem := _stem(key, self.image)) is not None}

    def masks(self, tree: Mapping[str, Path]) -> dict[str, Path]:
        """Return name without suffix → mask."""
        return {stem: file for key, file in tree.items() if (stem := _stem(key, self.mask)) is not None}


def find_stems(
    root: Path,
    trees: Iterable[tuple[Mapping[str, Path], Mapping[str, Path]]],
    image_suffix: str | None,
    mask_suffix: str | None,
) -> Stems:
    """Return the suffixes by which most images get a mask; *trees* are images and masks of every list.

    Suffixes that the recipe names are taken as they are.

    Raises:
        DataError: no image has a mask, or several suffixes of masks fit equally many.
    """
    trees = list(trees)
    image_suffixes = IMAGE_SUFFIXES if image_suffix is None else (image_suffix,)
    mask_suffixes = MASK_SUFFIXES if mask_suffix is None else (mask_suffix,)
    matched = {
        Stems(image, mask): sum(_matches(Stems(image, mask), images, masks) for images, masks in trees)
        for image in image_suffixes
        for mask in mask_suffixes
    }
    most = max(matched.values())
    best = [stems for stems, count in matched.items() if count == most]
    if not most:
        images, masks = (first_of(sorted(key for tree in trees for key in tree[side]), 3) for side in (0, 1))
        raise DataError(
            f"masks in {root} must be called like their images, but no image has a mask of its name: images are called "
            f"{images or '(none)'}; masks {masks or '(none)'}: rename them, or name what is added (data.mask_suffix)"
        )
    if len({stems.mask for stems in best}) > 1:
        raise DataError(
            f"every image in {root} must have one mask, but names with {' and with '.join(repr(s.mask) for s in best)} "
            f"at their end fit equally well: name the one that counts (data.mask_suffix: {best[-1].mask})"
        )
    return best[0]


def has_marked_masks(tree: Collection[str]) -> bool:
    """Return whether names of a folder have partners that end like a mask."""
    stems = {_stem(key, suffix) for key in tree for suffix in IMAGE_SUFFIXES if _stem(key, suffix) is not None}
    return any(_stem(key, suffix) in stems for key in tree for suffix in MASK_SUFFIXES[1:])


def _matches(stems: Stems, images: Mapping[str, Path], masks: Mapping[str, Path]) -> int:
    one_folder = images == masks
    if one_folder and not stems.mask:
        return 0
    return len(stems.images(images, one_folder=one_folder).keys() & stems.masks(masks).keys())


def _stem(key: str, suffix: str) -> str | None:
    """Return *key* without *suffix*, which may be in any case; None if it does not end in it."""
    if not key.lower().endswith(suffix.lower()):
        return None
    return key[: len(key) - len(suffix)]
