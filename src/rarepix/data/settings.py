"""The sections ``data``, ``sampling`` and ``augment`` of the configuration."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from rarepix.choices import pick
from rarepix.settings import Settings

SOURCE_NAMES = ("voc",)
SPLIT_KINDS = ("random", "multilabel", "listed")
SAMPLING_KINDS = ("uniform", "inverse_log")
"""Names of what the room can build, here so that a configuration is checked without importing what builds it."""

STRIDE = 32
"""Rows and columns that go into a network must be multiples of this (the deepest stride of the encoders)."""


class DataConfig(Settings):
    """Which images, and how they are split."""

    source: str = "voc"
    """Reader of the layout."""
    root: str
    """Folder of the dataset; may name environment variables."""
    train_list: str = "train"
    """List that is cut into folds (or, with ``split: listed``, is the training part)."""
    val_list: str | None = None
    """With ``split: listed`` the list that is the validation part; otherwise not allowed."""
    test_list: str | None = "val"
    """List that is counted once after training, never seen by the search. None: no test."""
    split: str = "multilabel"
    """Kind of split: random, multilabel (stratified on the presence of classes) or listed."""
    folds: int = Field(5, ge=2)
    fold: NonNegativeInt = 0
    """The fold that validates. A block, never tuned."""
    allow_absent: tuple[str, ...] = ()
    """Classes that may be absent from the training part (any other absent class is an error)."""
    cache_gib: float = Field(2.0, ge=0)
    """Decoded images are kept in memory, once for each device, if all of them fit into this many GiB."""
    workers: Literal["auto"] | NonNegativeInt = "auto"
    """Loader processes of each device. auto: its share of the cores, up to 8, on a GPU; none on a CPU, whose cores the
    training needs."""

    @model_validator(mode="after")
    def _consistent(self) -> "DataConfig":
        pick(dict.fromkeys(SOURCE_NAMES), self.source, "data.source")
        pick(dict.fromkeys(SPLIT_KINDS), self.split, "data.split")
        if self.fold >= self.folds:
            raise ValueError(f"data.fold must be below data.folds = {self.folds}, but got {self.fold}")
        if (self.split == "listed") != (self.val_list is not None):
            raise ValueError(
                f"data.val_list goes with data.split=listed and only with it, but got split={self.split!r}, "
                f"val_list={self.val_list!r}"
            )
        if self.split == "listed" and self.fold:
            raise ValueError(f"data.split=listed has one fold, number 0, but got data.fold={self.fold}")
        return self


class SamplingConfig(Settings):
    """How often each training image is drawn."""

    kind: str = "uniform"
    """uniform, or inverse_log (by the rarest class of the image)."""
    images_per_epoch: PositiveInt | None = None
    """Images drawn per epoch, so that samplers are compared at equal numbers of updates. None: as many as there are."""

    @model_validator(mode="after")
    def _known(self) -> "SamplingConfig":
        pick(dict.fromkeys(SAMPLING_KINDS), self.kind, "sampling.kind")
        return self


class AugmentConfig(Settings):
    """What is done to training images. Whatever is filled is ignored, never background."""

    crop: tuple[PositiveInt, PositiveInt] | None = None
    """Rows and columns of the random crop; None: whole images, padded to a multiple of the stride."""
    flip: float = Field(0.5, ge=0, le=1)
    """Probability of a horizontal flip."""
    scale: float = Field(0.0, ge=0, lt=1)
    """Images are resized by a factor from [1 − scale, 1 + scale]."""
    rotate: float = Field(0.0, ge=0, le=180)
    """Degrees; rotated by up to this much either way."""
    brightness: float = Field(0.2, ge=0, lt=1)
    """Brightness and contrast jitter, as a share of the full range, on half of the images."""

    @field_validator("crop")
    @classmethod
    def _multiple_of_stride(cls, crop: tuple[int, int] | None) -> tuple[int, int] | None:
        if crop and any(side % STRIDE for side in crop):
            valid = [max(STRIDE, round(side / STRIDE) * STRIDE) for side in crop]
            raise ValueError(f"rows and columns must be multiples of {STRIDE}, for instance {valid}")
        return crop
