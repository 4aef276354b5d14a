"""The published evaluators that sum over the set: their golden values, and their peculiarities."""

import numpy as np
import pytest

from rarepix.evaluation.legacy import build_legacy
from tests.evaluation.legacy.conftest import LESION, LESIONS, VOID, several


def test_cityscapes_golden():
    """4 × 4: row 0 is class 1, rows 1 and 2 class 0, row 3 ignored; all is predicted 0; 19 classes."""
    target = np.repeat(np.array([1, 0, 0, VOID], np.uint8), 4).reshape(4, 4)
    scorer = build_legacy("cityscapes", several(19, None))
    scorer.update("one", np.zeros((4, 4), np.uint8), target)
    actual = scorer.result()
    assert actual["iou"] == pytest.approx(0.5, abs=1e-6)
    assert actual["miou"] == pytest.approx(0.035088, abs=1e-6)
    assert actual["macc"] == pytest.approx(0.052632, abs=1e-6)
    assert actual["iou/c0"] == pytest.approx(8 / 12)
    assert (actual["iou/c1"], actual["iou/c18"], actual["acc/c18"]) == (0.0, 0.0, 0.0)  # absent classes are misses


def test_cityscapes_sums_over_images():
    scorer = build_legacy("cityscapes", several(2, None))
    scorer.update("a", np.array([[0, 0]]), np.array([[0, 1]]))
    scorer.update("b", np.array([[1, 1]]), np.array([[1, 1]]))
    actual = scorer.result()
    assert (actual["iou/c0"], actual["iou/c1"]) == pytest.approx((1 / 2, 2 / 3))


@pytest.mark.parametrize("labels", [LESION, several(2)])
def test_polyp_golden(labels):
    prediction, target = np.zeros((2, 4, 4), np.uint8)
    prediction[:2], target[1:3] = 1, 1
    scorer = build_legacy("polyp", labels)
    scorer.update("one", prediction, target)
    actual = scorer.result()
    assert (actual["mdsc"], actual["miou"], actual["macc"]) == pytest.approx((0.5, 1 / 3, 0.5))
    assert not any("background" in name or "c0" in name for name in actual)


def test_polyp_drops_ignored_pixels_and_scores_an_absent_class_zero():
    scorer = build_legacy("polyp", several(3))
    scorer.update("one", np.array([[1, 1, 0]]), np.array([[1, VOID, 0]]))
    actual = scorer.result()
    assert (actual["dsc/c1"], actual["dsc/c2"], actual["mdsc"]) == pytest.approx((1.0, 0.0, 0.5))


def test_polyp_needs_the_background_first():
    with pytest.raises(ValueError, match="'polyp' leaves out class 0, which must be .* but here it is 'c0'"):
        build_legacy("polyp", several(3, None))


IMAGES = {
    "outlined in part": ([[1, 1, 0, 0]], [[0, 1, 1, 0]]),
    "missed": ([[0, 0, 0, 0]], [[1, 2, 0, 0]]),
    "empty and left so": ([[0, 0, 0, 0]], [[0, 0, 0, 0]]),
    "empty but for a speck": ([[0, 2, 0, 0]], [[0, 0, 0, VOID]]),
    "empty, predicted where ignored": ([[0, 0, 0, 1]], [[0, 0, 0, VOID]]),
}


def full_background(chosen: list[str], count: int = 3) -> dict[str, float]:
    scorer = build_legacy("full_background", several(count))
    for name in chosen:
        scorer.update(name, *(np.array(mask, np.uint8) for mask in IMAGES[name]))
    return scorer.result()


def test_full_background_by_hand():
    actual = full_background(list(IMAGES))
    assert actual == pytest.approx(
        {
            # class 1: 1 of 2 + 2 - 1 + 1 missed; class 2: none of 1 missed + 1 speck
            "iou": (1 / 4 + 0 / 2) / 2,
            "iou_pos": (1 / 4 + 0 / 1) / 2,
            "background_accuracy": 2 / 3,
            "class_accuracy": (2 / 3 + 1 / 2 + 0) / 3,
            "binary_accuracy": (1 / 2 + 2 / 3) / 2,
        }
    )


@pytest.mark.filterwarnings("error")
def test_full_background_leaves_out_classes_in_no_image():
    actual = full_background(["outlined in part"])
    assert actual["iou"] == actual["iou_pos"] == pytest.approx(1 / 3)
    assert actual["class_accuracy"] == 1.0
    assert np.isnan([actual["binary_accuracy"], actual["background_accuracy"]]).all()
    actual = full_background(["empty and left so"])
    assert actual["class_accuracy"] == 1.0
    assert np.isnan([actual["iou"], actual["iou_pos"], actual["binary_accuracy"]]).all()


def test_full_background_of_a_multilabel_task():
    scorer = build_legacy("full_background", LESIONS)
    prediction = np.zeros((1, 2, 2), np.uint8)
    target = prediction.copy()
    target[0, 0] = 1
    prediction[0, :, 0] = 1
    scorer.update("one", prediction, target)
    actual = scorer.result()
    assert actual["iou"] == pytest.approx((1 / 2 + 0) / 2)
    assert actual["class_accuracy"] == pytest.approx((1 + 0) / 2)


def test_full_background_needs_a_background():
    with pytest.raises(ValueError, match="which images are all background, but none of the classes .* is background"):
        build_legacy("full_background", several(3, None))
