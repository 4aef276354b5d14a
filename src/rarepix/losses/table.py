"""The table of terms."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from rarepix.labels import Task
from rarepix.losses import boundary, boxes, focal, hard, lovasz, marginal, overlap, pixelwise, unified

SIGMOID = (Task.BINARY, Task.MULTILABEL)


class Term(NamedTuple):
    """A function of a batch and parameters that gives a scalar."""

    function: Callable[..., Tensor]
    with_sums: bool = False
    """Whether it wants the soft counts of each class, whatever its parameters."""
    tasks: tuple[Task, ...] = tuple(Task)
    """What it is defined for."""


TERMS: dict[str, Term] = {
    "ce": Term(pixelwise.cross_entropy),
    "inverse_frequency_ce": Term(pixelwise.inverse_frequency_ce),
    "logit_adjustment": Term(pixelwise.logit_adjustment),
    "poly1": Term(pixelwise.poly1),
    "focal": Term(focal.focal),
    "softmax_focal": Term(focal.softmax_focal, tasks=(Task.MULTICLASS,)),
    "ohem": Term(hard.ohem),
    "topk": Term(hard.topk),
    "background_weighted_bce": Term(boxes.background_weighted_bce, tasks=SIGMOID),
    "box_aware_bce": Term(boxes.box_aware_bce, tasks=SIGMOID),
    "dice": Term(overlap.dice, with_sums=True),
    "log_dice": Term(overlap.log_dice, with_sums=True),
    "gdice": Term(overlap.gdice, with_sums=True),
    "jaccard": Term(overlap.jaccard, with_sums=True),
    "tversky": Term(overlap.tversky, with_sums=True),
    "focal_tversky": Term(overlap.focal_tversky, with_sums=True),
    "dice_plus": Term(overlap.dice_plus, with_sums=True),
    "lovasz": Term(lovasz.lovasz),
    "unified_focal": Term(unified.unified_focal, with_sums=True),
    "boundary": Term(boundary.boundary),
    "l1": Term(marginal.l1),
    "kl": Term(marginal.kl),
    "db": Term(marginal.db),
}
