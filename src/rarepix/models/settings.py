"""The section ``model`` of the configuration."""

from typing import Any, Literal

from pydantic import Field

from rarepix.settings import Settings


class ModelConfig(Settings):
    """Any architecture and encoder of segmentation-models-pytorch."""

    architecture: str = "unet"
    """Name in segmentation-models-pytorch (unet, deeplabv3plus, fpn, …)."""
    encoder: str = "resnet18"
    """Encoder of segmentation-models-pytorch; a name beginning with ``tu-`` is one of timm."""
    weights: Literal["none", "imagenet"] = "none"
    """none: random; imagenet: fetched once, which needs the network, then read from the cache."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further keyword arguments of the architecture, such as ``decoder_channels``."""
