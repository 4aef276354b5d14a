"""What a record says of one split: counts, sums and curves over its images."""

from pydantic import BaseModel, ConfigDict, NonNegativeInt, model_validator

ANY_CLASS = "(any class)"
"""Key of ``SplitSums.presence_histogram`` beside the classes: is any of them in the image?"""


class RecordModel(BaseModel):
    """Base of the parts of a record: frozen, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassCounts(RecordModel):
    """Pixels of one class, pooled over a split: true and false positives and negatives."""

    tp: NonNegativeInt
    fp: NonNegativeInt
    fn: NonNegativeInt
    tn: NonNegativeInt


class PresenceHistogram(RecordModel):
    """Images by bin of their presence score, the bins that hold some; see ``rarepix.metrics.presence_scores``."""

    bins: tuple[NonNegativeInt, ...]
    """Numbers of the bins, rising."""
    negatives: tuple[NonNegativeInt, ...]
    """Images without the class in each of them."""
    positives: tuple[NonNegativeInt, ...]
    """Images with it."""

    @model_validator(mode="after")
    def _check_lengths(self) -> "PresenceHistogram":
        if not len(self.bins) == len(self.negatives) == len(self.positives):
            raise ValueError("a histogram must have as many negatives and positives as bins")
        return self


class SplitSums(RecordModel):
    """Sums over the images of one split beside the counts of pixels; see ``rarepix.scores.table``. None: not taken."""

    confusion: tuple[tuple[NonNegativeInt, ...], ...] | None = None
    """Pixels by true class (row) and predicted class, in the order of ``Dataset.classes``; not of a multilabel task."""
    presence: dict[str, ClassCounts] | None = None
    """Class → images by whether the class is in them and was found in them. All classes but the background."""
    foreground: ClassCounts | None = None
    """Images by whether any class but the background is in them and any was found in them."""
    positive_pixels: dict[str, ClassCounts] | None = None
    """Class → pixels of the images that hold any class but the background. All classes but the background."""
    image_dice: dict[str, dict[str, float]] | None = None
    """Class → ``scores.IMAGE_DICE_KINDS`` → sum. All classes but the background."""
    presence_histogram: dict[str, PresenceHistogram] | None = None
    """Class → histogram; all classes but the background, and ``ANY_CLASS``."""
    soft: dict[str, dict[str, float]] | None = None
    """Class → ``scores.SOFT_KINDS`` → sum."""
    surface: dict[str, dict[str, float]] | None = None
    """Class → ``scores.SURFACE_KINDS`` → sum."""


class GatedSums(RecordModel):
    """What ``counts`` and ``sums`` of one split are with the trial's gate; confusion and histogram are not taken."""

    counts: dict[str, ClassCounts] = {}
    """Class → counts. Empty if the network predicts no masks."""
    sums: SplitSums


class ImageCurve(RecordModel):
    """Images in which anything is found, by threshold."""

    found: tuple[NonNegativeInt, ...]
    """Of the images with foreground."""
    alarms: tuple[NonNegativeInt, ...]
    """Of the empty images."""


class PixelCurve(RecordModel):
    """Means over images by threshold, with intervals over images of 95 %, all rounded to four significant digits.

    None where too few images differ for an interval.
    """

    recall: tuple[float, ...]
    """Of the images with foreground: the share of its pixels that is found."""
    recall_low: tuple[float | None, ...]
    recall_high: tuple[float | None, ...]
    area: tuple[float, ...]
    """Of the empty images: the share of the image that is found."""
    area_low: tuple[float | None, ...]
    area_high: tuple[float | None, ...]


class SplitCurves(RecordModel):
    """What is found in the images of one split at each threshold; see ``rarepix.evaluation.curves``."""

    threshold: tuple[float, ...]
    """Probabilities in ascending order, rounded to six significant digits; all lists are in this order."""
    positive: NonNegativeInt
    """Images with foreground: with any class but the background."""
    empty: NonNegativeInt
    """Images without."""
    images: dict[str, ImageCurve]
    """What says that something is in the image → its curve: ``presence``, the presence head, and ``pixels``, the most
    probable pixel."""
    pixels: PixelCurve | None = None
    """None: the network predicts no masks."""
