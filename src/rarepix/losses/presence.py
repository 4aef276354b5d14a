"""Terms that compare which classes are in an image, not where: for a head or a network that tells presence.

Their ``Batch`` is multilabel with one position for each class, N K 1. Ignored entries (images with ignored pixels only)
are in no mean. Every term returns a scalar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from rarepix.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from rarepix.losses.batch import Batch


class PresenceBCE(Settings):
    """Parameters of ``presence_bce``."""

    pos_weight: float = Field(1.0, gt=0)
    """Weight of the classes that are in an image; those that are not have 1."""


def presence_bce(batch: Batch, *, pos_weight: float) -> Tensor:
    """Return the mean binary cross-entropy over images and classes, that of present classes times *pos_weight*."""
    return batch.mean(batch.ce * batch.blend(pos_weight, 1.0))
