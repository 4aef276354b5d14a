"""The table of terms: name → function, what it needs, and the tasks it is defined for."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from rarepix.labels import Task
from rarepix.losses import boundary, marginal, overlap, pixelwise
from rarepix.losses.libraries import SIGMOID


class Term(NamedTuple):
    """A function of a ``Batch`` and parameters that returns a scalar."""

    function: Callable[..., Tensor]
    needs_sums: bool = False
    """Whether it needs the soft counts of each class, whatever its parameters."""
    tasks: tuple[Task, ...] = tuple(Task)
    """What it is defined for."""


TERMS: dict[str, Term] = {
    "ce": Term(pixelwise.cross_entropy),
    "inverse_frequency_ce": Term(pixelwise.inverse_frequency_ce),
    "logit_adjustment": Term(pixelwise.logit_adjustment),
    "poly1": Term(pixelwise.poly1),
    "focal": Term(pixelwise.focal),
    "softmax_focal": Term(pixelwise.softmax_focal, tasks=(Task.MULTICLASS,)),
    "ohem": Term(pixelwise.ohem),
    "topk": Term(pixelwise.topk),
    "background_weighted_bce": Term(pixelwise.background_weighted_bce, tasks=SIGMOID),
    "box_aware_bce": Term(boundary.box_aware_bce, tasks=SIGMOID),
    "dice": Term(overlap.dice, needs_sums=True),
    "log_dice": Term(overlap.log_dice, needs_sums=True),
    "gdice": Term(overlap.gdice, needs_sums=True),
    "jaccard": Term(overlap.jaccard, needs_sums=True),
    "tversky": Term(overlap.tversky, needs_sums=True),
    "focal_tversky": Term(overlap.focal_tversky, needs_sums=True),
    "dice_plus": Term(overlap.dice_plus, needs_sums=True),
    "lovasz": Term(overlap.lovasz),
    "unified_focal": Term(overlap.unified_focal, needs_sums=True),
    "boundary": Term(boundary.boundary),
    "l1": Term(marginal.l1),
    "kl": Term(marginal.kl),
    "db": Term(marginal.db),
}
