"""The sections ``evaluate`` and ``gate`` of the configuration."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, field_validator

from rarepix.gates import conditions
from rarepix.labels import LabelSpace
from rarepix.scores import direction_of
from rarepix.settings import Settings, WindowSize

OPPOSITE = ("false_alarm_rate", "presence_specificity")
"""The score of each class of which less is better, and one minus it."""
INSTEAD = {"empty_false_alarm_rate": "binary_accuracy"} | {
    f"false_alarms_at_sensitivity_{percent}": "sensitivity_at_false_alarms_05" for percent in (80, 90, 95)
}
"""Scores of a whole split of which less is better → an objective that is about the same."""


class EvaluateConfig(Settings):
    """What the search maximises, and how a trained network predicts: the same in validation, test and prediction."""

    objective: str = "miou"
    """The score that the search maximises, of sums pooled over the validation images. miou: mean IoU of all classes;
    rare_iou: of the rare ones; or any other of which more is better, such as worst_dice, kappa or recall/<class>."""
    scores: tuple[str, ...] = ()
    """Further scores that every validation reports, so that a study may have them as objectives and constraints."""
    rare: tuple[str, ...] = ()
    """The rare classes; empty: those that the dataset names."""
    floor: float = Field(0.0, ge=0, le=1)
    """With ``rare_iou``: if the mean IoU of the other classes is below this, the difference is subtracted."""
    batch_size: PositiveInt = 8
    """Images, or windows, that go through the network together."""
    threshold: float = Field(0.5, gt=0, lt=1)
    """Binary and multilabel tasks: a class is predicted where its probability is above this. Of a network without
    masks: a class is found in an image if its probability is."""
    window: WindowSize | None = None
    """Rows and columns of a window that slides over the image; where windows overlap, pixels near the middle of one
    weigh most. None: the image as a whole."""
    overlap: float = Field(0.5, ge=0, lt=1)
    """Smallest share of a window that the next one overlaps."""
    flips: tuple[Literal["horizontal", "vertical"], ...] = ()
    """Test-time augmentation: the logits of the image and of all combinations of these flips are averaged."""
    scales: Annotated[tuple[Annotated[float, Field(gt=0, le=8)], ...], Field(min_length=1)] = (1.0,)
    """Test-time augmentation: the image is resized by each factor, and the logits are averaged."""

    @field_validator("objective")
    @classmethod
    def _check_objective(cls, name: str) -> str:
        if direction_of(name) == "minimize":
            instead = INSTEAD.get(name)
            advice = f"use {instead}" if instead else f"use its opposite, {name.replace(*OPPOSITE)}"
            raise ValueError(f"must be a score of which more is better: {advice}")
        return name

    @field_validator("scores")
    @classmethod
    def _check_scores(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            direction_of(name)  # refuses what is no score
        return names

    @field_validator("flips", "scales", "scores")
    @classmethod
    def _check_unique(cls, values: tuple) -> tuple:
        if len(set(values)) != len(values):
            raise ValueError("each must be named once")
        return values

    def rare_classes(self, labels: LabelSpace) -> tuple[str, ...]:
        """Return the names of the rare classes: those of ``rare``, or else those that the dataset names."""
        return self.rare or labels.rare


class GateConfig(Settings):
    """The gate that is tuned on the validation part after the training: when a class counts as found in an image."""

    kind: str = "none"
    """none, or a sum of conditions, such as presence+area: **presence** (the network's own head says that the class is
    there), **pixels** (some pixel is certain enough, and the mask has a threshold of its own), **area** (so many pixels
    at least); **classifier** instead of presence asks another network (plan two_stage, ``rarepix tune``)."""
    false_alarms: float = Field(0.05, gt=0, lt=1)
    """The share of empty images on which anything may be found."""
    best: str | None = None
    """Tune for the best of this score instead."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """With which the rate of false alarms lies below the bound that the record states."""

    @field_validator("kind")
    @classmethod
    def _check_kind(cls, kind: str) -> str:
        if kind != "none":
            conditions(kind)
        return kind

    @field_validator("best")
    @classmethod
    def _check_best(cls, name: str | None) -> str | None:
        if name is not None:
            direction_of(name)  # refuses what is no score
        return name
