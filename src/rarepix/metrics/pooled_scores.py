"""The scores of a whole split, the objective of the search among them."""

from rarepix.labels import LabelSpace
from rarepix.metrics.settings import EvaluateConfig
from rarepix.scores import ClassNames, Sums, objective, summary


def class_names(labels: LabelSpace, config: EvaluateConfig) -> ClassNames:
    """Return the classes that scores are of."""
    return ClassNames(labels.names, config.rare_classes(labels), labels.background_names)


def pooled_scores(sums: Sums, labels: LabelSpace, config: EvaluateConfig) -> dict[str, float]:
    """Return ``objective`` and the scores of ``scores.summary`` of *sums* over the images of a split."""
    classes = class_names(labels, config)
    return {"objective": objective(config.objective, sums, classes, config.floor), **summary(sums, classes)}
