"""Images and masks in folders, paired by their names: what ``folders`` and ``colours`` share."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from rarepix.data.drawn import EmptyMask
from rarepix.data.evidence import Evidence
from rarepix.data.source import DataError, FaultyList, Item, Mask, first_of
from rarepix.data.sources.image_tree import (
    ALL,
    IMAGE_FOLDERS,
    find_folder,
    image_id,
    image_tree,
    read_split_list,
    split_lists,
)
from rarepix.data.sources.lists import build_items, unknown_list
from rarepix.data.sources.pair_folders import MASK_IMAGES, Folders, MaskFiles, find_pairs
from rarepix.data.sources.stems import Stems, find_stems
from rarepix.labels import LabelSpace
from rarepix.settings import Settings


class PairParameters(Settings):
    """What a recipe may say about the folders."""

    images: str | None = None
    """Folder of the images. Default: the usual names, such as images or JPEGImages."""
    masks: str | None = None
    """Folder of the masks. Default: the usual names, such as masks, labels or annotations."""
    image_suffix: str | None = None
    """What the names of images end in, before the ending. Default: recognised."""
    mask_suffix: str | None = None
    """What the names of masks end in, such as _mask. Default: recognised."""
    missing_mask: Literal["error", "empty"] = "error"
    """empty: an image without mask, or with a mask file of no bytes, holds nothing but background."""


LOOKED_AT = 5
"""Masks that are looked at to tell a layout."""


class Pair(NamedTuple):
    """An image and its mask; None: it has none."""

    image: Path
    mask: Path | None


class Pairs:
    """Every image of a dataset with its mask, by the path of the image, list by list."""

    def __init__(self, root: Path, parameters: PairParameters, masks: MaskFiles = MASK_IMAGES) -> None:
        """Look at the folders below *root*, and at the *masks* in them.

        Raises:
            FileNotFoundError: there are no such folders.
            DataError: no image has a mask by its name, or names leave open which mask it is.
        """
        self.root, self._may_be_empty = root, masks.may_be_empty
        folders = find_pairs(root, parameters.images, parameters.masks, masks)
        trees = {
            name: (image_tree(pair.images), image_tree(pair.masks, masks.endings)) for name, pair in folders.items()
        }
        stems = find_stems(root, trees.values(), parameters.image_suffix, parameters.mask_suffix)
        self._lists: dict[str, list[str]] = {}
        self._pairs: dict[str, Pair] = {}
        self.extra_masks: list[Path] = []
        """Masks that no image has."""
        self.extra_images: list[Path] = []
        """Images whose names do not end as those of the others, so that they are in no list."""
        for name, (images, masks) in trees.items():
            self._add(name, folders[name], images, masks, stems)
        self._check_ids()
        self._text_lists = split_lists(root, self._pairs)

    def _add(
        self, name: str, folders: Folders, images: Mapping[str, Path], masks: Mapping[str, Path], stems: Stems
    ) -> None:
        one_folder = images == masks
        image_of = stems.images(images, one_folder=one_folder)
        mask_of = stems.masks(masks)
        prefix = Path() if name == ALL else Path(name)
        paths = {
            stem: (prefix / image.relative_to(folders.images).with_suffix("")).as_posix()
            for stem, image in image_of.items()
        }
        self._lists[name] = [*paths.values()]
        self._pairs |= {path: Pair(image_of[stem], mask_of.get(stem)) for stem, path in paths.items()}
        used = {mask_of[stem] for stem in image_of if stem in mask_of}
        of_masks = mask_of.values() if one_folder else masks.values()
        self.extra_masks += [mask for mask in of_masks if mask not in used]
        known = {*image_of.values(), *(of_masks if one_folder else ())}
        self.extra_images += [image for image in images.values() if image not in known]

    def _check_ids(self) -> None:
        """Raise ``DataError`` if images get one id: one in a folder, and one that is called so."""
        by_id = defaultdict(list)
        for path in self._pairs:
            by_id[image_id(path)].append(path)
        double = [" and ".join(paths) for paths in by_id.values() if len(paths) > 1]
        if double:
            raise DataError(
                f"images in {self.root} must have different names where '/' is written as '__', since results are "
                f"named so, but these do not: {first_of(double, 5, ';')}: rename them"
            )

    def likely_masks(self) -> list[Path]:
        """Return a few masks that hold objects more likely than others: the largest files."""
        return sorted(self.mask_files, key=lambda file: -file.stat().st_size)[:LOOKED_AT]

    @property
    def mask_files(self) -> list[Path]:
        """Every mask that an image has and that is not empty."""
        return [pair.mask for pair in self._pairs.values() if pair.mask and pair.mask.stat().st_size]

    def lists(self) -> list[str]:
        """Return the splits that folders make, the text files that name images, and ``all``."""
        return sorted({ALL, *self._lists, *self._text_lists})

    def of_list(self, name: str) -> tuple[list[str], Path]:
        """Return the paths of a list's images, and the file or folder that the list is. Raises ``DataError``."""
        if name in self._text_lists:
            return read_split_list(self._text_lists[name], self._pairs), self._text_lists[name]
        if name not in (ALL, *self._lists):
            raise unknown_list(f"{self.root}: list {name}", self.lists())
        return (list(self._pairs), self.root) if name == ALL else (self._lists[name], self.root / name)

    def pair(self, path: str) -> Pair:
        """Return the image of a path and its mask; one without bytes counts as none, unless masks may be so."""
        image, mask = self._pairs[path]
        return Pair(image, mask if mask and (self._may_be_empty or mask.stat().st_size) else None)


