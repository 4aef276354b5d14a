"""Histograms of probabilities, by hand and against a comparison of every pixel with every threshold."""

import numpy as np
import pytest
import torch

from rarepix.labels import SOFT_SCALE, LabelSpace, Task
from rarepix.metrics.curves import BINS, PIXELS, PRESENCE, curve_sums, thresholds
from rarepix.models.outputs import Prediction, SegOutput, Target, target_of

BINARY = LabelSpace(names=("background", "cell"), background=0, task=Task.BINARY)
THREE = LabelSpace(names=("a", "ground", "b"), background=1)
LAYERS = LabelSpace(names=("a", "b"), task=Task.MULTILABEL)


def sums_of(logits: torch.Tensor | None, mask: list, labels: LabelSpace, presence: list | None = None) -> dict:
    output = SegOutput(logits, None if presence is None else torch.tensor(presence))
    target = target_of(torch.tensor(mask, dtype=torch.uint8), labels)
    return {name: values.numpy() for name, values in curve_sums(Prediction(output, None, None), target, labels).items()}


def test_thresholds_are_64_equally_far_apart_as_logits_with_one_half_among_them():
    values = thresholds()
    assert values.shape == (64,)
    assert values[32] == 0.5
    assert np.diff(np.log(values / (1 - values))) == pytest.approx(0.3)
    assert (values[0], values[-1]) == pytest.approx((6.77e-5, 0.99991), rel=1e-3)


def test_pixels_of_a_binary_task_by_hand():
    """A logit of 0 is not above 0.5, as in a prediction; what is ignored counts nowhere."""
    logits = torch.tensor([[[[0.0, 0.01, -20.0, 20.0, 3.0]]]])
    histogram = sums_of(logits, [[[0, 1, 0, 1, 255]]], BINARY)[PIXELS]
    assert histogram.shape == (1, BINS, 2)
    expected = np.zeros((BINS, 2), int)
    expected[32, 0] = expected[33, 1] = expected[0, 0] = expected[64, 1] = 1
    assert histogram[0].tolist() == expected.tolist()


@pytest.mark.parametrize("labels", [BINARY, THREE, LAYERS], ids=lambda labels: str(labels.task))
def test_every_pixel_is_compared_with_every_threshold(labels):
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(4, labels.channels, 6, 7, generator=random, dtype=torch.float64) * 4
    shape = (4, 2, 6, 7) if labels.task is Task.MULTILABEL else (4, 6, 7)
    mask = torch.randint(0, 2 if labels.task is not Task.MULTICLASS else 3, shape, generator=random)
    mask[torch.rand(shape, generator=random) < 0.2] = 255
    mask[3] = 255
    values = logits.softmax(1)[:, [0, 2]] if labels.task is Task.MULTICLASS else logits.sigmoid()
    if labels.task is Task.MULTILABEL:
        counted, foreground = (mask != 255).any(1), (mask == 1).any(1)
        values = torch.where(mask == 255, 0.0, values)
    else:
        counted, foreground = mask != 255, (mask != 255) & (mask != labels.background)
    greatest = values.amax(1)
    histogram = sums_of(logits, mask.tolist(), labels)[PIXELS]
    for number, threshold in enumerate(thresholds()):
        found = (greatest > threshold) & counted
        expected = [[(found & ~foreground)[i].sum().item(), (found & foreground)[i].sum().item()] for i in range(4)]
        assert histogram[:, number + 1 :].sum(axis=1).tolist() == expected
    assert histogram[3].sum() == 0
    assert histogram.sum() == counted.sum()


def test_a_presence_head_is_counted_by_its_most_probable_class():
    """Images: with both classes, empty, with a layer that is ignored and another that is empty, wholly ignored."""
    mask = [[[[1]], [[1]]], [[[0]], [[0]]], [[[255]], [[0]]], [[[255]], [[255]]]]
    sums = sums_of(None, mask, LAYERS, [[-9.0, 0.1], [-0.1, -3.0], [30.0, -30.0], [1.0, 1.0]])
    assert set(sums) == {PRESENCE}
    where = [np.argwhere(image).tolist() for image in sums[PRESENCE]]
    assert where == [[[33, 1]], [[32, 0]], [[0, 0]], []]


def test_soft_masks_count_as_foreground_above_one_half():
    soft = LabelSpace(names=("background", "cell"), background=0, task=Task.BINARY, scale=SOFT_SCALE)
    histogram = sums_of(torch.full((1, 1, 1, 4), 5.0), [[[254, 128, 127, 0]]], soft)[PIXELS]
    assert histogram.sum(axis=1).tolist() == [[2, 2]]


def test_where_every_pixel_is_of_a_class_there_are_no_curves():
    crops = LabelSpace(names=("wheat", "maize"))
    target = Target(torch.zeros(1, 2, 2, dtype=torch.uint8))
    assert curve_sums(Prediction(SegOutput(torch.zeros(1, 2, 2, 2)), None, None), target, crops) == {}


def test_a_network_that_is_sure_to_the_last_bit_is_above_all_thresholds():
    logits = torch.tensor([[[[200.0]], [[0.0]], [[0.0]]], [[[0.0]], [[200.0]], [[0.0]]]])
    histogram = sums_of(logits, [[[0]], [[1]]], THREE)[PIXELS]
    assert (histogram[0, 64].tolist(), histogram[1, 0].tolist()) == ([0, 1], [1, 0])
