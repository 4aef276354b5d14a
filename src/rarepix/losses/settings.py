"""The section ``loss`` of the configuration."""

from pydantic import Field, model_validator

from rarepix.choices import pick
from rarepix.settings import Settings

LOSS_PARAMETERS: dict[str, dict[str, float]] = {
    "ce": {"label_smoothing": 0.0},
    "focal": {"gamma": 2.0},
    "dice": {"smooth": 0.0},
}
"""Loss → its parameters with their defaults. Light enough to check a configuration without importing torch."""


class LossConfig(Settings):
    """The loss and its parameters; only those of the named loss may be given."""

    name: str = "ce"
    """ce (cross-entropy), focal or dice."""
    label_smoothing: float | None = Field(None, ge=0, lt=1)
    """ce: share of the target that is spread over all classes (default 0)."""
    gamma: float | None = Field(None, ge=0)
    """focal: exponent that takes weight from easy pixels (default 2)."""
    smooth: float | None = Field(None, ge=0)
    """dice: added to numerator and denominator (default 0)."""

    @model_validator(mode="after")
    def _parameters_of_the_named_loss(self) -> "LossConfig":
        allowed = pick(LOSS_PARAMETERS, self.name, "loss.name")
        for key in self.given():
            if key not in allowed:
                takes = ", ".join(f"loss.{name}" for name in allowed) or "no parameters"
                raise ValueError(f"loss {self.name!r} has no parameter {key!r}; it takes {takes}: leave loss.{key} out")
        return self

    def given(self) -> dict[str, float]:
        """Return the parameters that were given."""
        return {key: value for key, value in self if key != "name" and value is not None}

    def parameters(self) -> dict[str, float]:
        """Return all parameters of the named loss, defaults filled in."""
        return LOSS_PARAMETERS[self.name] | self.given()
