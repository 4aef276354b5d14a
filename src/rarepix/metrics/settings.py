"""The section ``evaluate`` of the configuration."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, field_validator

from rarepix.settings import Settings, WindowSize


class EvaluateConfig(Settings):
    """What the search maximises, and how a trained network is asked, in validation, test and prediction alike."""

    objective: Literal["miou", "rare_iou"] = "miou"
    """miou: mean IoU of all classes; rare_iou: of the rare ones. From counts pooled over the validation part."""
    rare: tuple[str, ...] = ()
    """The rare classes; empty: those that the dataset names."""
    floor: float = Field(0.0, ge=0, le=1)
    """With ``rare_iou``: what the mean IoU of the other classes falls short of this is subtracted."""
    batch_size: PositiveInt = 8
    """Images, or windows, that go through the network together."""
    threshold: float = Field(0.5, gt=0, lt=1)
    """Binary and multilabel tasks: a class is predicted where its probability is above this."""
    window: WindowSize | None = None
    """Rows and columns of a window that slides over the image; where windows overlap the middle of each counts most.
    None: the image as a whole."""
    overlap: float = Field(0.5, ge=0, lt=1)
    """Share of a window that the next one covers again, at least."""
    flips: tuple[Literal["horizontal", "vertical"], ...] = ()
    """The image is shown flipped as well, in all combinations, and the logits are averaged."""
    scales: Annotated[tuple[Annotated[float, Field(gt=0, le=8)], ...], Field(min_length=1)] = (1.0,)
    """Factors by which the image is resized; the logits of all are averaged."""

    @field_validator("flips", "scales")
    @classmethod
    def _each_once(cls, given: tuple) -> tuple:
        if len(set(given)) != len(given):
            raise ValueError("each must be named once")
        return given
