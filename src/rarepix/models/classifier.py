"""The architecture ``classifier``: which classes are in an image, without masks.

An encoder of segmentation-models-pytorch or timm, its deepest features pooled over the image, dropout, and one linear
layer. It learns from the masks of a dataset: a class is in an image if any pixel has it.
"""

from pydantic import Field
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn

from rarepix.models.encoders import check_encoder, encoder_and_rest, named_errors, weights_of
from rarepix.models.outputs import SegOutput
from rarepix.models.padding import padded
from rarepix.models.presence import presence_head
from rarepix.models.registry import NetworkSpec
from rarepix.models.settings import ModelConfig, Pooling
from rarepix.settings import STRIDE, Settings


class Parameters(Settings):
    """The parameters of the architecture."""

    pooling: Pooling = "max"
    """How the features of an image become one vector; max suits objects of a few pixels."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the pooled features that are left out in training."""


class Classifier(nn.Module):
    """Images N C H W of any size → ``SegOutput`` with presence logits N K and no mask."""

    stride = STRIDE
    outputs = ("presence",)

    def __init__(self, encoder: nn.Module, *, presence: int, pooling: str, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = presence_head(encoder.out_channels[-1], presence, pooling=pooling, dropout=dropout)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of the encoder and of the head."""
        return encoder_and_rest(self)

    def forward(self, x: Tensor) -> SegOutput:
        """Return presence logits of images."""
        return padded(lambda images: SegOutput(presence=self.head(self.encoder(images)[-1])), x, self.stride)


def network(config: ModelConfig) -> NetworkSpec:
    """Return what the network says and which sizes it takes."""
    return NetworkSpec(outputs=Classifier.outputs, stride=Classifier.stride)


def build(config: ModelConfig, *, classes: int, presence: int, channels: int = 3) -> nn.Module:
    """Return the network that *config* describes, of images of *channels* bands and K = *presence* classes.

    Raises:
        ValueError, ConnectionError: as ``models.build_model``.
    """
    check_encoder(config.encoder)
    chosen = config.chosen("architecture")
    with named_errors(config):
        encoder = get_encoder(config.encoder, in_channels=channels, depth=5, weights=weights_of(config))
        return Classifier(encoder, presence=presence, pooling=chosen.pooling, dropout=chosen.dropout)
