"""The scores of a whole split, the objective of the search among them."""

import math

from rarepix.labels import LabelSpace
from rarepix.metrics.settings import EvaluateConfig
from rarepix.scores import ClassNames, Sums, objective, score, summary


def class_names(labels: LabelSpace, config: EvaluateConfig) -> ClassNames:
    """Return the classes that scores are of."""
    return ClassNames(labels.names, config.rare_classes(labels), labels.background_names)


def pooled_scores(sums: Sums, labels: LabelSpace, config: EvaluateConfig) -> dict[str, float]:
    """Return ``objective`` and the scores that every validation reports, of *sums* over the images of a split.

    These are those of ``scores.summary`` and, after them, the objective under its own name and ``evaluate.scores``.
    An absent score is NaN, but an absent objective is 0: the network does not yet predict what the score is about.

    Raises:
        MissingSums: a score needs sums that are not there.
    """
    classes = class_names(labels, config)
    scores = summary(sums, classes)
    for name in (config.objective, *config.scores):
        if name not in scores:
            scores[name] = score(name, sums, classes)
    value = objective(config.objective, sums, classes, config.floor)
    return {"objective": 0.0 if math.isnan(value) else value, **scores}
