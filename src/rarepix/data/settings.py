"""The sections ``data`` and ``sampling`` of the configuration."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from rarepix.choices import pick
from rarepix.data.bands import Bands, ValueRange
from rarepix.data.registry import SOURCES, source_module
from rarepix.settings import NoParameters, OneOf, Settings

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


class DataConfig(OneOf):
    """Which images, and how they are split."""

    section: ClassVar = "data"
    choosers: ClassVar = {"source": SOURCES}
    restating_resets: ClassVar = False

    source: str = "voc"
    """Reader of the layout: auto (the one that the folder has) · folders (images beside masks) · colours · coco ·
    run_lengths · via · yolo · voc · cityscapes · lesions (a mask for each lesion) · polyp (several test sets)."""
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
    groups: GroupsConfig | Literal["auto"] | None = None
    """Which images are always in the same fold. auto: nearly equal ones, and those of one film."""
    folds: int = Field(5, ge=2)
    fold: NonNegativeInt = 0
    """The fold that validates. A block, never tuned."""
    channels: int = Field(3, ge=1, le=16)
    """Bands of the images. With other than three the mean and standard deviation of each are measured on the training
    part and kept in the checkpoint."""
    range: ValueRange | None = None
    """Values, low and high, that become 0 and 1, for images of more than 8 bits (12 bits: [0, 4095]). Values outside
    become 0 or 1. Mean and standard deviation are measured, as with other than three channels."""
    allow_absent: tuple[str, ...] = ()
    """Classes that may be absent from the training split (any other absent class is an error)."""
    resize: PositiveInt | tuple[PositiveInt, PositiveInt] | None = None
    """Images are resized to these rows and columns, or to this longest side (keeping the aspect ratio), before anything
    else. Training masks are resized with them; validation and test masks keep their own size, in which predictions are
    counted."""
    cache_gib: float = Field(2.0, ge=0)
    """Decoded images are cached in memory, once for each device, if all of them fit into this many GiB."""
    workers: Literal["auto"] | NonNegativeInt = "auto"
    """Loader processes of each device. auto: on a GPU its share of the cores, up to 8; on a CPU none, since training
    needs the cores."""

    @property
    def bands(self) -> Bands:
        """How images are read."""
        return Bands(channels=self.channels, range=self.range)

    @classmethod
    def parameters_class(cls, chooser: str, choice: str) -> type[Settings]:
        """Return the parameters of a source, from its module."""
        return source_module(choice).Parameters

    @model_validator(mode="wrap")
    @classmethod
    def _merge_of_old_records(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Leave out ``merge: false``, which records of schema 1 hold for every source."""
        if isinstance(values, Mapping) and values.get("merge") is False:
            return handler({key: value for key, value in values.items() if key != "merge"})
        return handler(values)

    @model_validator(mode="after")
    def _consistent(self) -> "DataConfig":
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
        if self.split == "listed" and self.groups:
            raise ValueError("data.groups goes with a split that is made, but data.split is listed: leave one out")
        if self.split_on and self.split != "multilabel":
            raise ValueError(f"data.split_on goes with data.split=multilabel only, but got split={self.split!r}")
        return self


class Drawn(Settings):
    """Of the samplings that draw with replacement."""

    added: bool = False
    """Half of an epoch shows each image once, half is drawn; otherwise all images are drawn."""


class InverseLog(Drawn):
    """By the inverse logarithm of how common the image's rarest class is."""

    by: Literal["label", "cluster", "pixels", "proportion"] = "label"
    """What is counted: images that hold the rarest class, images of the same cluster of class shares, pixels of the
    rarest class, or its shares of the images, summed."""
    published: bool = False
    """By label or cluster: weigh as the VOC imbalance study did; refused where a group has one image."""

    @model_validator(mode="after")
    def _published_by_label_or_cluster(self) -> "InverseLog":
        if self.published and self.by in ("pixels", "proportion"):
            raise ValueError(f"sampling.published goes with by=label or by=cluster, but got by={self.by!r}")
        return self


class RepeatFactor(Drawn):
    """Repeat-factor sampling (LVIS; Gupta et al. 2019)."""

    threshold: float = Field(0.25, gt=0, le=1)
    """Classes in a smaller share of the images than this are repeated."""


class RareClass(Drawn):
    """Softmax over the classes' rarity (DAFormer; Hoyer et al. 2022)."""

    temperature: PositiveFloat = 0.1
    """The smaller, the more of the rarest class."""


Ratio = Annotated[float, Field(gt=0, lt=1)]


class Balanced(Settings):
    """Images with foreground and empty images are drawn apart, as many as either kind has (``under``, ``over``)."""

    positive_ratio: tuple[Ratio, Ratio] = (0.5, 0.5)
    """Share of images with foreground in the first epoch, and the one that it goes towards over the epochs."""


class Mixed(Settings):
    """Images with foreground and empty images are drawn apart, as many as there are images."""

    positive_ratio: tuple[Ratio, Ratio] = (0.8, 0.2)
    """Share of images with foreground in the first epoch, and the one that it goes towards over the epochs."""


SAMPLING_PARAMETERS: dict[str, type[Settings]] = {
    "uniform": NoParameters,
    "duplicate": NoParameters,
    "inverse_log": InverseLog,
    "repeat_factor": RepeatFactor,
    "rare_class": RareClass,
    "class_uniform": Drawn,
    "under": Balanced,
    "over": Balanced,
    "mixed": Mixed,
    "foreground_only": NoParameters,
}
"""Sampling → its parameters."""

FOREGROUND_ONLY = "foreground_only"
BY_FOREGROUND = ("under", "over", "mixed", FOREGROUND_ONLY)
"""Samplings that tell images with foreground from empty ones, and need both."""


class SamplingConfig(OneOf):
    """How often each training image is shown."""

    section: ClassVar = "sampling"
    choosers: ClassVar = {"kind": SAMPLING_PARAMETERS}

    kind: str = "uniform"
    """uniform (each once) · duplicate (each twice) · inverse_log (of how common the image's rarest class is) ·
    repeat_factor (LVIS) · rare_class (DAFormer: softmax over the classes' rarity) · class_uniform (a class, then an
    image that holds it) · under, over, mixed (images with foreground and empty ones are drawn apart, in the shares of
    ``positive_ratio``) · foreground_only (each image with foreground once). All but uniform, duplicate and
    foreground_only draw with replacement."""
    images_per_epoch: PositiveInt | None = None
    """Images shown per epoch. None: as many as there are, twice as many with ``duplicate`` and ``added``; ``under``:
    twice those of the rarer kind, ``over``: of the commoner, ``foreground_only``: those with foreground."""
    steps_per_epoch: PositiveInt | None = None
    """The same in batches, to compare samplings at equal numbers of updates."""

    @model_validator(mode="after")
    def _one_length(self) -> "SamplingConfig":
        if self.images_per_epoch and self.steps_per_epoch:
            raise ValueError("sampling.images_per_epoch and sampling.steps_per_epoch say the same: leave one out")
        return self
