"""The section ``evaluate`` of the configuration."""

from typing import Literal

from pydantic import Field, PositiveInt

from rarepix.settings import Settings


class EvaluateConfig(Settings):
    """What the search maximises."""

    objective: Literal["miou", "rare_iou"] = "miou"
    """miou: mean IoU of all classes; rare_iou: of the rare ones. From counts pooled over the validation part."""
    rare: tuple[str, ...] = ()
    """The rare classes; empty: those that the dataset names."""
    floor: float = Field(0.0, ge=0, le=1)
    """With ``rare_iou``: what the mean IoU of the other classes falls short of this is subtracted."""
    batch_size: PositiveInt = 8
