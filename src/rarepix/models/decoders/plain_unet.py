"""The decoder ``plain_unet``: a U-Net without normalisation whose finest level has stride 4.

It is the U-Net of the published experiments on full-background images: three blocks, each bilinear ×2, the encoder's
features of that size, and twice a convolution 3×3 and a ReLU.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from pydantic import Field, PositiveInt
from segmentation_models_pytorch.base.initialization import initialize_decoder
from torch import Tensor, nn
from torch.nn.functional import interpolate

from rarepix.settings import Settings


class Parameters(Settings):
    """The parameters of the architecture."""

    decoder_channels: tuple[PositiveInt, PositiveInt, PositiveInt] = Field((512, 256, 128))
    """Channels of the blocks at stride 16, 8 and 4; the first convolution of a block has twice as many."""


class Block(nn.Sequential):
    """Coarse features, upsampled ×2, beside those of the encoder: N C h w and N S 2h 2w → N D 2h 2w."""

    def __init__(self, coarse: int, skip: int, channels: int) -> None:
        super().__init__(
            nn.Conv2d(coarse + skip, 2 * channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
        )

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Return the features of the finer level."""
        upsampled = interpolate(coarse, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        return super().forward(torch.cat([upsampled, skip], dim=1))


class Decoder(nn.Module):
    """The levels f5, d3, d2, d1: the encoder's deepest features as they are, and the output of each block."""

    reduction = 4

    def __init__(self, encoder_channels: Sequence[int], parameters: Parameters, *, all_levels: bool = True) -> None:
        super().__init__()
        *_, f2, f3, f4, f5 = encoder_channels
        self.channels = (f5, *parameters.decoder_channels)
        sizes = zip(pairwise(self.channels), (f4, f3, f2), strict=True)
        self.blocks = nn.ModuleList(Block(coarse, skip, channels) for (coarse, channels), skip in sizes)
        initialize_decoder(self)  # He et al., which keeps the scale of activations without normalisation

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Return f5, d3, d2 and d1, of strides 32, 16, 8 and 4."""
        *_, f2, f3, f4, f5 = features
        levels = [f5]
        for block, skip in zip(self.blocks, (f4, f3, f2), strict=True):
            levels.append(block(levels[-1], skip))
        return levels
