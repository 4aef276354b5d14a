"""The sections ``data`` and ``sampling`` of the configuration."""

from typing import Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from rarepix.choices import pick
from rarepix.settings import OneOf, Settings

SOURCE_NAMES = ("voc", "cityscapes", "lesions", "polyp")
MERGING_SOURCES = ("lesions",)
SPLIT_KINDS = ("random", "multilabel", "proportion_cluster", "major_class", "listed")
"""Valid names, here so that a configuration is checked without importing the code behind them."""


class ScarcityConfig(Settings):
    """Classes that are made scarcer in the training list before it is split into folds."""

    classes: tuple[str, ...] = Field(min_length=1)
    """Thinned in this order, each among the images that remain after the previous one."""
    keep: float = Field(gt=0, le=1)
    """Share of the images with the class that remains; 1: all."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Independent of the trial's seed: which images are removed is part of the dataset."""
    published: bool = False
    """Draw as the VOC imbalance study did (numpy's legacy generator), to rebuild its set."""


class GroupsConfig(Settings):
    """Images that belong together (video sequence, slide, patient) and are always in the same fold."""

    file: str
    """CSV file, relative to the dataset's folder."""
    column: str
    """Column that names the group."""
    image: str = "image"
    """Column that names the image: its id, or a path that ends in it."""


class DataConfig(Settings):
    """Which images, and how they are split."""

    source: str = "voc"
    """Reader of the layout: voc · cityscapes · lesions (a mask for each lesion) · polyp (several test sets)."""
    root: str
    """Folder of the dataset; may name environment variables."""
    train_list: str = "train"
    """List that is split into folds (or, with ``split: listed``, is the training split)."""
    val_list: str | None = None
    """With ``split: listed`` the list that is the validation split; otherwise not allowed."""
    test_list: str | None = "val"
    """List that is evaluated once after training and never shown to the search. None: no test."""
    scarcity: ScarcityConfig | None = None
    split: str = "multilabel"
    """random · multilabel (stratified on classes) · proportion_cluster (on clusters of the classes' shares) ·
    major_class (on the class with most pixels, background aside) · listed."""
    split_on: Literal["presence", "pixels", "proportion"] | None = None
    """multilabel: what of a class is stratified (default presence)."""
    groups: GroupsConfig | None = None
    folds: int = Field(5, ge=2)
    fold: NonNegativeInt = 0
    """The fold that validates. A block, never tuned."""
    allow_absent: tuple[str, ...] = ()
    """Classes that may be absent from the training split (any other absent class is an error)."""
    merge: bool = False
    """lesions: all lesions are one class, so that the task is binary."""
    resize: PositiveInt | tuple[PositiveInt, PositiveInt] | None = None
    """Images are resized to these rows and columns, or to this longest side (keeping the aspect ratio), before anything
    else. Training masks are resized with them; validation and test masks keep their own size, in which predictions are
    counted."""
    cache_gib: float = Field(2.0, ge=0)
    """Decoded images are cached in memory, once for each device, if all of them fit into this many GiB."""
    workers: Literal["auto"] | NonNegativeInt = "auto"
    """Loader processes of each device. auto: on a GPU its share of the cores, up to 8; on a CPU none, since training
    needs the cores."""

    @model_validator(mode="after")
    def _consistent(self) -> "DataConfig":
        pick(dict.fromkeys(SOURCE_NAMES), self.source, "data.source")
        pick(dict.fromkeys(SPLIT_KINDS), self.split, "data.split")
        if self.merge and self.source not in MERGING_SOURCES:
            raise ValueError(
                f"data.merge goes with data.source={' or '.join(MERGING_SOURCES)} only, but got {self.source!r}"
            )
        if self.fold >= self.folds:
            raise ValueError(f"data.fold must be below data.folds = {self.folds}, but got {self.fold}")
        if (self.split == "listed") != (self.val_list is not None):
            raise ValueError(
                f"data.val_list goes with data.split=listed and only with it, but got split={self.split!r}, "
                f"val_list={self.val_list!r}"
            )
        if self.split == "listed" and self.fold:
            raise ValueError(f"data.split=listed has one fold, number 0, but got data.fold={self.fold}")
        if self.split == "listed" and self.groups:
            raise ValueError("data.groups goes with a split that is made, but data.split is listed: leave one out")
        if self.split_on and self.split != "multilabel":
            raise ValueError(f"data.split_on goes with data.split=multilabel only, but got split={self.split!r}")
        return self


SAMPLING_PARAMETERS: dict[str, dict[str, Any]] = {
    "uniform": {},
    "duplicate": {},
    "inverse_log": {"by": "label", "published": False, "added": False},
    "repeat_factor": {"threshold": 0.25, "added": False},
    "rare_class": {"temperature": 0.1, "added": False},
    "class_uniform": {"added": False},
}


class SamplingConfig(OneOf):
    """How often each training image is shown."""

    section: ClassVar = "sampling"
    discriminator: ClassVar = "kind"
    table: ClassVar = SAMPLING_PARAMETERS

    kind: str = "uniform"
    """uniform (each once) · duplicate (each twice) · inverse_log (of how common the image's rarest class is) ·
    repeat_factor (LVIS) · rare_class (DAFormer: softmax over the classes' rarity) · class_uniform (a class, then an
    image that holds it). All but the first two draw with replacement."""
    by: Literal["label", "cluster", "pixels", "proportion"] | None = None
    """inverse_log: what is counted: images that hold the rarest class, images of the same cluster of class shares,
    pixels of the rarest class, or its shares of the images, summed (default label)."""
    published: bool | None = None
    """inverse_log by label or cluster: weigh as the VOC imbalance study did; refused where a group has one image."""
    threshold: float | None = Field(None, gt=0, le=1)
    """repeat_factor: classes in a smaller share of the images than this are repeated (default 0.25)."""
    temperature: PositiveFloat | None = None
    """rare_class: the smaller, the more of the rarest class (default 0.1)."""
    added: bool | None = None
    """Half of an epoch shows each image once, half is drawn; otherwise all images are drawn (default)."""
    images_per_epoch: PositiveInt | None = None
    """Images shown per epoch. None: as many as there are, twice as many with ``duplicate`` and ``added``."""
    steps_per_epoch: PositiveInt | None = None
    """The same in batches, to compare samplings at equal numbers of updates."""

    @model_validator(mode="after")
    def _one_length(self) -> "SamplingConfig":
        if self.images_per_epoch and self.steps_per_epoch:
            raise ValueError("sampling.images_per_epoch and sampling.steps_per_epoch say the same: leave one out")
        if self.published and self.by in ("pixels", "proportion"):
            raise ValueError(f"sampling.published goes with by=label or by=cluster, but got by={self.by!r}")
        return self
