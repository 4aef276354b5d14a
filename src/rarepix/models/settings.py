"""The section ``model`` of the configuration."""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from rarepix.models.registry import ARCHITECTURES, NetworkSpec, own_architecture
from rarepix.settings import NoParameters, OneOf, Settings


class EncoderPresence(Settings):
    """A presence head on the deepest features of the encoder: pooling, dropout, one linear layer."""

    presence_pooling: Literal["avg", "max"] = "max"
    """How the features of an image become one vector."""
    presence_dropout: float = Field(0.0, ge=0, lt=1)


PRESENCE_HEADS: dict[str, type[Settings]] = {"none": NoParameters, "encoder": EncoderPresence}
"""Presence head → its parameters."""


class ModelConfig(OneOf):
    """Any architecture and encoder of segmentation-models-pytorch, or an architecture of our own."""

    section: ClassVar = "model"
    choosers: ClassVar = {"architecture": ARCHITECTURES, "presence": PRESENCE_HEADS}
    restating_resets: ClassVar = False
    reset_with: ClassVar = {"architecture": ("options",)}

    architecture: str = "unet"
    """Name in segmentation-models-pytorch (unet, deeplabv3plus, fpn, …), or classifier: no masks, only which classes
    are in the image."""
    encoder: str = "resnet18"
    """Encoder of segmentation-models-pytorch; a name beginning with ``tu-`` is one of timm."""
    weights: Literal["none", "imagenet"] = "none"
    """none: random; imagenet: fetched once, which needs the network, then read from the cache."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further keyword arguments of an architecture of segmentation-models-pytorch, such as ``decoder_channels``."""
    presence: str = "none"
    """encoder: the network also says which classes are in the image, by a head on the encoder; none: it does not."""

    @classmethod
    def parameters_class(cls, chooser: str, choice: str) -> type[Settings]:
        """Return the class of the parameters of *choice*; an architecture that is not ours has none."""
        if chooser == "architecture":
            own = own_architecture(choice)
            return own.Parameters if own else NoParameters
        return super().parameters_class(chooser, choice)

    @model_validator(mode="after")
    def _check_own_architecture(self) -> "ModelConfig":
        """Options and this presence head are of segmentation-models-pytorch; our own architectures have their own."""
        given = {"options": self.options, "presence": self.presence if self.presence != "none" else None}
        for key, value in given.items():
            if value and own_architecture(self.architecture):
                raise ValueError(
                    f"model.{key} goes with architectures of segmentation-models-pytorch, but model.architecture is "
                    f"{self.architecture!r}: leave it out, or set it to {'{}' if key == 'options' else 'none'}"
                )
        return self

    @property
    def network(self) -> NetworkSpec:
        """What the network says and which sizes it takes, known without building it."""
        own = own_architecture(self.architecture)
        if own:
            return own.network(self)
        return NetworkSpec(outputs=("mask",) if self.presence == "none" else ("mask", "presence"))
