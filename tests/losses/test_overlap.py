"""Dice by hand, and what an absent class must not do."""

import pytest
import torch

from rarepix.losses.overlap import DiceTerm

IGNORE = 255


def sure(target: torch.Tensor, classes: int) -> torch.Tensor:
    """Logits that say *target* without doubt."""
    return torch.nn.functional.one_hot(target, classes).movedim(-1, 1).float() * 200 - 100


def dice(logits: torch.Tensor, target: torch.Tensor, smooth: float = 0.0) -> float:
    return float(DiceTerm(ignore_index=IGNORE, smooth=smooth)(logits, target))


TRUTH = torch.tensor([[[0, 0, 1, 1], [0, 0, 1, 1]]])
SAID = torch.tensor([[[0, 0, 0, 1], [0, 0, 0, 1]]])
# class 0: 2·4 / (4 + 6), class 1: 2·2 / (4 + 2)


def test_by_hand():
    assert dice(sure(SAID, 2), TRUTH) == pytest.approx(1 - (8 / 10 + 4 / 6) / 2, abs=1e-6)


def test_smooth_by_hand():
    """Added to the overlap and to the mean size of both regions."""
    assert dice(sure(SAID, 2), TRUTH, smooth=1.0) == pytest.approx(1 - (5 / 6 + 3 / 4) / 2, abs=1e-6)


def test_soft_by_hand():
    """Probabilities of one half everywhere: the overlap is 2 · 4/2 / (4 + 4) for both classes."""
    assert dice(torch.zeros(1, 2, 2, 4), TRUTH) == pytest.approx(0.5, abs=1e-6)


def test_pooled_over_the_batch():
    """A class that only one image of the batch holds is compared over all images."""
    truth = torch.cat([TRUTH, torch.zeros_like(TRUTH)])
    said = torch.cat([TRUTH, SAID])  # in the second image 2 pixels of class 1 that are not there
    # class 0: 2·10 / (12 + 10), class 1: 2·4 / (4 + 6)
    assert dice(sure(said, 2), truth) == pytest.approx(1 - (20 / 22 + 8 / 10) / 2, abs=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_absent_classes_do_not_make_a_mistake_cheaper(classes):
    assert dice(sure(SAID, classes), TRUTH) == pytest.approx(1 - (8 / 10 + 4 / 6) / 2, abs=1e-6)


def test_one_class_alone_is_its_own_mean():
    truth = torch.zeros(1, 2, 4, dtype=torch.long)
    assert dice(sure(SAID, 5), truth) == pytest.approx(1 - 2 * 6 / (8 + 6), abs=1e-6)


def test_ignored_pixels_are_in_neither_region():
    target = TRUTH.clone()
    target[..., 2] = IGNORE  # the pixels that were wrong
    assert dice(sure(SAID, 2), target) == pytest.approx(0.0, abs=1e-6)
