"""The sections ``crop``, ``paste`` and ``augment`` of the configuration."""

from typing import ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from rarepix.settings import NoParameters, OneOf, Settings, WindowSize

MAX_FACTOR = 16
"""Largest factor by which something may be resized: memory grows with its square."""


class Foreground(Settings):
    """A window that contains a random foreground pixel, with a probability (nnU-Net)."""

    probability: float = Field(1 / 3, ge=0, le=1)
    """Of a crop that is forced; the others are random."""
    classes: tuple[str, ...] = ()
    """Which classes (default: all but the background; without one, the rare classes)."""


class ClassCentred(Settings):
    """A class of the image, then one of its pixels, is the centre."""

    probability: float = Field(1.0, ge=0, le=1)
    """Of a crop that is forced; the others are random."""
    classes: tuple[str, ...] = ()
    """Which classes (default: all but the background; without one, the rare classes)."""


class Mixed(Settings):
    """Windows that are filled by one class are refused."""

    ratio: float = Field(0.75, gt=0, lt=1)
    """The largest share of the labelled pixels that one class may fill."""


CROP_PARAMETERS: dict[str, type[Settings]] = {
    "random": NoParameters,
    "foreground": Foreground,
    "class_centred": ClassCentred,
    "mixed": Mixed,
}
"""Crop → its parameters."""


class CropConfig(OneOf):
    """The window of a training image that is used. Outside the image its mask is filled with the ignore id."""

    section: ClassVar = "crop"
    choosers: ClassVar = {"kind": CROP_PARAMETERS}

    size: WindowSize | None = None
    """Rows and columns; None: whole images, padded to a multiple of the stride."""
    kind: str = "random"
    """random · foreground (contains a random foreground pixel, with a probability; nnU-Net) · class_centred (a class of
    the image, then one of its pixels, is the centre) · mixed (windows filled by one class are refused)."""

    @model_validator(mode="after")
    def _a_window(self) -> "CropConfig":
        if self.size is None and self.kind != "random":
            raise ValueError(f"crop.kind={self.kind!r} needs a window: give crop.size")
        return self


class ClassMix(Settings):
    """Half of the donor's classes, where they are (Olsson et al. 2021)."""

    probability: float = Field(0.5, ge=0, le=1)
    """Of an image to be pasted into."""


class CutMix(Settings):
    """A rectangle of the donor (Yun et al. 2019)."""

    probability: float = Field(0.5, ge=0, le=1)
    """Of an image to be pasted into."""
    area: tuple[float, float] = (0.1, 0.4)
    """Range of the rectangle's share of the image."""

    @model_validator(mode="after")
    def _a_share(self) -> "CutMix":
        _check_range("area", self.area)
        if self.area[1] >= 1:
            raise ValueError(f"paste.area must stay below the whole image, 1, but got {list(self.area)}")
        return self


class CopyPaste(Settings):
    """All pixels of one class of a donor image."""

    probability: float = Field(0.5, ge=0, le=1)
    """Of an image to be pasted into."""
    donors: Literal["by_count", "by_score", "listed", "uniform"] = "by_count"
    """How the donor class is chosen: the fewer images contain it, the more often (``below``) · among those with the
    lowest validation scores (``scores``, ``lowest``) · among ``classes`` · among all."""
    classes: tuple[str, ...] = ()
    """Donor classes of ``listed``, each as often as it is named."""
    below: PositiveInt | None = None
    """by_count: only classes that fewer training images hold (default: than hold the average class, or all if none is
    below it)."""
    lowest: PositiveInt | None = None
    """by_score: number of classes, those with the lowest scores (default: those below the mean, or all if none is)."""
    scores: str | None = None
    """by_score: a trial's ``record.json``, of which only the validation counts are read, or a CSV table with the
    columns class and score."""
    scale: tuple[PositiveFloat, PositiveFloat] = (0.5, 1.5)
    """Range of the factor by which the donor region is resized."""
    rotate: float = Field(15.0, ge=0, le=180)
    """Largest rotation of the region in degrees, either way."""
    ring: NonNegativeInt = 3
    """Width in pixels of the ignored margin around a pasted region."""
    protect: bool = True
    """Pixels of rare and of donor classes are not covered."""
    place: Literal["free", "same"] = "free"
    """free (on background; without such a class anywhere) or same (where it was in its image)."""

    @model_validator(mode="after")
    def _what_the_donors_need(self) -> "CopyPaste":
        owners = {"classes": "listed", "below": "by_count", "lowest": "by_score", "scores": "by_score"}
        for key, owner in owners.items():
            if getattr(self, key) and self.donors != owner:
                raise ValueError(f"paste.{key} goes with paste.donors={owner} only, but got donors={self.donors!r}")
        for key in ("classes", "scores"):
            if self.donors == owners[key] and not getattr(self, key):
                raise ValueError(f"paste.donors={self.donors} needs paste.{key}, but it is not given")
        _check_range("scale", self.scale)
        if self.scale[1] > MAX_FACTOR:
            raise ValueError(f"paste.scale must be at most {MAX_FACTOR}, but got {list(self.scale)}")
        return self


