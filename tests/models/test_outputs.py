"""Outputs and targets: the presence of classes by hand, for every task."""

import pytest
import torch

from rarepix.labels import SOFT_SCALE, LabelSpace, Task
from rarepix.models.outputs import SegOutput, as_output, target_of

BINARY = LabelSpace(names=("background", "cell"), background=0, task=Task.BINARY)
THREE = LabelSpace(names=("a", "ground", "b"), background=1)
NO_BACKGROUND = LabelSpace(names=("a", "b"))
LAYERS = LabelSpace(names=("a", "b"), task=Task.MULTILABEL)
SOFT = LabelSpace(names=("a", "b"), task=Task.MULTILABEL, scale=SOFT_SCALE)
OTHER_ID = LabelSpace(names=("background", "cell"), background=0, task=Task.BINARY, ignore=7)


def test_a_plain_tensor_is_the_logits_of_masks():
    logits = torch.zeros(1, 2, 4, 4)
    assert as_output(logits) == SegOutput(mask=logits)
    both = SegOutput(logits, torch.zeros(1, 2))
    assert as_output(both) is both


@pytest.mark.parametrize(
    ("labels", "mask", "expected"),
    [
        (BINARY, [[[0, 1]], [[0, 255]], [[255, 255]]], [[1], [0], [255]]),
        (OTHER_ID, [[[0, 1]], [[7, 7]]], [[1], [7]]),
        (THREE, [[[0, 1]], [[1, 1]], [[2, 255]], [[255, 255]]], [[1, 0], [0, 0], [0, 1], [255, 255]]),
        (NO_BACKGROUND, [[[0, 0]], [[0, 1]]], [[1, 0], [1, 1]]),
        (LAYERS, [[[[0, 1]], [[255, 255]]], [[[0, 0]], [[1, 255]]]], [[1, 255], [0, 1]]),
        (SOFT, [[[[0, 127]], [[128, 0]]], [[[254, 255]], [[255, 255]]]], [[0, 1], [1, 255]]),  # above a half
    ],
)
def test_presence_by_hand(labels, mask, expected):
    given = torch.tensor(mask, dtype=torch.uint8)
    target = target_of(given, labels)
    assert target.mask is given
    assert (target.presence.tolist(), target.presence.dtype) == (expected, torch.uint8)


def test_a_background_alone_has_no_presence():
    only = LabelSpace(names=("ground",), background=0)
    message = (
        "needs a class that is not the background, but the classes are ground: use a network without presence head"
    )
    with pytest.raises(ValueError, match=message):
        target_of(torch.zeros(1, 2, 2, dtype=torch.uint8), only)
