"""Signed distances and the boundary loss by hand."""

import pytest
import torch

from rarepix.losses import build_loss
from rarepix.losses.boundary import signed_distances

IGNORE = 255
LINE = torch.tensor([[[[0, 0, 1, 1, 1, 0]]]]).bool()


def test_distances_are_those_published():
    """1 at the first pixel outside, 0 at the last one inside, below 0 farther inside."""
    everywhere = torch.ones_like(LINE)
    assert signed_distances(LINE, everywhere).flatten().tolist() == [2, 1, 0, -1, 0, 1]


def test_a_class_that_is_absent_or_everywhere_has_no_boundary():
    everywhere = torch.ones_like(LINE)
    assert not signed_distances(torch.zeros_like(LINE), everywhere).any()
    assert not signed_distances(everywhere, everywhere).any()


def test_ignored_pixels_are_on_neither_side():
    valid = torch.tensor([[[[1, 1, 1, 1, 1, 0]]]]).bool()
    assert signed_distances(LINE, valid).flatten().tolist() == [2, 1, 0, -1, -2, 0]


def test_binary_by_hand():
    target = LINE[0].long()
    value = build_loss("boundary", task="binary", classes=1)(torch.zeros(1, 1, 1, 6), target)["loss"]
    assert float(value) == pytest.approx((2 + 1 + 0 - 1 + 0 + 1) / 2 / 6)


def test_mean_over_the_classes_that_an_image_holds_in_part():
    target = LINE[0].long()
    logits = torch.zeros(1, 3, 1, 6)
    inner = torch.tensor([2, 1, 0, -1, 0, 1.0])
    outer = torch.tensor([-1, 0, 1, 2, 1, 0.0])  # of class 0, whose outermost pixels reach the image's edge
    value = build_loss("boundary", task="multiclass", classes=3)(logits, target)["loss"]
    assert float(value) == pytest.approx(float((inner.mean() + outer.mean()) / 2 / 3), abs=1e-6)
    alone = build_loss("boundary", task="multiclass", classes=3, foreground_only=True)(logits, target)["loss"]
    assert float(alone) == pytest.approx(float(inner.mean() / 3), abs=1e-6)
