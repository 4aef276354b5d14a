"""The evaluators of published studies, which score exactly as the published code, for comparison with its numbers.

docs/reference/metrics.md describes each. None can be an objective.
"""

from collections.abc import Callable

from rarepix.choices import pick
from rarepix.evaluation.legacy.areas import Cityscapes, FullBackground, Polyp, Siim, VocImbalance
from rarepix.evaluation.legacy.retinal import Retinal
from rarepix.evaluation.legacy.scorer import Scorer
from rarepix.labels import LabelSpace

LEGACY: dict[str, Callable[[LabelSpace], Scorer]] = {
    "cityscapes": Cityscapes,
    "full_background": FullBackground,
    "polyp": Polyp,
    "retinal": Retinal,
    "siim": Siim,
    "voc_imbalance": VocImbalance,
}
"""Name → the scorer for the classes of a dataset."""


def build_legacy(name: str, labels: LabelSpace) -> Scorer:
    """Return the published scorer *name*, without any images yet.

    Raises:
        ChoiceError: there is no such scorer.
        ValueError: it does not score the task of *labels*.
    """
    return pick(LEGACY, name, "published evaluator")(labels)
