"""The scores of a split and the objective, by hand."""

import numpy as np
import pytest

from rarepix.labels import LabelSpace
from rarepix.metrics.pooled_scores import pooled_scores
from rarepix.metrics.settings import EvaluateConfig

LABELS = LabelSpace(names=("a", "b"), rare=("b",))
COUNTS = np.array([[5, 2, 1, 3], [3, 1, 2, 5]])


@pytest.mark.parametrize(
    ("config", "objective"),
    [
        ({}, (5 / 8 + 3 / 6) / 2),
        ({"objective": "rare_iou"}, 3 / 6),
        ({"objective": "rare_iou", "floor": 0.7}, 3 / 6 - (0.7 - 5 / 8)),
        ({"objective": "rare_iou", "rare": ("a",)}, 5 / 8),
    ],
)
def test_by_hand(config, objective):
    scores = pooled_scores(COUNTS, LABELS, EvaluateConfig(**config))
    assert scores["objective"] == pytest.approx(objective)
    assert (scores["iou/a"], scores["iou/b"]) == (5 / 8, 3 / 6)


def test_the_rare_classes_are_those_of_the_configuration_or_else_of_the_dataset():
    assert EvaluateConfig().rare_classes(LABELS) == ("b",)
    assert EvaluateConfig(rare=("a",)).rare_classes(LABELS) == ("a",)
