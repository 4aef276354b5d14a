"""The section ``model`` of the configuration."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from rarepix.models.registry import ARCHITECTURES, DECODERS, NetworkSpec, is_decoder, own_architecture
from rarepix.paths import expand
from rarepix.settings import NoParameters, OneOf, Settings

Pooling = Literal["avg", "max", "gem"]
"""How features become one vector for each image: by their mean, their maximum, or a generalised mean with a learned
power, which lies between the two."""


class PresenceHead(Settings):
    """A head that says which classes are in an image: pooling, dropout, one linear layer."""

    presence_pooling: Pooling = "max"
    """How the features of an image become one vector; max suits objects of a few pixels."""
    presence_dropout: float = Field(0.0, ge=0, lt=1)


class HypercolumnSum(Settings):
    """All levels of the decoder, each by a convolution 1×1 of its own, upsampled to the finest, added up."""

    hypercolumn_channels: PositiveInt = 128
    """Channels that every level is projected to."""
    hypercolumn_align_corners: bool = False
    """How levels are upsampled: with the centres of their corner cells on those of the finest level (true, as the
    published networks do), or with their borders on its borders (false, as everywhere else in the project)."""


class HypercolumnFused(HypercolumnSum):
    """The sum, then squeeze-excitation, three convolutions 3×3, and squeeze-excitation again."""

    hypercolumn_reduction: PositiveInt = 8
    """Squeeze-excitation goes through this many times fewer channels."""

    @model_validator(mode="after")
    def _check_reduction(self) -> "HypercolumnFused":
        if self.hypercolumn_reduction > self.hypercolumn_channels:
            raise ValueError(
                f"model.hypercolumn_reduction must be at most model.hypercolumn_channels = "
                f"{self.hypercolumn_channels}, but got {self.hypercolumn_reduction}"
            )
        return self


WEIGHT_NAMES = ("none", "imagenet")
"""Values of ``model.weights`` that are no files."""
WEIGHT_SUFFIXES = (".bin", ".ckpt", ".pt", ".pth", ".safetensors")
PRESENCE_HEADS: dict[str, type[Settings]] = {"none": NoParameters, "encoder": PresenceHead, "decoder": PresenceHead}
"""What a presence head looks at → its parameters."""
HYPERCOLUMNS: dict[str, type[Settings]] = {"none": NoParameters, "sum": HypercolumnSum, "fused": HypercolumnFused}
"""Hypercolumn → its parameters."""
WITH_LEVELS = ("fpn", "linknet", "manet", "unet")
"""Architectures of segmentation-models-pytorch whose decoder gives levels for a hypercolumn (``smp_levels``)."""


class ModelConfig(OneOf):
    """Any architecture and encoder of segmentation-models-pytorch, or an architecture of our own."""

    section: ClassVar = "model"
    choosers: ClassVar = {
        "architecture": ARCHITECTURES | DECODERS, "presence": PRESENCE_HEADS, "hypercolumn": HYPERCOLUMNS,
    }  # fmt: skip
    restating_resets: ClassVar = False
    reset_with: ClassVar = {"architecture": ("options",)}

    architecture: str = "unet"
    """Name in segmentation-models-pytorch (unet, deeplabv3plus, fpn, …); or one of ours: plain_unet, bifpn, fapn, or
    classifier: no masks, only which classes are in the image."""
    encoder: str = "resnet18"
    """Encoder of segmentation-models-pytorch; a name beginning with ``tu-`` is one of timm."""
    weights: str = "none"
    """none: random; imagenet: from a package (encoders tu-tf_efficientnet_lite0, 1 and 2), for others fetched once,
    which needs the network, then read from the cache; or a file, which may name ``$VARIABLES``: a state dictionary of
    the encoder or of a whole network of timm, torchvision or segmentation-models-pytorch, or a trial's checkpoint."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further keyword arguments of an architecture of segmentation-models-pytorch, such as ``decoder_channels``."""
    presence: str = "none"
    """The network also says which classes are in the image, by a head on the deepest features of the encoder (encoder)
    or on what the masks are computed from (decoder); none: it does not."""
    hypercolumn: str = "none"
    """sum, fused: masks are computed from all levels of the decoder; none: from the finest."""

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
    def _check_switches(self) -> "ModelConfig":
        """Options are of segmentation-models-pytorch; a classifier has no decoder; not every decoder has levels."""
        name, own = self.architecture.lower(), own_architecture(self.architecture)
        if own and self.options:
            self._refuse_switch("options", "of segmentation-models-pytorch", "leave it out, or set it to {}")
        for key in ("presence", "hypercolumn"):
            if own and not is_decoder(name) and getattr(self, key) != "none":
                which = f"of segmentation-models-pytorch and {', '.join(DECODERS)}"
                self._refuse_switch(key, which, "leave it out, or set it to none")
        if self.hypercolumn != "none" and not own and name not in WITH_LEVELS:
            which = ", ".join(sorted([*DECODERS, *WITH_LEVELS]))
            self._refuse_switch("hypercolumn", which, "take one of these, or set it to none")
        return self

    def _refuse_switch(self, key: str, which: str, remedy: str) -> None:
        raise ValueError(
            f"model.{key} goes with architectures {which}, but model.architecture is {self.architecture!r}: {remedy}"
        )

    @property
    def network(self) -> NetworkSpec:
        """What the network says and which sizes it takes, known without building it."""
        own = own_architecture(self.architecture)
        if own and not is_decoder(self.architecture):
            return own.network(self)
        return NetworkSpec(outputs=("mask",) if self.presence == "none" else ("mask", "presence"))
