"""The scores of a whole split, the objective of the search among them."""

import numpy as np

from rarepix.labels import LabelSpace
from rarepix.metrics.settings import EvaluateConfig
from rarepix.scores import by_kind, objective, summary


def pooled_scores(counts: np.ndarray, labels: LabelSpace, config: EvaluateConfig) -> dict[str, float]:
    """Return ``objective`` and the scores of ``scores.summary`` of counts C 4 summed over the images of a split."""
    rare = config.rare_classes(labels)
    scores = summary(by_kind(counts), labels.names, rare)
    return {"objective": objective(config.objective, scores, labels.names, rare, config.floor), **scores}
