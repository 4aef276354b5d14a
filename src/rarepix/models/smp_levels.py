"""The levels of decoders of segmentation-models-pytorch, which themselves return only what comes last.

Each function does what the decoder's ``forward`` does, step by step, and keeps the maps between the steps.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rarepix.settings import STRIDE

Levels = Callable[[nn.Module, list[Tensor]], list[Tensor]]
"""Decoder, features of the encoder shallow → deep → levels coarse → fine, each N C h w."""


def _unet(decoder: nn.Module, features: list[Tensor]) -> list[Tensor]:
    """Return the deepest features and the output of every block."""
    finer = features[::-1][1:]
    levels = [decoder.center(features[-1])]
    for number, (block, feature) in enumerate(zip(decoder.blocks, finer, strict=True), start=1):
        skip = feature if number < len(finer) else None  # the last is the image itself
        levels.append(block(levels[-1], *feature.shape[-2:], skip_connection=skip))
    return levels


def _manet(decoder: nn.Module, features: list[Tensor]) -> list[Tensor]:
    """Return the deepest features, attended to, and the output of every block."""
    return _block_by_block(decoder, decoder.center(features[-1]), features)


def _linknet(decoder: nn.Module, features: list[Tensor]) -> list[Tensor]:
    """Return the deepest features and the output of every block."""
    return _block_by_block(decoder, features[-1], features)


def _block_by_block(decoder: nn.Module, deepest: Tensor, features: list[Tensor]) -> list[Tensor]:
    skips = [*features[1:-1][::-1], None]
    levels = [deepest]
    for block, skip in zip(decoder.blocks, skips, strict=True):
        levels.append(block(levels[-1], skip))
    return levels


def _fpn(decoder: nn.Module, features: list[Tensor]) -> list[Tensor]:
    """Return the pyramid P5, P4, P3, P2."""
    *_, c2, c3, c4, c5 = features
    levels = [decoder.p5(c5)]
    for block, feature in zip((decoder.p4, decoder.p3, decoder.p2), (c4, c3, c2), strict=True):
        levels.append(block(levels[-1], feature))
    return levels


LEVELS: dict[str, Levels] = {"fpn": _fpn, "linknet": _linknet, "manet": _manet, "unet": _unet}
"""Architecture → its levels. Of fpn the segmentation blocks and what follows them are left out: upsampling the levels
and merging them is what the hypercolumn does instead."""
REPLACED = {"fpn": ("seg_blocks", "merge", "dropout")}
"""Architecture → layers of its decoder that a hypercolumn takes the place of."""
REPLACED_OPTIONS = {"fpn": ("decoder_segmentation_channels", "decoder_merge_policy", "decoder_dropout")}
"""Architecture → options of these layers."""


def level_channels(decoder: nn.Module, levels: Levels, encoder_channels: list[int]) -> list[int]:
    """Return the channels of each level, of what the *decoder* makes of a small image."""
    sides = [2 * STRIDE // 2**depth for depth in range(len(encoder_channels))]
    features = [torch.zeros(1, count, side, side) for count, side in zip(encoder_channels, sides, strict=True)]
    training = decoder.training
    with torch.no_grad():
        given = levels(decoder.eval(), features)
    decoder.train(training)
    return [level.shape[1] for level in given]
