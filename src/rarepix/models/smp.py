"""Networks of segmentation-models-pytorch: any of its architectures, with or without its presence head."""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import segmentation_models_pytorch as smp
from segmentation_models_pytorch.base.initialization import initialize_head
from torch import Tensor, nn

from rarepix.choices import nearest, pick
from rarepix.models.encoders import check_encoder, encoder_and_rest, named_errors, weights_of
from rarepix.models.hypercolumn import build_hypercolumn
from rarepix.models.outputs import SegOutput
from rarepix.models.padding import padded
from rarepix.models.presence import pooled_by, presence_head
from rarepix.models.registry import ARCHITECTURES, DECODERS
from rarepix.models.settings import ModelConfig
from rarepix.models.smp_levels import LEVELS, REPLACED, REPLACED_OPTIONS, Levels, level_channels
from rarepix.settings import STRIDE


class Segmenter:
    """What makes a network of segmentation-models-pytorch an ``outputs.Model``; its weights keep their names."""

    stride = STRIDE

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.levels: Levels | None = None  # those of the decoder that the hypercolumn fuses
        self.hypercolumn: nn.Module | None = None  # what it gives takes the place of the decoder's last map
        self.presence_head: nn.Module | None = None  # beside the library's classification_head, which is of the encoder

    @property
    def outputs(self) -> tuple[str, ...]:
        """The fields of ``SegOutput`` that it fills."""
        return ("mask",) if self.classification_head is None and self.presence_head is None else ("mask", "presence")

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of the encoder, and those of the decoder and the heads."""
        return encoder_and_rest(self)

    def forward(self, x: Tensor) -> SegOutput | Tensor:
        """Return logits, a channel a class, of images N C H W of any size; with a presence head a ``SegOutput``."""
        return padded(self._forward, x, self.stride)

    def _forward(self, x: Tensor) -> SegOutput | Tensor:
        if self.hypercolumn is None and self.presence_head is None:
            output = super().forward(x)
            return output if isinstance(output, Tensor) else SegOutput(*output)
        encoded = self.encoder(x)
        features, *tokens = encoded if isinstance(self, smp.DPT) else (encoded,)
        if self.hypercolumn is None:
            fused = self.decoder(features, *tokens)
        else:
            fused = self.hypercolumn(self.levels(self.decoder, features))
        mask = self.segmentation_head(fused)
        if self.presence_head is not None:
            return SegOutput(mask, self.presence_head(fused))
        return mask if self.classification_head is None else SegOutput(mask, self.classification_head(features[-1]))


def build(config: ModelConfig, *, classes: int, presence: int, channels: int = 3) -> nn.Module:
    """Return the network that *config* describes, of images of *channels* bands, with C = *classes* of the mask.

    Its presence head, where it has one, is for K = *presence* classes: one linear layer on the pooled deepest features
    of the encoder, or on what the segmentation head takes.

    Raises:
        ValueError, ConnectionError: as ``models.build_model``.
    """
    known = ARCHITECTURES | DECODERS | smp.MODEL_ARCHITECTURES_MAPPING  # an unknown one may be a misspelled one of ours
    architecture = pick(known, config.architecture.lower(), "model.architecture")
    check_encoder(config.encoder)
    _check_options(config, architecture)
    options, head = config.options, config.parameters("presence")
    if config.presence == "encoder":
        options = options | {"aux_params": {"classes": presence, "dropout": head["presence_dropout"]}}
    with named_errors(config):
        network = _segmenter(architecture)(
            encoder_name=config.encoder,
            encoder_weights=weights_of(config),
            in_channels=channels,
            classes=classes,
            **options,
        )
    if config.hypercolumn != "none":
        _add_hypercolumn(network, config)
    if config.presence == "encoder":
        pooled_by(network.classification_head, head["presence_pooling"])
    if config.presence == "decoder":
        _add_presence_head(network, presence, head)
    return network


@cache
def _segmenter(architecture: type[nn.Module]) -> type[nn.Module]:
    return type(architecture.__name__, (Segmenter, architecture), {})


def _add_hypercolumn(network: nn.Module, config: ModelConfig) -> None:
    """Let a hypercolumn of the decoder's levels be what the segmentation head takes."""
    name = config.architecture.lower()
    network.levels = LEVELS[name]
    for layer in REPLACED.get(name, ()):
        delattr(network.decoder, layer)
    channels = level_channels(network.decoder, network.levels, network.encoder.out_channels)
    network.hypercolumn = build_hypercolumn(config, channels)
    network.segmentation_head[0] = _with_inputs(network.segmentation_head[0], network.hypercolumn.channels)


def _add_presence_head(network: nn.Module, presence: int, given: Mapping[str, Any]) -> None:
    """Put a presence head on the input of the segmentation head."""
    channels = next(layer for layer in network.segmentation_head.modules() if isinstance(layer, nn.Conv2d)).in_channels
    pooling, dropout = given["presence_pooling"], given["presence_dropout"]
    network.presence_head = presence_head(channels, presence, pooling=pooling, dropout=dropout)


def _with_inputs(layer: nn.Conv2d, channels: int) -> nn.Conv2d:
    """Return a layer like the first one of a head, freshly initialised, for another number of input channels."""
    layer = nn.Conv2d(channels, layer.out_channels, layer.kernel_size, padding=layer.padding)
    initialize_head(layer)
    return layer


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
        if config.hypercolumn != "none" and name in REPLACED_OPTIONS.get(config.architecture.lower(), ()):
            raise ValueError(
                f"model.options {name!r} is of layers of {config.architecture!r} that model.hypercolumn="
                f"{config.hypercolumn} takes the place of: leave it out"
            )
