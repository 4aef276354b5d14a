"""The section ``model`` of the configuration."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from rarepix.models.registry import ARCHITECTURES, NetworkSpec, own_architecture
from rarepix.paths import expand
from rarepix.settings import NoParameters, OneOf, Settings


class EncoderPresence(Settings):
    """A presence head on the deepest features of the encoder: pooling, dropout, one linear layer."""

    presence_pooling: Literal["avg", "max"] = "max"
    """How the features of an image become one vector."""
    presence_dropout: float = Field(0.0, ge=0, lt=1)


WEIGHT_NAMES = ("none", "imagenet")
"""Values of ``model.weights`` that are no files."""
WEIGHT_SUFFIXES = (".bin", ".ckpt", ".pt", ".pth", ".safetensors")
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
    weights: str = "none"
    """none: random; imagenet: from a package (encoders tu-tf_efficientnet_lite0, 1 and 2), for others fetched once,
    which needs the network, then read from the cache; or a file, which may name ``$VARIABLES``: a state dictionary of
    the encoder or of a whole network of timm, torchvision or segmentation-models-pytorch, or a trial's checkpoint."""
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

    @field_validator("weights")
    @classmethod
    def _name_or_file(cls, weights: str) -> str:
        if weights not in WEIGHT_NAMES and Path(weights).suffix not in WEIGHT_SUFFIXES:
            raise ValueError(f"must be none, imagenet or a file of weights ({', '.join(WEIGHT_SUFFIXES)})")
        return weights

    @property
    def weights_file(self) -> Path | None:
        """The file of ``weights``, variables replaced; None: they are no file.

        Raises:
            FileNotFoundError: there is no such file, or the path names a variable that is not set.
        """
        if self.weights in WEIGHT_NAMES:
            return None
        file = expand(self.weights)
        if not file.is_file():
            raise FileNotFoundError(f"model.weights must be none, imagenet or a file of weights, but {file} is no file")
        return file

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
