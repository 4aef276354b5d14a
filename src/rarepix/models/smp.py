"""Networks of segmentation-models-pytorch: any of its architectures, with or without its presence head."""

import inspect
from functools import cache

import segmentation_models_pytorch as smp
from torch import Tensor, nn

from rarepix.choices import nearest, pick
from rarepix.models.encoders import check_encoder, encoder_and_rest, named_errors, weights_of
from rarepix.models.outputs import SegOutput
from rarepix.models.padding import padded
from rarepix.models.presence import pooled_by
from rarepix.models.registry import ARCHITECTURES, DECODERS
from rarepix.models.settings import ModelConfig
from rarepix.settings import STRIDE


class Segmenter:
    """What makes a network of segmentation-models-pytorch an ``outputs.Model``; its weights keep their names."""

    stride = STRIDE

    @property
    def outputs(self) -> tuple[str, ...]:
        """The fields of ``SegOutput`` that it fills."""
        return ("mask",) if self.classification_head is None else ("mask", "presence")

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of the encoder, and those of the decoder and the heads."""
        return encoder_and_rest(self)

    def forward(self, x: Tensor) -> SegOutput | Tensor:
        """Return logits, a channel a class, of images N C H W of any size; with a presence head a ``SegOutput``."""
        return padded(self._forward, x, self.stride)

    def _forward(self, x: Tensor) -> SegOutput | Tensor:
        output = super().forward(x)
        return output if isinstance(output, Tensor) else SegOutput(*output)


def build(config: ModelConfig, *, classes: int, presence: int, channels: int = 3) -> nn.Module:
    """Return the network that *config* describes, of images of *channels* bands, with C = *classes* of the mask.

    With ``model.presence=encoder`` it has a head for K = *presence* classes: one linear layer on the pooled deepest
    features of the encoder.

    Raises:
        ValueError, ConnectionError: as ``models.build_model``.
    """
    known = ARCHITECTURES | DECODERS | smp.MODEL_ARCHITECTURES_MAPPING  # an unknown one may be a misspelled one of ours
    architecture = pick(known, config.architecture.lower(), "model.architecture")
    check_encoder(config.encoder)
    _check_options(config, architecture)
    options = config.options
    if config.presence == "encoder":
        head = config.chosen("presence")
        options = options | {"aux_params": {"classes": presence, "dropout": head.presence_dropout}}
    with named_errors(config):
        network = _segmenter(architecture)(
            encoder_name=config.encoder,
            encoder_weights=weights_of(config),
            in_channels=channels,
            classes=classes,
            **options,
        )
    if config.presence == "encoder":
        pooled_by(network.classification_head, head.presence_pooling)
    return network


@cache
def _segmenter(architecture: type[nn.Module]) -> type[nn.Module]:
    return type(architecture.__name__, (Segmenter, architecture), {})


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
