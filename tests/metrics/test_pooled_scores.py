"""The scores of a split and the objective, by hand."""

import numpy as np
import pytest

from rarepix.labels import LabelSpace
from rarepix.metrics.pooled_scores import pooled_scores
from rarepix.metrics.settings import EvaluateConfig
from rarepix.scores import MissingSums

LABELS = LabelSpace(names=("a", "b"), rare=("b",))
SUMS = {"pixels": np.array([[5, 2, 1, 3], [3, 1, 2, 5]]), "confusion": np.array([[5, 1], [2, 3]])}
NAN = float("nan")


@pytest.mark.parametrize(
    ("config", "objective"),
    [
        ({}, (5 / 8 + 3 / 6) / 2),
        ({"objective": "rare_iou"}, 3 / 6),
        ({"objective": "rare_iou", "floor": 0.7}, 3 / 6 - (0.7 - 5 / 8)),
        ({"objective": "rare_iou", "rare": ("a",)}, 5 / 8),
        ({"objective": "pixel_accuracy"}, 8 / 11),
        ({"objective": "recall/b"}, 3 / 5),
    ],
)
def test_by_hand(config, objective):
    scores = pooled_scores(SUMS, LABELS, EvaluateConfig(**config))
    assert scores["objective"] == pytest.approx(objective)
    assert (scores["iou/a"], scores["iou/b"]) == (5 / 8, 3 / 6)


def test_the_rare_classes_are_those_of_the_configuration_or_else_of_the_dataset():
    assert EvaluateConfig().rare_classes(LABELS) == ("b",)
    assert EvaluateConfig(rare=("a",)).rare_classes(LABELS) == ("a",)


DEFAULT = {"objective", "miou", "rare_iou", "frequent_iou", "worst_iou", "iou/a", "iou/b"}


@pytest.mark.parametrize(
    ("config", "further"),
    [
        ({}, {}),
        ({"objective": "rare_iou"}, {}),
        ({"objective": "mean_recall"}, {"mean_recall": (5 / 6 + 3 / 5) / 2}),
        ({"scores": ("pixel_accuracy", "miou", "precision/b")}, {"pixel_accuracy": 8 / 11, "precision/b": 3 / 4}),
    ],
)
def test_a_validation_reports_the_summary_and_the_scores_that_are_named(config, further):
    scores = pooled_scores(SUMS, LABELS, EvaluateConfig(**config))
    assert set(scores) == DEFAULT | set(further)
    assert {name: scores[name] for name in further} == pytest.approx(further)


def test_an_absent_objective_is_zero_and_an_absent_score_is_nan():
    """The precision of a class that is not predicted: what a network begins with must not end its trial."""
    sums = {"pixels": np.array([[5, 5, 0, 0], [0, 0, 5, 5]])}
    scores = pooled_scores(sums, LABELS, EvaluateConfig(objective="precision/b"))
    assert (scores["objective"], scores["precision/b"]) == pytest.approx((0.0, NAN), nan_ok=True)


def test_without_masks_the_scores_are_those_of_presence():
    labels = LabelSpace(names=("ground", "a", "b"), background=0, rare=("b",))
    sums = {"presence": np.array([[3, 1, 1, 5], [1, 2, 1, 6]])}
    config = EvaluateConfig(objective="rare_presence_recall", scores=("mean_false_alarm_rate",))
    assert pooled_scores(sums, labels, config) == pytest.approx(
        {
            "objective": 1 / 2, "rare_presence_recall": 1 / 2, "mean_false_alarm_rate": (1 / 6 + 2 / 8) / 2,
            "mean_presence_recall": (3 / 4 + 1 / 2) / 2, "mean_presence_specificity": (5 / 6 + 6 / 8) / 2,
            "mean_presence_balanced_accuracy": ((3 / 4 + 5 / 6) / 2 + (1 / 2 + 6 / 8) / 2) / 2,
            "presence_balanced_accuracy/a": (3 / 4 + 5 / 6) / 2, "presence_balanced_accuracy/b": (1 / 2 + 6 / 8) / 2,
        }
    )  # fmt: skip


def test_sums_that_are_not_there():
    with pytest.raises(MissingSums, match=r"'kappa' needs sums of confusion, but there are sums of pixels: choose one"):
        pooled_scores({"pixels": SUMS["pixels"]}, LABELS, EvaluateConfig(objective="kappa"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"objective": "mean_false_alarm_rate"}, "more is better: use its opposite, mean_presence_specificity"),
        ({"objective": "empty_false_alarm_rate"}, "more is better: use binary_accuracy"),
        ({"objective": "false_alarms_at_sensitivity_90"}, "more is better: use sensitivity_at_false_alarms_05"),
        ({"objective": "false_alarm_rate/b"}, "more is better: use its opposite, presence_specificity/b"),
        ({"objective": "mean_iu"}, "unknown score 'mean_iu': did you mean"),
        ({"objective": "iuo/b"}, "unknown score of a class 'iuo': did you mean 'iou'"),
        ({"scores": ("kapa",)}, "unknown score 'kapa': did you mean 'kappa'"),
        ({"scores": ("kappa", "kappa")}, "each must be named once"),
    ],
)
def test_refuses(config, message):
    with pytest.raises(ValueError, match=message):
        EvaluateConfig(**config)
