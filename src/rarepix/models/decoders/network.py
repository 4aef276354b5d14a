"""The network around a decoder of our own: encoder → decoder → hypercolumn or finest level → heads."""

from segmentation_models_pytorch.base.initialization import initialize_head
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn
from torch.nn.functional import interpolate

from rarepix.models.encoders import check_encoder, encoder_and_rest, named_errors, weights_of
from rarepix.models.hypercolumn import build_hypercolumn
from rarepix.models.outputs import SegOutput
from rarepix.models.padding import padded
from rarepix.models.presence import presence_head
from rarepix.models.registry import own_architecture
from rarepix.models.settings import ModelConfig
from rarepix.settings import STRIDE


class DecoderNetwork(nn.Module):
    """Images N C H W of any size → logits of masks N C H W; with a presence head a ``SegOutput``."""

    stride = STRIDE

    def __init__(self, encoder: nn.Module, decoder: nn.Module, hypercolumn: nn.Module | None, *, classes: int) -> None:
        super().__init__()
        self.encoder, self.decoder, self.hypercolumn = encoder, decoder, hypercolumn
        self.channels = decoder.channels[-1] if hypercolumn is None else hypercolumn.channels
        self.segmentation_head = nn.Conv2d(self.channels, classes, 1)
        initialize_head(self.segmentation_head)
        self.presence_head, self.presence_of_encoder = None, False

    def add_presence_head(self, config: ModelConfig, presence: int) -> None:
        """Put on the head that ``model.presence`` asks for, if any, for K = *presence* classes."""
        if config.presence == "none":
            return
        self.presence_of_encoder = config.presence == "encoder"
        given = config.chosen("presence")
        self.presence_head = presence_head(
            self.encoder.out_channels[-1] if self.presence_of_encoder else self.channels,
            presence,
            pooling=given.presence_pooling,
            dropout=given.presence_dropout,
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        """The fields of ``SegOutput`` that it fills."""
        return ("mask",) if self.presence_head is None else ("mask", "presence")

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of the encoder, and those of the decoder and the heads."""
        return encoder_and_rest(self)

    def forward(self, x: Tensor) -> SegOutput | Tensor:
        """Return the logits of images."""
        return padded(self._forward, x, self.stride)

    def _forward(self, x: Tensor) -> SegOutput | Tensor:
        features = self.encoder(x)
        levels = self.decoder(features)
        fused = levels[-1] if self.hypercolumn is None else self.hypercolumn(levels)
        logits = self.segmentation_head(fused)
        mask = interpolate(logits, size=x.shape[-2:], mode="bilinear", align_corners=False)
        if self.presence_head is None:
            return mask
        return SegOutput(mask, self.presence_head(features[-1] if self.presence_of_encoder else fused))


def build(config: ModelConfig, *, classes: int, presence: int, channels: int = 3) -> DecoderNetwork:
    """Return the network that *config* describes, of images of *channels* bands, with C = *classes* of the mask.

    *presence* is the number K of classes of its presence head, where it has one.

    Raises:
        ValueError, ConnectionError: as ``models.build_model``.
    """
    check_encoder(config.encoder)
    decoder_class = own_architecture(config.architecture).Decoder
    with named_errors(config):
        encoder = get_encoder(config.encoder, in_channels=channels, depth=5, weights=weights_of(config))
        used = config.hypercolumn != "none"
        decoder = decoder_class(encoder.out_channels, config.chosen("architecture"), all_levels=used)
        network = DecoderNetwork(encoder, decoder, build_hypercolumn(config, decoder.channels), classes=classes)
    network.add_presence_head(config, presence)
    return network
