"""The contract of every score, pooled over the images and as the mean over them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from rarepix.labels import Task
from rarepix.metrics import calibration, soft, surface
from rarepix.metrics.counts import count_pixels
from rarepix.metrics.presence import presence_table
from rarepix.metrics.sums import dice_of_images, presence_of_pixels
from rarepix.scores import ABSENT, CLASS_SCORES, IMAGE_DICE_KINDS, SOFT_KINDS, Counts, by_kind, per_image, pooled

IGNORE = 255
CLASSES = 3
HOW = {"task": Task.MULTILABEL, "classes": CLASSES, "ignore": IGNORE}


def of_pixels(prediction: torch.Tensor, true: torch.Tensor) -> Counts:
    """Counts N C of masks N C H W."""
    return by_kind(count_pixels(prediction, true, **HOW).numpy())


def of_outlines(prediction: torch.Tensor, true: torch.Tensor) -> Counts:
    """Bands and lengths N C of masks N C H W."""
    images = []
    for own, truth in zip(prediction.movedim(1, -1).numpy(), true.movedim(1, -1).numpy(), strict=True):
        pairs = list(surface.class_masks(own, truth, **HOW))
        actual = [surface.band_counts(*pair) | surface.surface_lengths(*pair, tolerance=1) for pair in pairs]
        images.append({kind: np.array([each[kind] for each in actual]) for kind in actual[0]})
    return {kind: np.stack([image[kind] for image in images]) for kind in images[0]}


def of_soft_masks(prediction: torch.Tensor, true: torch.Tensor) -> Counts:
    """Sums N C of masks N C H W."""
    ignored = true == IGNORE
    return by_kind(soft.soft_sums(prediction.float(), true.float(), ignored=ignored).numpy(), SOFT_KINDS)


def of_presence(prediction: torch.Tensor, true: torch.Tensor) -> Counts:
    """Counts N C of 0 and 1, whether each class is in the image, of masks N C H W."""
    return by_kind(presence_of_pixels(count_pixels(prediction, true, **HOW)).numpy())


def of_positive_pixels(prediction: torch.Tensor, true: torch.Tensor) -> Counts:
    """Counts N C of masks N C H W, 0 of images that hold no class."""
    positive = (true == 1).flatten(1).any(dim=1).view(-1, 1, 1)
    return by_kind((count_pixels(prediction, true, **HOW) * positive).numpy())


def of_image_dice(prediction: torch.Tensor, true: torch.Tensor) -> Counts:
    """Sums N C of the Dice of each image, of masks N C H W."""
    return by_kind(dice_of_images(count_pixels(prediction, true, **HOW)).numpy(), IMAGE_DICE_KINDS)


SUMS: dict[str, Callable[[torch.Tensor, torch.Tensor], Counts]] = {
    "pixels": of_pixels, "surface": of_outlines, "soft": of_soft_masks, "presence": of_presence,
    "positive_pixels": of_positive_pixels, "image_dice": of_image_dice,
}  # fmt: skip
"""What a score needs → how it is taken of masks."""
ONE_IF_ABSENT = {"specificity", "accuracy", "soft_specificity", "siim_dice"}
"""Scores of 1 for a class that is neither in the truth nor predicted."""
OF_IMAGES = [name for name, row in CLASS_SCORES.items() if row.needs == "presence"]
"""Scores of the question whether a class is in an image, which is 0 or 1 for each image: see the tests of presence."""
OF_MASKS = [name for name, row in CLASS_SCORES.items() if row.needs in SUMS]
"""All but those of histograms of presence scores, which need more than masks: see metrics/test_presence_scores."""
MEANS_OF_IMAGES = [name for name, row in CLASS_SCORES.items() if row.needs == "image_dice"]
"""Scores whose sums are of ratios of each image, so that both ways are one number."""
every_score = pytest.mark.parametrize("name", OF_MASKS)
every_member = pytest.mark.parametrize("name", [name for name in OF_MASKS if name not in OF_IMAGES])
every_way = pytest.mark.parametrize("way", [pooled, per_image], ids=lambda way: way.__name__)


def values(name: str, way: Callable, prediction: torch.Tensor, true: torch.Tensor, absent: str = "skip") -> list[float]:
    row = CLASS_SCORES[name]
    return way(row.function, SUMS[row.needs](prediction, true), absent=absent).tolist()


def masks(images: int = 4, ignored: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Return predictions and truths N C H W: rectangles, the prediction one pixel off and with some noise."""
    random = torch.Generator().manual_seed(3)
    true = torch.zeros(images, CLASSES, 12, 14, dtype=torch.uint8)
    for image in range(images):
        for index in range(CLASSES):
            top, left = torch.randint(0, 6, (2,), generator=random).tolist()
            true[image, index, top : top + 4, left : left + 5] = 1
    prediction = true.roll((1, 1), (2, 3)) ^ (torch.rand(true.shape, generator=random) < 0.02).byte()
    if ignored:
        true[:, :, 5:7] = IGNORE
    return prediction, true


@every_member
@every_way
def test_scores_are_between_zero_and_one(name, way):
    actual = values(name, way, *masks())
    assert len(actual) == CLASSES
    assert all(0 < value < 1 for value in actual)