def _check_range(key: str, pair: tuple[float, float]) -> None:
    if not 0 < pair[0] <= pair[1]:
        raise ValueError(f"paste.{key} must be a range [low, high] of positive numbers, but got {list(pair)}")


PASTE_PARAMETERS: dict[str, type[Settings]] = {
    "none": NoParameters,
    "copy_paste": CopyPaste,
    "classmix": ClassMix,
    "cutmix": CutMix,
}
"""Paste → its parameters."""


class PasteConfig(OneOf):
    """What of other training images is pasted into a training image, after its crop."""

    section: ClassVar = "paste"
    choosers: ClassVar = {"kind": PASTE_PARAMETERS}

    kind: str = "none"
    """none · copy_paste (all pixels of one class of a donor image) · classmix (half of the donor's classes, where they
    are; Olsson et al. 2021) · cutmix (a rectangle; Yun et al. 2019)."""


class AugmentConfig(Settings):
    """Other augmentation of training images. Filled pixels get the ignore id, never background."""

    flip: float = Field(0.5, ge=0, le=1)
    """Probability of a horizontal flip."""
    scale: float | tuple[PositiveFloat, PositiveFloat] = 0.0
    """Images are resized by a factor from this range; one number s stands for [1 − s, 1 + s]."""
    rotate: float = Field(0.0, ge=0, le=180)
    """Degrees; rotated by up to this much either way."""
    shift: float = Field(0.0, ge=0, lt=1)
    """Largest shift of an image as a share of its sides, each way."""
    motion: float = Field(1.0, ge=0, le=1)
    """Probability that an image is resized, rotated and shifted at all."""
    whole: float = Field(0.0, ge=0, le=1)
    """Probability that the whole image is resized to ``crop.size`` (its aspect may change), in place of ``scale`` and
    a window."""
    warp: float = Field(0.0, ge=0, le=1)
    """Probability of one of: elastic deformation (α 120, σ 6 pixels), grid distortion (up to 0.3 of a cell, 5 cells a
    side), optical distortion (coefficient up to 2)."""
    brightness: float = Field(0.2, ge=0, lt=1)
    """Brightness and contrast jitter, as a share of the full range, on half of the images."""
    tone: float = Field(0.0, ge=0, le=1)
    """Probability of one of: contrast (±0.2), gamma (0.8 to 1.2), brightness (±0.2)."""
    hue: float = Field(0.0, ge=0, le=1)
    """Probability of other colours: hue by up to ±20 of 180, saturation by ±30 and value by ±20 of 255. Of images of
    three bands only."""
    texture: float = Field(0.0, ge=0, le=1)
    """Probability of one of: equalised contrast (of three bands only), noise, gamma, sharpening, blur, motion blur."""

    @field_validator("scale")
    @classmethod
    def _a_range(cls, scale: float | tuple[float, float]) -> float | tuple[float, float]:
        low, high = scale if isinstance(scale, tuple) else (1 - scale, 1 + scale)
        if not 0 < low <= high <= MAX_FACTOR:
            raise ValueError(
                f"must be a share from 0 to below 1, or a range [low, high] of positive factors up to {MAX_FACTOR}"
            )
        return scale
