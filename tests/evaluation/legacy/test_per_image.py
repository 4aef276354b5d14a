"""The published evaluators that average over images: their golden values, and their peculiarities."""

import numpy as np
import pytest

from rarepix.evaluation.legacy import build_legacy
from tests.evaluation.legacy.conftest import LESION, LESIONS, VOID, empty, several, square

NAN = float("nan")
SHIFTED = (square(2, 2), square(2, 3))
FALSE = (square(1, 1), empty())
NOTHING = (empty(), empty())


def shown(name: str, labels, *images: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    scorer = build_legacy(name, labels)
    for number, masks in enumerate(images):
        scorer.update(f"image {number}", *masks)
    return scorer.result()


def test_retinal_golden():
    actual = shown("retinal", LESION, SHIFTED, FALSE, NOTHING)
    assert actual["dsc"] == pytest.approx(0.555556, abs=1e-6)
    assert (actual["nsd"], actual["hd95"]) == (1.0, 1.0)  # of the first image alone
    assert actual["dsc/lesion"] == actual["dsc"]
    assert shown("retinal", LESION, SHIFTED)["dsc"] == pytest.approx(2 / 3)
    assert shown("retinal", LESION, FALSE)["dsc"] == pytest.approx(1e-10 / 9, rel=1e-3)
    assert shown("retinal", LESION, NOTHING)["dsc"] == 1.0


@pytest.mark.filterwarnings("error")
def test_retinal_has_no_surface_scores_without_lesions():
    actual = shown("retinal", LESION, NOTHING, FALSE)
    assert np.isnan([actual["nsd"], actual["hd95"]]).all()
    missed = shown("retinal", LESION, (empty(), square(1, 1)))
    assert missed["nsd"] == 0.0
    assert np.isnan(missed["hd95"])  # a total miss costs nothing


def test_retinal_predicts_above_a_probability_of_one_half():
    probability = np.full((1, 8, 8), 0.5, np.float32)
    probability[0, 2:5, 2:5] = 0.51
    scorer = build_legacy("retinal", LESION)
    scorer.update("one", empty(), SHIFTED[1], probability)
    assert scorer.result()["dsc"] == pytest.approx(2 / 3)


def test_retinal_scores_each_lesion():
    prediction, target = (np.stack([mask, empty()], axis=-1) for mask in SHIFTED)
    actual = shown("retinal", LESIONS, (prediction, target))
    assert (actual["dsc/red"], actual["dsc/yellow"], actual["dsc"]) == pytest.approx((2 / 3, 1.0, 5 / 6))
    scorer = build_legacy("retinal", LESIONS)
    scorer.update("one", np.zeros_like(prediction), target, np.moveaxis(prediction, -1, 0).astype(np.float32))
    assert scorer.result() == pytest.approx(actual, nan_ok=True)


def test_siim_by_hand():
    actual = shown("siim", LESION, SHIFTED, FALSE, NOTHING)
    assert actual == pytest.approx({"dice": (2 / 3 + 0 + 1) / 3, "dice_pos": 2 / 3, "dice/lesion": (2 / 3 + 0 + 1) / 3})


@pytest.mark.filterwarnings("error")
def test_siim_without_a_lesion():
    assert np.isnan(shown("siim", LESION, NOTHING)["dice_pos"])


def test_voc_imbalance_by_hand():
    """Three classes; the second image has void pixels, on one of which class 1 is predicted."""
    first = (np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]]))
    second = (np.array([[0, 1, 1, 2]]), np.array([[0, 1, VOID, 0]]))
    actual = shown("voc_imbalance", several(3), first, second)
    expected = {"c0": [1 / 2, 1 / 2], "c1": [2 / 3, 1 / 2]}  # class 2 is predicted in the second, but not there
    assert actual["iou/c0"] == pytest.approx(np.mean(expected["c0"]))
    assert actual["iou/c1"] == pytest.approx(np.mean(expected["c1"]))
    assert actual["validation_iou"] == pytest.approx(((1 / 2 + 2 / 3) / 2 + (1 / 2 + 1 / 2) / 2) / 2)
    assert np.isnan([actual["iou/c2"], actual["test_iou"]]).all()
    assert actual["dice/c1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert actual["validation_dice"] == pytest.approx(((2 / 3 + 4 / 5) / 2 + 2 / 3) / 2)


def test_voc_imbalance_test_score_weighs_classes_not_images():
    rare = (np.array([[0, 0]]), np.array([[0, 1]]))  # 0.5 and 0
    common = (np.array([[0, 0]]), np.array([[0, 0]]))
    actual = shown("voc_imbalance", several(2), rare, common, common, common)
    assert actual["test_iou"] == pytest.approx((3.5 / 4 + 0) / 2)
    assert actual["validation_iou"] == pytest.approx((0.25 + 3) / 4)


@pytest.mark.filterwarnings("error")
def test_voc_imbalance_skips_an_image_of_void():
    void = (np.array([[0, 1]]), np.array([[VOID, VOID]]))
    other = (np.array([[0, 1]]), np.array([[0, 1]]))
    assert shown("voc_imbalance", several(2), void, other)["validation_iou"] == pytest.approx(1.0)