@every_member
@every_way
def test_a_perfect_prediction_has_one_and_its_opposite_zero(name, way):
    _, true = masks(ignored=False)
    assert values(name, way, true, true) == pytest.approx([1.0] * CLASSES)
    if name not in ("boundary_iou", "surface_dice"):  # an outline is the same on both sides of it
        assert values(name, way, 1 - true, true) == pytest.approx([0.0] * CLASSES)


@every_member
@every_way
def test_absent_classes_have_the_value_of_the_policy(name, way):
    prediction, true = masks()
    prediction[:, 1], true[:, 1] = 0, torch.where(true[:, 1] == IGNORE, IGNORE, 0)
    present = values(name, way, prediction, true)
    for absent, value in ABSENT.items():
        actual = values(name, way, prediction, true, absent)
        assert actual[1] == pytest.approx(1.0 if name in ONE_IF_ABSENT else value, nan_ok=True)
        assert (actual[0], actual[2]) == pytest.approx((present[0], present[2]))


@every_score
@every_way
def test_the_order_of_images_does_not_matter(name, way):
    prediction, true = masks()
    order = torch.tensor([2, 0, 3, 1])
    assert values(name, way, prediction[order], true[order]) == pytest.approx(
        values(name, way, prediction, true), nan_ok=True
    )


@every_score
@every_way
def test_the_order_of_classes_is_that_of_the_values(name, way):
    prediction, true = masks()
    actual = values(name, way, prediction, true)
    assert values(name, way, prediction.flip(1), true.flip(1)) == pytest.approx(actual[::-1], nan_ok=True)


@every_score
@every_way
def test_ignored_pixels_have_no_influence(name, way):
    prediction, true = masks()
    other = torch.where(true == IGNORE, 1 - prediction, prediction)
    assert (other != prediction).any()
    np.testing.assert_array_equal(values(name, way, other, true), values(name, way, prediction, true))


@every_score
@every_way
@pytest.mark.filterwarnings("error")
def test_a_class_in_ignored_pixels_only_is_absent(name, way):
    prediction, true = masks()
    assert np.isnan(values(name, way, prediction, torch.full_like(true, IGNORE))).all()


@every_score
def test_an_image_of_ignored_pixels_changes_nothing(name):
    prediction, true = masks()
    blind = torch.cat([true, torch.full_like(true[:1], IGNORE)])
    for way in (pooled, per_image):
        assert values(name, way, torch.cat([prediction, prediction[:1]]), blind) == pytest.approx(
            values(name, way, prediction, true), nan_ok=True
        )


@pytest.mark.parametrize("name", OF_IMAGES)
def test_presence_that_is_always_right_is_best_and_always_wrong_is_worst(name):
    """Each class is in every second image."""
    true = torch.zeros(4, CLASSES, 3, 3, dtype=torch.uint8)
    true[::2, :, 1, 1] = 1
    wrong = torch.zeros_like(true)
    wrong[1::2, :, 0, 0] = 1
    best, worst = (1.0, 0.0) if CLASS_SCORES[name].direction == "maximize" else (0.0, 1.0)
    assert values(name, pooled, true, true) == [best] * CLASSES
    assert values(name, pooled, wrong, true) == [worst] * CLASSES


@pytest.mark.parametrize("name", [name for name in OF_MASKS if name not in OF_IMAGES + MEANS_OF_IMAGES])
def test_pooled_and_per_image_are_two_numbers(name):
    prediction, true = masks()
    prediction[0], true[0], true[0, :, 0] = 0, IGNORE, 0
    true[0, :, 0, 0] = 1  # an image of one row, in which the classes are small and missed
    prediction[1, :, 9:, 9:] = 1
    assert values(name, pooled, prediction, true) != pytest.approx(values(name, per_image, prediction, true), rel=1e-3)


def calibration_error(prediction: torch.Tensor, true: torch.Tensor) -> list[float]:
    counts = calibration.calibration_counts(prediction.float(), true, task=Task.MULTILABEL, ignore=IGNORE)
    return calibration.expected_calibration_error(counts).tolist()


def presence(prediction: torch.Tensor, true: torch.Tensor) -> list[float]:
    scores = torch.where(true == IGNORE, 0, prediction).flatten(2).amax(dim=2).numpy()
    table = presence_table(of_pixels(prediction, true), scores, list("abc"), least=3)
    return table.drop(columns="class").to_numpy().ravel().tolist()


@pytest.mark.parametrize("function", [calibration_error, presence])
def test_calibration_and_presence_depend_on_neither_order_nor_ignored_pixels(function):
    prediction, true = masks()
    true[0, 0, :5], true[0, 0, 7:] = 0, 0  # one image without one class
    actual = function(prediction, true)
    order = torch.tensor([2, 0, 3, 1])
    assert function(prediction[order], true[order]) == pytest.approx(actual, nan_ok=True)
    assert function(torch.where(true == IGNORE, 1 - prediction, prediction), true) == pytest.approx(actual, nan_ok=True)


def test_confident_and_right_has_calibration_error_zero_and_confident_and_wrong_one():
    _, true = masks(ignored=False)
    assert calibration_error(true, true) == [0.0] * CLASSES
    assert calibration_error(1 - true, true) == [1.0] * CLASSES
