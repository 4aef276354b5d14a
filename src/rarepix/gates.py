"""A gate as data: what a class must show in an image to count as found there, and how sure its rate of alarms is.

``rarepix.inference.gates`` applies it, ``rarepix.evaluation.gates`` tunes it; a record and ``gate.json`` keep it.
"""

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator

CONDITIONS = ("classifier", "presence", "pixels", "area")
"""What a gate may ask for: a probability of an external classifier or of the network's own presence head, a pixel of a
large enough probability, a large enough area."""

SUMS = {
    "presence": ("presence", "foreground"),
    "mask": ("pixels", "presence", "foreground", "positive_pixels", "image_dice"),
}
"""Output of a network → the sums that are known of what a gate makes of it; see ``scores.table``."""


def conditions(kind: str) -> tuple[str, ...]:
    """Return the conditions of a kind of gate, which is written as their sum: ``presence+area``.

    Raises:
        ValueError: it names another condition, or one twice, or two heads that say the same.
    """
    names = tuple(kind.split("+"))
    if not set(names) <= set(CONDITIONS) or len(set(names)) < len(names) or {"classifier", "presence"} <= set(names):
        raise ValueError(
            f"a gate must be a sum of different conditions out of {', '.join(CONDITIONS)}, of which classifier and "
            f"presence exclude each other, such as presence+area"
        )
    return names


def has_choice(kind: str, classes: int, best: str | None) -> bool:
    """Return whether anything but one threshold is chosen when a gate of this *kind* is tuned.

    *classes* are those that are not the background, *best* the score that it is tuned for; None: a rate of alarms.
    """
    return best is not None or classes > 1 or len(conditions(kind)) > 1 or kind == "pixels"


def logit(probability: np.ndarray) -> np.ndarray:
    """Return log(p / (1 − p)); minus or plus infinity at 0 and 1."""
    with np.errstate(divide="ignore"):
        return np.log(probability) - np.log1p(-probability)


def probability_of(logits: np.ndarray) -> np.ndarray:
    """Return the sigmoid."""
    return np.exp(-np.logaddexp(0, -np.asarray(logits, float)))


Probability = Annotated[float, Field(ge=0, le=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Gate(_Frozen):
    """When a class is found in an image: every condition must hold. Where it is not found its pixels are emptied.

    What is emptied becomes the background (multilabel: 0). Areas are in pixels of the image's own size.
    """

    kind: str
    """The conditions, see ``conditions``."""
    classes: tuple[str, ...]
    """The K classes that are not the background."""
    presence: tuple[Probability, ...] | None = None
    """Per class: the probability of presence must be above this, that of the classifier or of the network itself."""
    pixels: tuple[Probability, ...] | None = None
    """Per class: the probability of some pixel must be above this."""
    mask: Annotated[float, Field(gt=0, lt=1)] | None = None
    """A pixel is of a class where its probability is above this, and the largest of those; None: as without a gate."""
    area: tuple[PositiveInt, ...] | None = None
    """Per class: that many pixels at least must be of it."""

    @model_validator(mode="after")
    def _check_fields(self) -> "Gate":
        names = conditions(self.kind)
        wanted = {"presence": bool({"classifier", "presence"} & set(names)), "pixels": "pixels" in names,
                  "area": "area" in names}  # fmt: skip
        for field, is_wanted in wanted.items():
            values = getattr(self, field)
            if (values is not None) != is_wanted or (values is not None and len(values) != len(self.classes)):
                raise ValueError(
                    f"a gate of kind {self.kind!r} must have {field} {'of each class' if is_wanted else 'left out'}, "
                    f"but got {values!r} for the classes {', '.join(self.classes)}"
                )
        return self

    def finds(self, presence: np.ndarray | None, greatest: np.ndarray | None, area: np.ndarray | None) -> np.ndarray:
        """Return N K bool: whether each class is found in each image.

        *presence* are the logits of presence, *greatest* those of the greatest probability of a pixel, *area* the
        pixels of each class, all N K; None: not known, which no condition may ask for. A class without pixels is not
        found.
        """
        found = np.ones((1, len(self.classes)), bool)
        for values, thresholds in ((presence, self.presence), (greatest, self.pixels)):
            if thresholds is not None:
                found = found & (np.asarray(values, float) > logit(np.array(thresholds)))
        return found if area is None else found & (area >= np.array(self.area or [1] * len(self.classes)))


class Rate(_Frozen):
    """A rate that was counted on images that did not choose the gate."""

    hits: NonNegativeInt
    images: PositiveInt
    low: Probability
    high: Probability


class Certificate(_Frozen):
    """How sure it is what a gate does, on validation images that did not choose its form.

    It holds for images that are independent of each other and of the same kind as those of the validation part.
    """

    target: Probability | None
    """The rate of false alarms that was asked for; None: the gate is that of the best ``score``."""
    score: str | None
    confidence: Probability
    alarms: NonNegativeInt
    """Empty images, out of ``images``, on which anything is found."""
    rank: NonNegativeInt
    """Alarms that were allowed when the threshold was set; the bound is of these, which ties may not have used up."""
    images: PositiveInt
    """Empty images that certify; one of each group where images have groups."""
    bound: Probability
    """Of the true rate of false alarms on empty images, of any class: it is lower with this ``confidence``."""
    alarms_by_class: dict[str, NonNegativeInt]
    """Class → empty images on which it is found. The bound holds for each class, too."""
    sensitivity: Rate
    """Images with any class in which anything is found, with its interval."""
    chosen_on: dict[str, NonNegativeInt]
    """empty, positive → images on which the form of the gate was chosen; 0 where there was nothing to choose."""
    units: str
    """What is independent: images, or groups."""


class AskedClassifier(_Frozen):
    """The other network that a gate asks."""

    path: str
    """Of its checkpoint; in a trial of two stages relative to the gate's folder."""
    checkpoint: str
    """SHA-256 of it."""


class TunedGate(_Frozen):
    """A gate, what is known of it, and which network it is of."""

    gate: Gate
    certificate: Certificate
    checkpoint: str
    """SHA-256 of the checkpoint."""
    classifier: AskedClassifier | None = None
    """Of a gate that asks one."""
    predicted_as: dict[str, Any] = {}
    """The keys of the configuration by which the network predicted while the gate was tuned."""

    @model_validator(mode="after")
    def _check_classifier(self) -> "TunedGate":
        asks = "classifier" in conditions(self.gate.kind)
        if asks != (self.classifier is not None):
            raise ValueError(
                f"a gate of kind {self.gate.kind!r} must {'name its classifier' if asks else 'ask no classifier'}, but "
                f"got {self.classifier!r}"
            )
        return self