def pairs_in(root: Path, masks: MaskFiles = MASK_IMAGES) -> tuple[Pairs | None, Evidence]:
    """Return the pairs in *root*, None if there are none, and what it has and lacks of folders of images and masks."""
    try:
        pairs = Pairs(root, PairParameters(), masks)
    except FileNotFoundError:
        folders = [folder for names in (IMAGE_FOLDERS, masks.folders) if (folder := find_folder(root, names))]
        lacking = "a folder of images and one of masks" if not folders else "the folder of images or that of masks"
        return None, Evidence(tuple(folder.name for folder in folders), (lacking,))
    except DataError as error:
        return None, Evidence(("folders of images and masks",), (f"pairs ({error})",))
    return pairs, Evidence((f"{len(pairs.mask_files)} images with masks",), ())


class PairedSource:
    """Base of the readers of pairs; a reader gives the classes, and what reads one mask file."""

    labels: LabelSpace

    def __init__(self, root: Path, parameters: PairParameters, masks: MaskFiles = MASK_IMAGES) -> None:
        self.root = root
        self.name = root.resolve().name
        self.pairs = Pairs(root, parameters, masks)
        self._missing_is_empty = parameters.missing_mask == "empty"

    def mask_of(self, file: Path) -> Mask:
        """Return the mask in *file*."""
        raise NotImplementedError

    def lists(self) -> list[str]:
        """Return the names of the lists."""
        return self.pairs.lists()

    def items(self, list_name: str) -> list[Item]:
        """Return the items of a list in its order.

        Raises:
            FaultyList: images have no mask, and the recipe does not say that they are empty.
        """
        paths, where = self.pairs.of_list(list_name)
        without = [path for path in paths if self.pairs.pair(path).mask is None]
        items = build_items([p for p in paths if self._missing_is_empty or p not in set(without)], where, self._item)
        if without and not self._missing_is_empty:
            extra = ""
            if self.pairs.extra_masks:
                extra = f", and these masks have no image: {first_of([m.name for m in self.pairs.extra_masks], 5)}"
            raise FaultyList(
                f"every image of {where} needs a mask of its name, but {len(without)} of {len(paths)} have none, or a "
                f"file of no bytes: {first_of(without, 5)}{extra}: add them, or write data.missing_mask=empty if these "
                f"images hold nothing",
                items,
            )
        return items

    def _item(self, path: str) -> Item:
        image, mask = self.pairs.pair(path)
        background = self.labels.background or 0
        return Item(image_id(path), image, self.mask_of(mask) if mask else EmptyMask(background))

    def told(self) -> list[str]:
        """Return what to tell about the pairs: masks that no image has, and images that are called otherwise."""
        left_out = {
            "masks have no image": self.pairs.extra_masks,
            "images have names that do not end as those of the others": self.pairs.extra_images,
        }
        return [
            f"{len(files)} {what} and are left out: {first_of([file.name for file in files], 3)}"
            for what, files in left_out.items()
            if files
        ]
