"""The published numbers of full-background images by hand, with one stage and with two."""

import numpy as np
import pytest
import torch

from rarepix.evaluation.full_background import OURS, PUBLISHED, check_background, numbers
from rarepix.evaluation.legacy import build_legacy
from rarepix.evaluation.two_stage_numbers import ALONE, BY_CLASS, TWO_STAGES, ways
from rarepix.labels import LabelSpace, Task
from rarepix.metrics.settings import EvaluateConfig
from rarepix.metrics.sums import image_sums
from rarepix.models.outputs import Prediction, SegOutput, Target
from rarepix.scores import pool
from rarepix.settings import ConfigError

LABELS = LabelSpace(names=("background", "bicycle", "car"), background=0, rare=("bicycle", "car"))
TOY = {
    "outlined in part": ([0, 1, 1, 0], [1, 1, 0, 0]),
    "one of two found": ([0, 2, 0, 0], [1, 2, 0, 0]),
    "empty and left so": ([0, 0, 0, 0], [0, 0, 0, 0]),
    "empty but for a speck": ([0, 2, 0, 0], [0, 0, 0, 0]),
}
"""Image → prediction and truth, one row of pixels."""
FIRST_STAGE = [[3.0, -3.0], [3.0, -3.0], [-3.0, -3.0], [-3.0, -3.0]]
"""Presence logits of each image: bicycles in the first two."""


def toy() -> tuple[Prediction, Target]:
    predicted, true = (torch.tensor([pair[k] for pair in TOY.values()])[:, None] for k in (0, 1))
    logits = torch.nn.functional.one_hot(predicted, 3).permute(0, 3, 1, 2) * 10.0
    return Prediction(SegOutput(logits), predicted, None), Target(true)


def published(prediction: Prediction, target: Target) -> dict[str, float]:
    sums = pool({name: values.numpy() for name, values in image_sums(prediction, target, LABELS).items()})
    return numbers(sums, LABELS, EvaluateConfig())


def test_one_stage_by_hand():
    values = published(*toy())
    assert {name: values[name] for name in PUBLISHED} == pytest.approx(
        {
            # bicycle: 1 right, 1 beside, 1 + 1 missed; car: 1 right, the speck beside
            "IoU": (1 / 4 + 1 / 2) / 2,
            "IoU_pos": (1 / 4 + 1 / 1) / 2,
            # one of two empty images; bicycles found in one of two images, cars in the only one
            "Class accuracy": (1 / 2 + 1 / 2 + 1) / 3,
            "Binary accuracy": (1 + 1 / 2) / 2,
        }
    )
    assert (values["empty_false_alarm_rate"], values["sensitivity"]) == (0.5, 1.0)
    assert list(values) == [*PUBLISHED, *OURS]


def test_one_stage_as_the_published_evaluator():
    scorer = build_legacy("full_background", LABELS)
    for name, (predicted, true) in TOY.items():
        scorer.update(name, np.array([predicted], np.uint8), np.array([true], np.uint8))
    expected = scorer.result()
    names = {
        "IoU": "iou",
        "IoU_pos": "iou_pos",
        "Class accuracy": "class_accuracy",
        "Binary accuracy": "binary_accuracy",
    }
    values = published(*toy())
    assert {name: values[name] for name in names} == pytest.approx({name: expected[old] for name, old in names.items()})


def test_two_stages_by_hand():
    prediction, target = toy()
    of_way = ways(prediction, torch.tensor(FIRST_STAGE), LABELS, threshold=0.5)
    assert list(of_way) == [ALONE, TWO_STAGES, BY_CLASS]
    assert published(of_way[ALONE], target) == pytest.approx(published(prediction, target), nan_ok=True)
    whole, by_class = (published(of_way[way], target) for way in (TWO_STAGES, BY_CLASS))
    assert {name: whole[name] for name in PUBLISHED} == pytest.approx(
        {  # the speck is gone; the car stays, since there is a bicycle in its image
            "IoU": (1 / 4 + 1) / 2,
            "IoU_pos": (1 / 4 + 1) / 2,
            "Class accuracy": (1 + 1 / 2 + 1) / 3,
            "Binary accuracy": 1.0,
        }
    )
    assert {name: by_class[name] for name in PUBLISHED} == pytest.approx(
        {  # the car is gone, too
            "IoU": (1 / 4 + 0) / 2,
            "IoU_pos": (1 / 4 + 0) / 2,
            "Class accuracy": (1 + 1 / 2 + 0) / 3,
            "Binary accuracy": (1 / 2 + 1) / 2,
        }
    )
    assert (whole["empty_false_alarm_rate"], whole["foreground_auroc"]) == (0.0, 1.0)


def test_the_threshold_is_a_probability():
    prediction, _ = toy()
    logits = torch.tensor([[0.0, -9.0]] * 4)  # bicycles with the probability 1/2
    assert ways(prediction, logits, LABELS, threshold=0.4)[TWO_STAGES].mask.any()
    assert not ways(prediction, logits, LABELS, threshold=0.6)[TWO_STAGES].mask.any()


def test_a_binary_mask_has_no_column_by_class():
    binary = LabelSpace(names=("background", "defect"), background=0, task=Task.BINARY)
    mask = torch.ones(2, 1, 3, dtype=torch.long)
    prediction = Prediction(SegOutput(torch.zeros(2, 1, 1, 3)), mask, None)
    of_way = ways(prediction, torch.tensor([[1.0], [-1.0]]), binary, threshold=0.5)
    assert list(of_way) == [ALONE, TWO_STAGES]
    assert of_way[TWO_STAGES].mask.tolist() == [[[1, 1, 1]], [[0, 0, 0]]]


def test_without_background_no_image_can_be_empty():
    with pytest.raises(ConfigError, match="must have a background"):
        check_background(LabelSpace(names=("road", "car")))
