"""From logits to masks, by hand."""

import numpy as np
import pytest
import torch

from rarepix.inference.decode import crop_masks, decode
from rarepix.labels import Task


def test_the_largest_logit_wins():
    logits = torch.tensor([[0.0, 3.0], [1.0, 2.0], [-1.0, 2.5]]).view(1, 3, 1, 2)
    assert decode(logits, task=Task.MULTICLASS, threshold=0.5).tolist() == [[[1, 0]]]


@pytest.mark.parametrize(("threshold", "expected"), [(0.5, [0, 0, 1, 1]), (0.9, [0, 0, 0, 1]), (0.2, [0, 1, 1, 1])])
def test_a_probability_above_the_threshold(threshold, expected):
    logits = torch.tensor([-3.0, -1.0, 1.0, 3.0]).view(1, 1, 1, 4)  # 0.05, 0.27, 0.73, 0.95
    assert decode(logits, task=Task.BINARY, threshold=threshold).tolist() == [[expected]]
    both = decode(torch.cat([logits, -logits], 1), task=Task.MULTILABEL, threshold=threshold)
    assert both.tolist() == [[[expected], [[int(p > threshold) for p in (0.95, 0.73, 0.27, 0.05)]]]]


def test_masks_are_cropped_to_their_own_size():
    ids = torch.arange(12).view(1, 3, 4).repeat(2, 1, 1)
    whole, part = crop_masks(ids, [(3, 4), (2, 3)])
    assert whole.dtype == part.dtype == np.uint8
    assert part.tolist() == [[0, 1, 2], [4, 5, 6]]
    (layers,) = crop_masks(torch.stack([ids[0], ids[0] + 20])[None], [(1, 2)])
    assert layers.tolist() == [[[0, 20], [1, 21]]]
