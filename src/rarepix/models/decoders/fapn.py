"""The decoder ``fapn``: the feature-aligned pyramid network (Huang, Lu, Cheng and He, ICCV 2021).

A feature pyramid whose lateral convolutions first weigh the encoder's channels, and which moves the coarser map to
where the finer one has its contents, by a deformable convolution, before it adds the two.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from pydantic import PositiveInt, model_validator
from torch import Tensor, nn
from torchvision.ops import DeformConv2d

from rarepix.settings import Settings

LEVELS = 4
"""Levels 2 to 5 of the pyramid, whose strides are 4 to 32."""
TAPS = 9
"""Positions of a 3 × 3 kernel."""


class Parameters(Settings):
    """The parameters of the decoder."""

    pyramid_channels: PositiveInt = 128
    """Channels of every level of the pyramid."""
    offset_groups: PositiveInt = 8
    """Groups of channels, each of which is moved by offsets of its own."""

    @model_validator(mode="after")
    def _groups_share_the_channels(self) -> "Parameters":
        if self.pyramid_channels % self.offset_groups:
            raise ValueError(
                f"model.pyramid_channels must be a multiple of model.offset_groups={self.offset_groups}, but got "
                f"{self.pyramid_channels}"
            )
        return self


class FeatureSelection(nn.Module):
    """Features x of the encoder, N K H W → N C H W: a 1 × 1 convolution of x + u x.

    u, N K, are weights of the channels from their means over the image. They only strengthen: 1 + u lies in 1 to 2.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.attention = _xavier(nn.Conv2d(inputs, inputs, 1, bias=False))
        self.projection = _xavier(nn.Conv2d(inputs, channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Return the selected features."""
        weights = self.attention(x.mean(dim=(2, 3), keepdim=True)).sigmoid()
        return self.projection(x + weights * x)


class FeatureAlignment(nn.Module):
    """A coarser map N C h w and a finer one N C H W → the coarser one enlarged and aligned, N C H W.

    A modulated deformable 3 × 3 convolution (DCNv2) reads the enlarged map at offsets that come from both maps. Offsets
    begin at zero and modulations at .5: an ordinary convolution with half its weights.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.difference = _xavier(nn.Conv2d(2 * channels, channels, 1, bias=False))
        self.offsets = nn.Conv2d(channels, 3 * groups * TAPS, 3, padding=1)
        nn.init.zeros_(self.offsets.weight)
        nn.init.zeros_(self.offsets.bias)
        self.aligned = DeformConv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.aligned.bias)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return the aligned map."""
        enlarged = F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        # twice the enlarged map, as in the authors' code; their formula has it once
        moves = self.offsets(self.difference(torch.cat([fine, 2 * enlarged], dim=1)))
        # torchvision's deformable convolution has no bfloat16 on CPUs, and a position needs more than its 8 bits
        with torch.autocast(enlarged.device.type, enabled=False):
            rows_and_columns, modulation = moves.float().split([moves.shape[1] * 2 // 3, moves.shape[1] // 3], dim=1)
            return self.aligned(enlarged.float(), rows_and_columns, modulation.sigmoid()).relu()


class Decoder(nn.Module):
    """Features of an encoder, shallow → deep → the levels 4, 3 and 2 of the pyramid, coarse → fine, or level 2 alone.

    Args:
        encoder_channels: channels of the features; the last four have the strides 4, 8, 16 and 32.
        parameters: width of the pyramid and groups of offsets.
        all_levels: return all levels; otherwise level 2, and the others are not smoothed.
    """

    reduction = 4
    """Stride of the finest level."""

    def __init__(self, encoder_channels: Sequence[int], parameters: Parameters, *, all_levels: bool = True) -> None:
        super().__init__()
        width = parameters.pyramid_channels
        *finer, deepest = encoder_channels[-LEVELS:]
        self.channels = (width,) * (len(finer) if all_levels else 1)
        self.top = nn.Conv2d(deepest, width, 1)
        self.selections = nn.ModuleList(FeatureSelection(each, width) for each in reversed(finer))
        self.alignments = nn.ModuleList(FeatureAlignment(width, parameters.offset_groups) for _ in finer)
        self.smoothings = nn.ModuleList(_xavier(nn.Conv2d(width, width, 3, padding=1)) for _ in self.channels)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Return the maps of the levels, coarse → fine, N C H W."""
        merged = [self.top(features[-1])]
        for select, align, feature in zip(
            self.selections, self.alignments, reversed(features[-LEVELS:-1]), strict=True
        ):
            fine = select(feature)
            merged.append(align(merged[-1], fine) + fine)
        returned = merged[-len(self.channels) :]
        return [smooth(each) for smooth, each in zip(self.smoothings, returned, strict=True)]


def _xavier(convolution: nn.Conv2d) -> nn.Conv2d:
    """Return *convolution* with weights drawn as published (uniform, variance 1 / inputs) and a bias of zero."""
    nn.init.kaiming_uniform_(convolution.weight, a=1)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution
