"""The section ``loss`` of the configuration."""

from typing import ClassVar

from pydantic import Field

from rarepix.settings import Chosen

LOSS_PARAMETERS: dict[str, dict[str, float]] = {
    "ce": {"label_smoothing": 0.0},
    "focal": {"gamma": 2.0},
    "dice": {"smooth": 0.0},
}
"""Loss → its parameters with their defaults. Light enough to check a configuration without importing torch."""


class LossConfig(Chosen):
    """The loss and its parameters; only those of the named loss may be given."""

    section: ClassVar = "loss"
    chooser: ClassVar = "name"
    table: ClassVar = LOSS_PARAMETERS

    name: str = "ce"
    """ce (cross-entropy), focal or dice."""
    label_smoothing: float | None = Field(None, ge=0, lt=1)
    """ce: share of the target that is spread over all classes (default 0)."""
    gamma: float | None = Field(None, ge=0)
    """focal: exponent that takes weight from easy pixels (default 2)."""
    smooth: float | None = Field(None, ge=0)
    """dice: added to numerator and denominator (default 0)."""
