"""The sections ``crop``, ``paste`` and ``augment`` of the configuration."""

from typing import Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from rarepix.settings import OneOf, Settings, WindowSize

MAX_FACTOR = 16
"""Largest factor by which something may be resized: memory grows with its square."""

CROP_PARAMETERS: dict[str, dict[str, Any]] = {
    "random": {},
    "foreground": {"probability": 1 / 3, "classes": ()},
    "class_centred": {"probability": 1.0, "classes": ()},
    "mixed": {"ratio": 0.75},
}


class CropConfig(OneOf):
    """The window of a training image that is used. Outside the image its mask is filled with the ignore id."""

    section: ClassVar = "crop"
    discriminator: ClassVar = "kind"
    table: ClassVar = CROP_PARAMETERS

    size: WindowSize | None = None
    """Rows and columns; None: whole images, padded to a multiple of the stride."""
    kind: str = "random"
    """random · foreground (contains a random foreground pixel, with a probability; nnU-Net) · class_centred (a class of
    the image, then one of its pixels, is the centre) · mixed (windows filled by one class are refused)."""
    probability: float | None = Field(None, ge=0, le=1)
    """foreground, class_centred: of a crop that is forced; the others are random (default 1/3, and 1)."""
    classes: tuple[str, ...] | None = None
    """foreground, class_centred: which classes (default: all but the background; without one, the rare classes)."""
    ratio: float | None = Field(None, gt=0, lt=1)
    """mixed: the largest share of the labelled pixels that one class may fill (default 0.75)."""

    @model_validator(mode="after")
    def _a_window(self) -> "CropConfig":
        if self.size is None and self.kind != "random":
            raise ValueError(f"crop.kind={self.kind!r} needs a window: give crop.size")
        return self


PASTE_PARAMETERS: dict[str, dict[str, Any]] = {
    "none": {},
    "copy_paste": {
        "probability": 0.5,
        "donors": "by_count",
        "classes": (),
        "below": None,
        "lowest": None,
        "scores": None,
        "scale": (0.5, 1.5),
        "rotate": 15.0,
        "ring": 3,
        "protect": True,
        "place": "free",
    },
    "classmix": {"probability": 0.5},
    "cutmix": {"probability": 0.5, "area": (0.1, 0.4)},
}


class PasteConfig(OneOf):
    """What of other training images is pasted into a training image, after its crop."""

    section: ClassVar = "paste"
    discriminator: ClassVar = "kind"
    table: ClassVar = PASTE_PARAMETERS

    kind: str = "none"
    """none · copy_paste (all pixels of one class of a donor image) · classmix (half of the donor's classes, where they
    are; Olsson et al. 2021) · cutmix (a rectangle; Yun et al. 2019)."""
    probability: float | None = Field(None, ge=0, le=1)
    """Of an image to be pasted into (default 0.5)."""
    donors: Literal["by_count", "by_score", "listed", "uniform"] | None = None
    """copy_paste: how the donor class is chosen: the fewer images contain it, the more often (``below``) · among those
    with the lowest validation scores (``scores``, ``lowest``) · among ``classes`` · among all (default by_count)."""
    classes: tuple[str, ...] | None = None
    """copy_paste: donor classes of ``listed``, each as often as it is named."""
    below: PositiveInt | None = None
    """copy_paste by_count: only classes that fewer training images hold (default: than hold the average class,
    or all if none is below it)."""
    lowest: PositiveInt | None = None
    """copy_paste by_score: number of classes, those with the lowest scores (default: those below the mean, or all
    if none is)."""
    scores: str | None = None
    """copy_paste by_score: a trial's ``record.json``, of which only the validation counts are read, or a CSV table with
    the columns class and score."""
    scale: tuple[PositiveFloat, PositiveFloat] | None = None
    """copy_paste: range of the factor by which the donor region is resized (default 0.5 to 1.5)."""
    rotate: float | None = Field(None, ge=0, le=180)
    """copy_paste: largest rotation of the region in degrees, either way (default 15)."""
    ring: NonNegativeInt | None = None
    """copy_paste: width in pixels of the ignored margin around a pasted region (default 3)."""
    protect: bool | None = None
    """copy_paste: pixels of rare and of donor classes are not covered (default true)."""
    place: Literal["free", "same"] | None = None
    """copy_paste: free (on background; without such a class anywhere) or same (where it was in its image)."""
    area: tuple[float, float] | None = None
    """cutmix: range of the rectangle's share of the image (default 0.1 to 0.4)."""

    @model_validator(mode="after")
    def _what_the_donors_need(self) -> "PasteConfig":
        donors = self.donors or "by_count"
        owners = {"classes": "listed", "below": "by_count", "lowest": "by_score", "scores": "by_score"}
        for key, owner in owners.items():
            if getattr(self, key) and donors != owner:
                raise ValueError(f"paste.{key} goes with paste.donors={owner} only, but got donors={donors!r}")
        for key in ("classes", "scores"):
            if donors == owners[key] and not getattr(self, key):
                raise ValueError(f"paste.donors={donors} needs paste.{key}, but it is not given")
        for key in ("scale", "area"):
            pair = getattr(self, key)
            if pair and not 0 < pair[0] <= pair[1]:
                raise ValueError(f"paste.{key} must be a range [low, high] of positive numbers, but got {list(pair)}")
        if self.scale and self.scale[1] > MAX_FACTOR:
            raise ValueError(f"paste.scale must be at most {MAX_FACTOR}, but got {list(self.scale)}")
        if self.area and self.area[1] >= 1:
            raise ValueError(f"paste.area must stay below the whole image, 1, but got {list(self.area)}")
        return self


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
    """Probability of other colours: hue by up to ±20 of 180, saturation by ±30 and value by ±20 of 255."""
    texture: float = Field(0.0, ge=0, le=1)
    """Probability of one of: equalised contrast, noise, gamma, sharpening, blur, motion blur."""

    @field_validator("scale")
    @classmethod
    def _a_range(cls, scale: float | tuple[float, float]) -> float | tuple[float, float]:
        low, high = scale if isinstance(scale, tuple) else (1 - scale, 1 + scale)
        if not 0 < low <= high <= MAX_FACTOR:
            raise ValueError(
                f"must be a share from 0 to below 1, or a range [low, high] of positive factors up to {MAX_FACTOR}"
            )
        return scale
