"""The decoder ``bifpn``: the weighted bidirectional feature pyramid of EfficientDet (Tan, Pang and Le, CVPR 2020).

Five levels of one width, strides 8 to 128, go through cells that pass features down to the finest level and up again.
Each node adds its inputs with learned weights. The defaults are those of EfficientDet-D2.
"""

import math
from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from timm.layers import create_pool2d
from torch import Tensor, nn

from rarepix.settings import Settings

LEVELS = 5
"""Levels 3 to 7 of the pyramid, whose strides are 8 to 128."""
RAW = 3
"""The finest of them, levels 3 to 5, are features of the encoder."""
EPS = 1e-4
"""In the denominator of the weights of a node."""


class Parameters(Settings):
    """The parameters of the decoder."""

    pyramid_channels: PositiveInt = 112
    """Channels of every level of the pyramid."""
    pyramid_cells: PositiveInt = 5
    """Cells, each one way down and up the pyramid."""


class Node(nn.Module):
    """Maps of one size, each N C H W → their weighted sum, Swish, a separable 3 × 3 convolution, normalised: N C H W.

    The weights are rectified and divided by their sum, so that they lie in 0 to 1 (fast normalised fusion).
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(inputs))
        self.convolution = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            _normalisation(channels),
        )

    def forward(self, *maps: Tensor) -> Tensor:
        """Return the new map."""
        weights = self.weights.relu()
        shares = (weights / (weights.sum() + EPS)).unbind()
        return self.convolution(sum(share * each for share, each in zip(shares, maps, strict=True)))


class Cell(nn.Module):
    """Maps of the levels, fine → coarse → new maps of the levels, fine → coarse, all of *channels* channels.

    *raw* are the channels of the finest maps where they come from the encoder: each use of such a map has a projection
    of its own, a 1 × 1 convolution and normalisation, so that a map that both ways use has two. Without the way up
    (*ascends*) the finest of the new maps is the only one.
    """

    def __init__(self, channels: int, raw: Sequence[int] = (), *, ascends: bool = True) -> None:
        super().__init__()
        entries = [*(partial(_projection, each, channels) for each in raw), *[nn.Identity] * (LEVELS - len(raw))]
        upper = range(1, LEVELS if ascends else 1)
        self.down_projections = nn.ModuleList(entry() for entry in entries[:-1])
        self.down_nodes = nn.ModuleList(Node(2, channels) for _ in range(LEVELS - 1))
        self.up_projections = nn.ModuleList(entries[level]() for level in upper)
        self.up_nodes = nn.ModuleList(Node(2 if level == LEVELS - 1 else 3, channels) for level in upper)
        self.smaller = create_pool2d("max", kernel_size=3, stride=2, padding="same")

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return the new maps, fine → coarse."""
        downward = [maps[-1]]  # coarse → fine until it is complete
        for level in reversed(range(LEVELS - 1)):
            own = self.down_projections[level](maps[level])
            downward.append(self.down_nodes[level](own, _enlarged(downward[-1], own)))
        downward.reverse()
        upward = [downward[0]]
        for level, (project, node) in enumerate(zip(self.up_projections, self.up_nodes, strict=True), start=1):
            between = () if level == LEVELS - 1 else (downward[level],)  # the coarsest is its own input
            upward.append(node(project(maps[level]), *between, self.smaller(upward[-1])))
        return upward


class Decoder(nn.Module):
    """Features of an encoder, shallow → deep → the levels 7 to 3 of the pyramid, coarse → fine, or level 3 alone.

    Sizes are halved upwards: a side of one cell stays one, so that an image of 64 × 64 has levels 6 and 7 of 1 × 1.

    Args:
        encoder_channels: channels of the features; the last three have the strides 8, 16 and 32.
        parameters: width and depth of the pyramid.
        all_levels: return all levels; otherwise level 3, for which the last cell needs no way up.
    """

    reduction = 8
    """Stride of the finest level."""

    def __init__(self, encoder_channels: Sequence[int], parameters: Parameters, *, all_levels: bool = True) -> None:
        super().__init__()
        width, raw = parameters.pyramid_channels, encoder_channels[-RAW:]
        self.channels = (width,) * (LEVELS if all_levels else 1)
        self.level6 = nn.Sequential(_projection(raw[-1], width), create_pool2d("max", 3, stride=2, padding="same"))
        self.level7 = create_pool2d("max", kernel_size=3, stride=2, padding="same")
        last = parameters.pyramid_cells - 1
        self.cells = nn.ModuleList(
            Cell(width, () if cell else raw, ascends=all_levels or cell < last) for cell in range(last + 1)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                _initialise(module)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Return the maps of the levels, coarse → fine, N C H W."""
        level6 = self.level6(features[-1])
        maps = [*features[-RAW:], level6, self.level7(level6)]
        for cell in self.cells:
            maps = cell(maps)
        return maps[::-1]


def _normalisation(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _projection(channels: int, width: int) -> nn.Module:
    """Return a 1 × 1 convolution and normalisation; a bias between them would change nothing."""
    return nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), _normalisation(width))


def _enlarged(coarse: Tensor, fine: Tensor) -> Tensor:
    """Return *coarse* in the size of *fine*, each cell repeated."""
    return F.interpolate(coarse, size=fine.shape[-2:], mode="nearest")


def _initialise(convolution: nn.Conv2d) -> None:
    """Draw weights as published: uniform, variance 2 / (inputs + outputs) of one group."""
    outputs, inputs, *kernel = convolution.weight.shape
    fans = (inputs + outputs // convolution.groups) * math.prod(kernel)
    nn.init.uniform_(convolution.weight, -math.sqrt(6 / fans), math.sqrt(6 / fans))
