"""The table of terms: a loss is a function with a class of parameters, in the file of its idea, and a row here."""

from rarepix.labels import Task
from rarepix.losses import boundary, marginal, overlap, pixelwise, presence, proposed, published
from rarepix.losses.term import SIGMOID, PerClass, Term

TERMS: dict[str, Term] = {
    "ce": Term(pixelwise.cross_entropy, pixelwise.CrossEntropy, soft=True, published=published.cross_entropy),
    "inverse_frequency_ce": Term(
        pixelwise.inverse_frequency_ce, pixelwise.InverseFrequency, soft=True, class_pixels=True
    ),
    "logit_adjustment": Term(pixelwise.logit_adjustment, pixelwise.LogitAdjustment, soft=True, class_pixels=True),
    "poly1": Term(pixelwise.poly1, pixelwise.Poly1, soft=True),
    "focal": Term(pixelwise.focal, pixelwise.Focal, soft=True, published=pixelwise.focal),
    "softmax_focal": Term(
        pixelwise.softmax_focal, pixelwise.SoftmaxFocal, tasks=(Task.MULTICLASS,), published=published.softmax_focal
    ),
    "ohem": Term(pixelwise.ohem, pixelwise.OHEM),
    "topk": Term(pixelwise.topk, pixelwise.TopK),
    "background_weighted_bce": Term(
        pixelwise.background_weighted_bce, pixelwise.BackgroundWeighted, tasks=SIGMOID, soft=True
    ),
    "box_aware_bce": Term(boundary.box_aware_bce, boundary.BoxAware, tasks=SIGMOID),
    "dice": Term(overlap.dice, overlap.Overlap, soft=True, needs_sums=True, published=overlap.dice),
    "log_dice": Term(overlap.log_dice, overlap.Overlap, soft=True, needs_sums=True, published=overlap.log_dice),
    "gdice": Term(overlap.gdice, PerClass, soft=True, needs_sums=True, published=published.gdice),
    "jaccard": Term(overlap.jaccard, overlap.Overlap, soft=True, needs_sums=True),
    "tversky": Term(overlap.tversky, overlap.Tversky, soft=True, needs_sums=True),
    "focal_tversky": Term(overlap.focal_tversky, overlap.FocalTversky, soft=True, needs_sums=True),
    "dice_plus": Term(overlap.dice_plus, overlap.DicePlus, soft=True, needs_sums=True),
    "lovasz": Term(overlap.lovasz, PerClass),
    "unified_focal": Term(overlap.unified_focal, overlap.UnifiedFocal, needs_sums=True),
    "boundary": Term(boundary.boundary, PerClass),
    "l1": Term(marginal.l1, marginal.Marginal, soft=True, is_marginal=True, published=published.l1),
    "kl": Term(marginal.kl, marginal.Marginal, soft=True, is_marginal=True, published=published.kl),
    "db": Term(marginal.db, marginal.Marginal, soft=True, is_marginal=True, published=published.db),
    "proposed": Term(proposed.proposed, proposed.Proposed, soft=True, needs_sums=True, presence=True),
    "proposed_published": Term(
        proposed.proposed_published,
        proposed.ProposedPublished,
        tasks=(Task.BINARY, Task.MULTICLASS),
        needs_sums=True,
        presence=True,
    ),
    "presence_bce": Term(presence.presence_bce, presence.PresenceBCE, needs="presence", soft=True),
}
"""Name → its row. The order is that of the documents, and of the tests that go through all of them."""
