"""Segmentation networks by name: any architecture and encoder of segmentation-models-pytorch."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from rarepix.choices import nearest, pick
from rarepix.models.settings import ModelConfig

if TYPE_CHECKING:
    from torch import nn


def build_model(config: ModelConfig, *, classes: int) -> nn.Module:
    """Return a network of images N 3 H W (float, normalised; H and W multiples of 32) with logits N C H W as output.

    It has the parts ``encoder``, ``decoder`` and ``segmentation_head``, and C is *classes*.

    Example: ``build_model(ModelConfig(architecture="fpn", encoder="resnet34"), classes=12)``.

    Raises:
        ValueError: unknown architecture, encoder or option, or an encoder that the architecture cannot use.
        ConnectionError: ImageNet weights are wanted, are not in the cache, and cannot be fetched.
    """
    import segmentation_models_pytorch as smp

    architecture = pick(smp.MODEL_ARCHITECTURES_MAPPING, config.architecture.lower(), "model.architecture")
    _check_encoder(config.encoder)
    _check_options(config, architecture)
    weights = None if config.weights == "none" else config.weights
    try:
        return architecture(encoder_name=config.encoder, encoder_weights=weights, classes=classes, **config.options)
    except (TypeError, NotImplementedError, KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"model.architecture={config.architecture!r} cannot be built with model.encoder={config.encoder!r}, "
            f"model.weights={config.weights!r} and model.options={config.options}: {error}"
        ) from error
    except OSError as error:  # raised by the hub's client without a network
        raise ConnectionError(
            f"the imagenet weights of {config.encoder!r} are not in the cache and could not be fetched "
            f"({type(error).__name__}): use --set model.weights=none, or run once where there is a network and take "
            f"the cache folder (HF_HOME, TORCH_HOME) along"
        ) from error


def _check_options(config: ModelConfig, architecture: type) -> None:
    """Refuse options that are not in the architecture's signature: its ``**kwargs`` would accept and ignore them."""
    fixed = {"self", "kwargs", "encoder_name", "encoder_weights", "classes", "activation", "aux_params", "in_channels"}
    valid = [name for name in inspect.signature(architecture.__init__).parameters if name not in fixed]
    for name in config.options:
        if name not in valid:
            raise ValueError(
                f"{config.architecture!r} has no option {name!r}: {nearest(name, valid)}"
                f"model.options may hold {', '.join(valid)}"
            )


def _check_encoder(name: str) -> None:
    """Refuse an encoder that neither segmentation-models-pytorch nor, with the prefix ``tu-``, timm has."""
    from segmentation_models_pytorch.encoders import encoders

    if name.startswith("tu-"):
        import timm

        if not timm.is_model(name.removeprefix("tu-")):
            close = nearest(name.removeprefix("tu-"), timm.list_models())
            raise ValueError(f"model.encoder {name!r} must be 'tu-' and a model of timm: {close}")
        return
    pick(encoders, name, "model.encoder")
