"""What every score must do, whatever it is: pooled over the images, and as the mean over them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from rarepix.labels import Task
from rarepix.metrics import calibration, soft, surface
from rarepix.metrics.counts import by_kind, count_pixels
from rarepix.metrics.layers import layers
from rarepix.metrics.presence import presence_table
from rarepix.scores import ABSENT, SCORES, Counts, Score, per_image, pooled, stacked

IGNORE = 255
CLASSES = 3
HOW = {"task": Task.MULTILABEL, "classes": CLASSES, "ignore": IGNORE}


def of_pixels(said: torch.Tensor, true: torch.Tensor) -> Counts:
    """Counts N C of masks N C H W."""
    return by_kind(count_pixels(said, true, **HOW).numpy())


def of_outlines(said: torch.Tensor, true: torch.Tensor) -> Counts:
    """Bands and lengths N C of masks N C H W."""
    images = []
    for own, truth in zip(said.movedim(1, -1).numpy(), true.movedim(1, -1).numpy(), strict=True):
        pairs = list(layers(own, truth, **HOW))
        found = [surface.band_counts(*pair) | surface.surface_lengths(*pair, tolerance=1) for pair in pairs]
        images.append({kind: np.array([each[kind] for each in found]) for kind in found[0]})
    return stacked(images)


def of_soft_masks(said: torch.Tensor, true: torch.Tensor) -> Counts:
    """Sums N C of masks N C H W."""
    ignored = true == IGNORE
    return soft.by_kind(soft.soft_sums(said.float(), true.float(), ignored=ignored))


MEMBERS: dict[str, tuple[Callable[[torch.Tensor, torch.Tensor], Counts], Score]] = {
    **{name: (of_pixels, score) for name, score in SCORES.items()},
    "boundary_iou": (of_outlines, surface.boundary_iou),
    "surface_dice": (of_outlines, surface.surface_dice),
    "soft_iou": (of_soft_masks, soft.soft_iou),
    "soft_recall": (of_soft_masks, soft.soft_recall),
    "soft_specificity": (of_soft_masks, soft.soft_specificity),
}
OF_WHAT_IS_NOT_THERE = {"specificity", "accuracy", "soft_specificity"}
"""Scores to which a class that is neither there nor predicted is a success."""
every_member = pytest.mark.parametrize("name", MEMBERS)
every_way = pytest.mark.parametrize("way", [pooled, per_image], ids=lambda way: way.__name__)


def values(name: str, way: Callable, said: torch.Tensor, true: torch.Tensor, absent: str = "skip") -> list[float]:
    count, score = MEMBERS[name]
    return way(score, count(said, true), absent=absent).tolist()


def masks(images: int = 4, ignored: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions and truths N C H W: rectangles, of which the prediction is one pixel off, and some noise."""
    random = torch.Generator().manual_seed(3)
    true = torch.zeros(images, CLASSES, 12, 14, dtype=torch.uint8)
    for image in range(images):
        for index in range(CLASSES):
            top, left = torch.randint(0, 6, (2,), generator=random).tolist()
            true[image, index, top : top + 4, left : left + 5] = 1
    said = true.roll((1, 1), (2, 3)) ^ (torch.rand(true.shape, generator=random) < 0.02).byte()
    if ignored:
        true[:, :, 5:7] = IGNORE
    return said, true


@every_member
@every_way
def test_is_between_none_and_all(name, way):
    found = values(name, way, *masks())
    assert len(found) == CLASSES
    assert all(0 < value < 1 for value in found)


@every_member
@every_way
def test_what_is_right_is_one_and_what_is_wrong_everywhere_nothing(name, way):
    _, true = masks(ignored=False)
    assert values(name, way, true, true) == pytest.approx([1.0] * CLASSES)
    if name not in ("boundary_iou", "surface_dice"):  # an outline is the same on both sides of it
        assert values(name, way, 1 - true, true) == pytest.approx([0.0] * CLASSES)


@every_member
@every_way
def test_what_is_absent_has_the_value_of_the_policy(name, way):
    said, true = masks()
    said[:, 1], true[:, 1] = 0, torch.where(true[:, 1] == IGNORE, IGNORE, 0)
    present = values(name, way, said, true)
    for absent, value in ABSENT.items():
        found = values(name, way, said, true, absent)
        assert found[1] == pytest.approx(1.0 if name in OF_WHAT_IS_NOT_THERE else value, nan_ok=True)
        assert (found[0], found[2]) == pytest.approx((present[0], present[2]))


@every_member
@every_way
def test_the_order_of_images_does_not_matter(name, way):
    said, true = masks()
    order = torch.tensor([2, 0, 3, 1])
    assert values(name, way, said[order], true[order]) == pytest.approx(values(name, way, said, true))


@every_member
@every_way
def test_the_order_of_classes_is_that_of_the_values(name, way):
    said, true = masks()
    found = values(name, way, said, true)
    assert values(name, way, said.flip(1), true.flip(1)) == pytest.approx(found[::-1])


@every_member
@every_way
def test_ignored_pixels_have_no_influence(name, way):
    said, true = masks()
    other = torch.where(true == IGNORE, 1 - said, said)
    assert (other != said).any()
    assert values(name, way, other, true) == values(name, way, said, true)


@every_member
@every_way
@pytest.mark.filterwarnings("error")
def test_nothing_but_ignored_pixels_is_absent(name, way):
    said, true = masks()
    assert np.isnan(values(name, way, said, torch.full_like(true, IGNORE))).all()


@every_member
def test_an_image_of_ignored_pixels_changes_nothing(name):
    said, true = masks()
    blind = torch.cat([true, torch.full_like(true[:1], IGNORE)])
    for way in (pooled, per_image):
        assert values(name, way, torch.cat([said, said[:1]]), blind) == pytest.approx(values(name, way, said, true))


@every_member
def test_pooled_and_per_image_are_two_numbers(name):
    said, true = masks()
    said[0], true[0], true[0, :, 0] = 0, IGNORE, 0
    true[0, :, 0, 0] = 1  # an image of one row, in which the classes are small and missed
    said[1, :, 9:, 9:] = 1
    assert values(name, pooled, said, true) != pytest.approx(values(name, per_image, said, true), rel=1e-3)


def calibration_error(said: torch.Tensor, true: torch.Tensor) -> list[float]:
    counts = calibration.calibration_counts(said.float(), true, task=Task.MULTILABEL, ignore=IGNORE)
    return calibration.expected_calibration_error(counts).tolist()


def presence(said: torch.Tensor, true: torch.Tensor) -> list[float]:
    scores = torch.where(true == IGNORE, 0, said).flatten(2).amax(dim=2).numpy()
    table = presence_table(of_pixels(said, true), scores, list("abc"), least=3)
    return table.drop(columns="class").to_numpy().ravel().tolist()


@pytest.mark.parametrize("function", [calibration_error, presence])
def test_whole_sets_neither_see_the_order_of_images_nor_what_is_ignored(function):
    said, true = masks()
    true[0, 0, :5], true[0, 0, 7:] = 0, 0  # one image without one class
    found = function(said, true)
    order = torch.tensor([2, 0, 3, 1])
    assert function(said[order], true[order]) == pytest.approx(found, nan_ok=True)
    assert function(torch.where(true == IGNORE, 1 - said, said), true) == pytest.approx(found, nan_ok=True)


def test_what_is_sure_and_right_has_no_calibration_error_and_what_is_wrong_all_of_it():
    _, true = masks(ignored=False)
    assert calibration_error(true, true) == [0.0] * CLASSES
    assert calibration_error(1 - true, true) == [1.0] * CLASSES
