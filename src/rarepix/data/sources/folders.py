"""A folder of images beside a folder of masks: an image and its mask have the same name.

``images/NAME.jpg`` and ``masks/NAME.png``; or ``train/images``, ``train/masks`` and so on; or ``train`` and
``train_masks``; or everything in one folder, where masks end in ``_mask``. Folders inside are read, too. Masks are grey
or palette images of class ids; ``dataset.json`` names the classes, without it they are numbered.
"""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from rarepix.data.evidence import Evidence
from rarepix.data.grey_masks import GreyMask, has_colours
from rarepix.data.masks import IdMask, LayerMask
from rarepix.data.source import DataError, Mask
from rarepix.data.sources.description import describe
from rarepix.data.sources.grey_meaning import DESCRIPTION, LOSSY_THRESHOLD, Stated, described, found
from rarepix.data.sources.image_folder import LOSSY
from rarepix.data.sources.paired import PairedSource, PairParameters, pairs_in


class Parameters(PairParameters):
    """The parameters of this source."""

    zero_is_ignore: bool = False
    """The value 0 means unlabelled, as in ADE20K: it is ignored, and 1 is the first class."""
    values: tuple[int, ...] = Field((), max_length=255)
    """The grey value of every class, where masks do not hold ids, such as 0, 255."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.values and self.zero_is_ignore:
            raise ValueError("data.values and data.zero_is_ignore both say what values mean: leave one of them out")
        if len(set(self.values)) != len(self.values) or any(not 0 <= value <= 255 for value in self.values):
            raise ValueError(f"data.values must be different values from 0 to 255, but got {list(self.values)}")
        return self


def recognise(root: Path) -> Evidence:
    """Return what *root* has of this layout: images and masks of their names, which hold no colours."""
    pairs, evidence = pairs_in(root)
    if pairs and any(map(has_colours, pairs.likely_masks())):
        return Evidence(evidence.found, ("masks of ids: theirs are colours (source colours, with a table of them)",))
    return evidence


def open_source(root: Path, parameters: Parameters) -> "FolderSource":
    """Return the reader of *root*."""
    return FolderSource(root, parameters)


class FolderSource(PairedSource):
    """Reader of images and masks that have the same names."""

    def __init__(self, root: Path, parameters: Parameters) -> None:
        super().__init__(root, parameters)
        file = root / DESCRIPTION
        masks = self.pairs.mask_files
        has_lossy = any(mask.suffix.lower() in LOSSY for mask in masks)
        stated = Stated(parameters.values, parameters.zero_is_ignore, has_lossy)
        if file.is_file():
            description = describe(file)
            self.name = description.name or self.name
            meaning = described(description, file, masks, stated)
        else:
            meaning = found(file, masks, stated)
        self.labels, self._table = meaning.labels, meaning.table
        self.assumed = "; ".join([*filter(None, [meaning.told]), *self.told()])
        if has_lossy and self.labels.count > 2:
            raise DataError(
                f"masks of {self.labels.count} classes must be saved without loss, but some in {root} are JPEG, which "
                f"changes values at the edges: save them again as PNG, from what they were made of"
            )
        if parameters.missing_mask == "empty" and self.labels.background is None:
            raise DataError(
                f"data.missing_mask=empty needs a class that is the background, but {file} names none: write "
                f'"background": 0 into it, or leave data.missing_mask out'
            )

    def mask_of(self, file: Path) -> Mask:
        """Return the mask in *file*."""
        if file.suffix.lower() in LOSSY:
            return LayerMask((file,), threshold=LOSSY_THRESHOLD, merge=True, customary=True)
        return IdMask(file) if self._table is None else GreyMask(file, self._table)
