"""The evaluators of published studies, exactly as they score, so that published numbers are compared like with like.

docs/reference/metrics.md describes each. None is an objective: each is for a table beside a paper's.
"""

from collections.abc import Callable

from rarepix.choices import pick
from rarepix.evaluation.legacy.cityscapes import Cityscapes
from rarepix.evaluation.legacy.full_background import FullBackground
from rarepix.evaluation.legacy.polyp import Polyp
from rarepix.evaluation.legacy.retinal import Retinal
from rarepix.evaluation.legacy.scorer import Scorer
from rarepix.evaluation.legacy.siim import Siim
from rarepix.evaluation.legacy.voc_imbalance import VocImbalance
from rarepix.labels import LabelSpace

LEGACY: dict[str, Callable[[LabelSpace], Scorer]] = {
    "cityscapes": Cityscapes,
    "full_background": FullBackground,
    "polyp": Polyp,
    "retinal": Retinal,
    "siim": Siim,
    "voc_imbalance": VocImbalance,
}
"""Name → the scorer of a set of images, of the classes of a dataset."""


def build_legacy(name: str, labels: LabelSpace) -> Scorer:
    """Return the published scorer *name*, which has seen no image yet.

    Raises:
        ChoiceError: there is no such scorer.
        ValueError: it does not score a task as that of *labels*.
    """
    return pick(LEGACY, name, "published evaluator")(labels)
