"""Networks by name: any architecture and encoder of segmentation-models-pytorch, and architectures of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarepix.models.registry import is_decoder, own_architecture
from rarepix.models.settings import ModelConfig

if TYPE_CHECKING:
    from types import ModuleType

    from torch import nn


def build_model(config: ModelConfig, *, classes: int, presence: int | None = None, channels: int = 3) -> nn.Module:
    """Return a network of images N C H W (float, normalised), an ``outputs.Model``.

    It takes any H and W; where they are no multiples of its ``stride``, images are padded and masks cut back. A network
    of masks alone returns logits N C H W; one that also, or only, says which classes are in the image returns a
    ``SegOutput``. Its ``first_weights`` says in a line what it begins with; it is empty where that is random, or what
    the encoder's library loaded.

    Args:
        config: what to build.
        classes: channels C of the mask.
        presence: number K of the classes whose presence in an image can be told; None: all but one of *classes* (the
            background), or the one of a binary task.
        channels: bands C of the images. With pretrained weights and other than three, the filters of the first layer
            are those of the three bands, repeated and scaled (of one band: added up), as timm does it.

    Example: ``build_model(ModelConfig(architecture="fpn", encoder="resnet34"), classes=12)``.

    Raises:
        ValueError: unknown architecture, encoder or option, or an encoder that the architecture cannot use; or a
            network that tells presence, of no class.
        FileNotFoundError, WeightsError: the file of ``model.weights`` is not there, cannot be read, or does not fit.
        ConnectionError: ImageNet weights are wanted, are neither in a package nor in the cache, and cannot be fetched.
    """
    presence = max(classes - 1, 1) if presence is None else presence
    if presence < 1 and "presence" in config.network.outputs:
        raise ValueError(
            f"presence, the number of classes whose presence in an image can be told, must be 1 or more, but got "
            f"{presence}: use a network without presence head"
        )
    network = _builder(config.architecture).build(config, classes=classes, presence=presence, channels=channels)
    from rarepix.models.weights import load_first_weights

    network.first_weights = load_first_weights(network, config)
    return network


def _builder(architecture: str) -> ModuleType:
    """Return the module whose ``build`` builds networks of this architecture."""
    if is_decoder(architecture):
        from rarepix.models.decoders import network as builder
    else:
        builder = own_architecture(architecture)
        if builder is None:
            from rarepix.models import smp as builder
    return builder
