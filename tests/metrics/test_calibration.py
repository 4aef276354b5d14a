"""Calibration: by hand and against torchmetrics."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

from rarepix.labels import Task
from rarepix.metrics.calibration import calibration_counts, expected_calibration_error, reliability_table

IGNORE = 255


def multiclass(seed: int = 0, images: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    probability = (torch.randn(images, 4, 9, 7, generator=random) * 2).softmax(dim=1)
    target = torch.randint(0, 4, (images, 9, 7), generator=random)
    target[torch.rand(target.shape, generator=random) < 0.2] = IGNORE
    return probability, target


def test_by_hand():
    """Two bins; one of 0.25 and 0.45 is right, both of 0.75 and 1 are, 0.5 is not; one pixel is ignored."""
    probability = torch.tensor([[[[0.25, 0.45, 0.75, 1.0, 0.5, 0.9]]]])
    target = torch.tensor([[[0, 1, 1, 1, 0, IGNORE]]])
    counts = calibration_counts(probability, target, task=Task.BINARY, ignore=IGNORE, bins=2)
    assert counts.tolist() == [pytest.approx([2, 0.7, 1]), pytest.approx([3, 2.25, 2])]
    assert float(expected_calibration_error(counts)) == pytest.approx((0.3 + 0.25) / 5)
    table = reliability_table(counts)
    assert table.to_dict("list") == {
        "low": [0, 0.5], "high": [0.5, 1], "pixels": [2, 3], "confidence": pytest.approx([0.35, 0.75]),
        "right": pytest.approx([0.5, 2 / 3]),
    }  # fmt: skip


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_several_classes_against_torchmetrics(bins):
    probability, target = multiclass()
    counts = calibration_counts(probability, target, task=Task.MULTICLASS, ignore=IGNORE, bins=bins)
    theirs = multiclass_calibration_error(
        probability.movedim(1, -1).reshape(-1, 4), target.flatten(), 4, n_bins=bins, ignore_index=IGNORE
    )
    assert float(expected_calibration_error(counts)) == pytest.approx(float(theirs), rel=1e-5)


def test_one_class_against_torchmetrics():
    probability, target = multiclass()
    chance, target = probability[:, :1], torch.where(target < 255, (target == 0).long(), target)
    counts = calibration_counts(chance, target, task=Task.BINARY, ignore=IGNORE)
    theirs = binary_calibration_error(chance.flatten(), target.flatten(), n_bins=15, ignore_index=IGNORE)
    assert float(expected_calibration_error(counts)) == pytest.approx(float(theirs), rel=1e-5)


def test_each_class_of_a_multilabel_task_has_its_own_bins():
    probability, target = multiclass()
    layers = torch.stack([torch.where(target < 255, (target == c).long(), target) for c in range(4)], dim=1)
    counts = calibration_counts(probability, layers, task=Task.MULTILABEL, ignore=IGNORE)
    assert counts.shape == (4, 15, 3)
    for index in range(4):
        alone = calibration_counts(probability[:, index : index + 1], layers[:, index], task=Task.BINARY, ignore=IGNORE)
        assert torch.equal(counts[index], alone)
    assert expected_calibration_error(counts).shape == (4,)


def test_batches_add_up():
    probability, target = multiclass(images=5)
    how = {"task": Task.MULTICLASS, "ignore": IGNORE}
    parts = sum(calibration_counts(probability[part], target[part], **how) for part in (slice(0, 2), slice(2, 5)))
    torch.testing.assert_close(parts, calibration_counts(probability, target, **how))


def test_correct_with_confidence_one_has_no_error():
    probability, target = torch.zeros(1, 2, 3, 3), torch.zeros(1, 3, 3, dtype=torch.uint8)
    probability[:, 0] = 1.0
    counts = calibration_counts(probability, target, task=Task.MULTICLASS, ignore=IGNORE)
    assert counts[-1].tolist() == [9, 9, 9]
    assert float(expected_calibration_error(counts)) == 0.0


@pytest.mark.filterwarnings("error")
def test_without_counted_pixels_the_error_is_nan():
    probability, target = multiclass()
    counts = calibration_counts(
        probability, torch.full_like(target, IGNORE), task=Task.MULTICLASS, ignore=IGNORE, bins=3
    )
    assert np.isnan(float(expected_calibration_error(counts)))
    assert reliability_table(counts)["pixels"].tolist() == [0, 0, 0]
    assert reliability_table(counts)["right"].isna().all()


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_refuses_values_that_are_no_probabilities(value):
    with pytest.raises(ValueError, match=r"probability must be in \[0, 1\], .* give probabilities, not logits"):
        calibration_counts(torch.full((1, 1, 2, 2), value), torch.zeros(1, 2, 2), task=Task.BINARY, ignore=IGNORE)


def test_refuses_zero_bins():
    with pytest.raises(ValueError, match="bins must be at least 1, but got 0"):
        calibration_counts(torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2), task=Task.BINARY, ignore=IGNORE, bins=0)
