"""Decoders of our own, and the network around them (``network``): encoder → decoder → heads.

A decoder is a module with ``Parameters``, a class of settings (its keys in the section ``model``), and a class
``Decoder`` that does what ``DecoderLike`` says; a row in ``rarepix.models.registry.DECODERS`` gives it its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from rarepix.settings import Settings


class DecoderLike(Protocol):
    """What the network asks of a decoder, which is a ``torch.nn.Module``. It initialises its own weights."""

    channels: tuple[int, ...]
    """Channels of the levels that it returns, coarse → fine."""
    reduction: int
    """Stride of the finest level: pixels of the image per cell, along a side."""

    def __init__(self, encoder_channels: Sequence[int], parameters: Settings, *, all_levels: bool) -> None:
        """Build a decoder for features of *encoder_channels*, those of ``forward``.

        *all_levels*: every level is used. Otherwise the last one alone is, and there must be no layer that only others
        depend on, which would never learn.
        """

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Return the levels, coarse → fine, each N C h w.

        *features* are those of an encoder of segmentation-models-pytorch of depth 5: the image N C H W itself and five
        maps of strides 2, 4, 8, 16 and 32. H and W are multiples of 32.
        """
