"""Hypercolumns: all levels of a decoder, each projected and upsampled to the finest, added up.

Hariharan et al. (CVPR 2015) stack the encoder's features above a pixel; here they are the decoder's, and the sum of
projections is what a linear layer on the stack would give. See ``docs/reference/networks.md``.
"""

from collections.abc import Sequence

from segmentation_models_pytorch.base.initialization import initialize_decoder
from timm.layers import SEModule
from torch import Tensor, nn
from torch.nn.functional import interpolate

from rarepix.models.settings import ModelConfig


class Hypercolumn(nn.Module):
    """Levels N C_l h_l w_l, coarse → fine, to N C h w, the size of the finest: the sum over l of Up(W_l F_l)."""

    def __init__(
        self, level_channels: Sequence[int], channels: int, *, align_corners: bool = False, reduction: int | None = None
    ) -> None:
        """Build it with C = *channels*; with a *reduction*, what ``fusion`` returns follows the sum."""
        super().__init__()
        self.channels, self.align_corners = channels, align_corners
        self.projections = nn.ModuleList(nn.Conv2d(level, channels, 1) for level in level_channels)
        self.fusion = nn.Identity() if reduction is None else fusion(channels, reduction)
        initialize_decoder(self)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return the fused levels. They are projected before they are upsampled: the same, and it costs less."""
        size = levels[-1].shape[-2:]
        projected = [project(level) for project, level in zip(self.projections, levels, strict=True)]
        return self.fusion(sum(self._upsampled(level, size) for level in projected))

    def _upsampled(self, level: Tensor, size: Sequence[int]) -> Tensor:
        if level.shape[-2:] == size:
            return level
        return interpolate(level, size=size, mode="bilinear", align_corners=self.align_corners)


def fusion(channels: int, reduction: int) -> nn.Sequential:
    """Return N C h w → N C h w: squeeze-excitation, three convolutions 3×3 with normalisation, squeeze-excitation."""
    convolutions = [
        nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(True))
        for _ in range(3)
    ]
    squeeze_in, squeeze_out = (SEModule(channels, rd_channels=channels // reduction) for _ in range(2))
    return nn.Sequential(squeeze_in, *convolutions, squeeze_out)


def build_hypercolumn(config: ModelConfig, level_channels: Sequence[int]) -> Hypercolumn | None:
    """Return the block that ``model.hypercolumn`` asks for, for levels of these channels; None: none."""
    if config.hypercolumn == "none":
        return None
    given = config.parameters("hypercolumn")
    return Hypercolumn(
        level_channels,
        given["hypercolumn_channels"],
        align_corners=given["hypercolumn_align_corners"],
        reduction=given.get("hypercolumn_reduction"),
    )
