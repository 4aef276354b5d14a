"""The loss of full-background segmentation: a pixel loss, Dice of the images with foreground, and presence.

One term, L = L_pixel + presence_weight L_presence + dice_weight L_dice: cross-entropy or focal loss of all pixels keeps
false positives few, Dice of the images that have any foreground is not disturbed by the others, and the cross-entropy
of which classes are in an image trains a presence head. L_dice is the term ``dice_plus`` with smooth = 1, L_presence is
``presence_bce``. Every term returns a scalar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from rarepix.labels import Task
from rarepix.losses import overlap, pixelwise, presence
from rarepix.losses.term import ClassWeights, Gamma, Weight
from rarepix.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from rarepix.losses.batch import Batch

OF_FOCAL = ("gamma", "balance")
"""Parameters that belong to ``pixel: focal``."""


class Proposed(Settings):
    """Parameters of ``proposed``: the project's working defaults."""

    pixel: Literal["ce", "focal"] = "ce"
    """The loss of pixels."""
    gamma: Gamma = 2.0
    """Focal exponent: the larger, the less easy pixels count."""
    class_weights: ClassWeights = None
    """A weight for each class in the loss of pixels, by default the same for all."""
    presence_weight: Weight = 0.01
    """Weight of the cross-entropy of presence; 0: the network needs no presence head, and one that it has is not
    trained."""
    dice_weight: Weight = 0.1
    """Weight of the Dice loss of images with foreground."""


class ProposedPublished(Settings):
    """Parameters of ``proposed_published``: as in the released configurations."""

    pixel: Literal["ce", "focal"] = "ce"
    """The loss of pixels."""
    gamma: Gamma = 4.0
    """Focal exponent: the larger, the less easy pixels count."""
    balance: Annotated[float, Field(ge=0, le=1)] = 0.75
    """Weight of foreground pixels in the focal loss; those of the background have 1 - balance."""
    presence_weight: Weight = 0.0
    """Weight of the cross-entropy of presence; 0: as for ``proposed``."""
    dice_weight: Weight = 0.1
    """Weight of the Dice loss of images with foreground."""


def proposed(
    batch: Batch,
    *,
    presence_batch: Batch | None,
    pixel: str,
    class_weights: Tensor | None,
    presence_weight: float,
    dice_weight: float,
    gamma: float = 0.0,
) -> Tensor:
    """Return the weighted sum; the focal loss is that of the softmax (binary, multilabel: of the sigmoid)."""
    if pixel == "ce":
        value = pixelwise.cross_entropy(batch, label_smoothing=0, class_weights=class_weights)
    elif batch.task is Task.MULTICLASS:
        value = pixelwise.softmax_focal(batch, gamma=gamma, class_weights=class_weights)
    else:
        value = pixelwise.focal(batch, gamma=gamma, balance=None, class_weights=class_weights)
    return _with_images(value, batch, presence_batch, presence_weight, dice_weight)


def proposed_published(
    batch: Batch,
    *,
    presence_batch: Batch | None,
    pixel: str,
    presence_weight: float,
    dice_weight: float,
    gamma: float = 0.0,
    balance: float = 0.5,
) -> Tensor:
    """Return the weighted sum; not multilabel. The focal loss is divided by the pixels, not by their weights."""
    value = batch.ce
    if pixel == "focal":
        weights = value.new_tensor(1 - balance).where(batch.is_background, balance)
        value = weights * pixelwise.focal_factor(value, gamma) * value
    return _with_images(batch.mean(value), batch, presence_batch, presence_weight, dice_weight)


def _with_images(
    pixels: Tensor, batch: Batch, presence_batch: Batch | None, presence_weight: float, dice_weight: float
) -> Tensor:
    """Return the loss of pixels plus the two that look at images.

    A presence head whose weight is 0 stays in the sum: its gradient is 0.
    """
    total = pixels + dice_weight * overlap.dice_plus(batch, smooth=1.0)
    if presence_batch is None:
        return total
    return total + presence_weight * presence.presence_bce(presence_batch, pos_weight=1.0)
