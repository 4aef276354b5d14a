"""Soft scores: by hand, and equal to those of counts for hard masks."""

import numpy as np
import pytest
import torch

from rarepix.metrics.soft import soft_sums
from rarepix.scores import SOFT_KINDS, by_kind, iou, per_image, pooled, recall
from rarepix.scores.class_scores import soft_iou, soft_recall, soft_specificity, specificity

NAN = float("nan")
SCORES = (soft_iou, soft_recall, soft_specificity)


def sums_of(probability, target, **options) -> dict[str, np.ndarray]:
    """Return sums N 1 of rows of pixels, one row per image."""
    images = (torch.tensor(rows)[:, None, None] for rows in (probability, target))
    return by_kind(soft_sums(*images, **options).numpy(), SOFT_KINDS)


def test_by_hand():
    sums = sums_of([[0.5, 1.0, 0.2, 0.0]], [[1.0, 0.5, 0.2, 0.0]])
    assert soft_iou(sums) == pytest.approx(np.array([[1.2 / 2.2]]))
    assert soft_recall(sums) == pytest.approx(np.array([[(0.5 + 0.5 + 0.04) / 1.7]]))
    assert soft_specificity(sums) == pytest.approx(np.array([[(0.64 + 1.0) / 2.3]]))


def test_pooled_and_per_image():
    sums = sums_of([[1.0, 1.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]])
    assert pooled(soft_recall, sums) == pytest.approx([0.75])
    assert per_image(soft_iou, sums) == pytest.approx([0.75])


@pytest.mark.parametrize(
    ("probability", "target", "expected"),
    [
        ([0.0, 0.0], [0.0, 0.0], (NAN, NAN, 1.0)),
        ([0.0, 0.4], [0.0, 0.0], (0.0, NAN, 0.8)),
        ([1.0, 1.0], [1.0, 1.0], (1.0, 1.0, NAN)),
    ],
)
def test_absent(probability, target, expected):
    sums = sums_of([probability], [target])
    assert [float(score(sums)[0, 0]) for score in SCORES] == pytest.approx(list(expected), nan_ok=True)
    assert [float(score(sums, absent="one")[0, 0]) for score in SCORES] == pytest.approx(
        [1.0 if np.isnan(value) else value for value in expected]
    )


def test_hard_masks_have_the_scores_of_counts():
    random = torch.Generator().manual_seed(0)
    p, t = (torch.randint(0, 2, (3, 2, 5, 7), generator=random) for _ in range(2))
    kinds = {"tp": p & t, "fp": p & (1 - t), "fn": (1 - p) & t, "tn": (1 - p) & (1 - t)}
    counts = {kind: values.sum(dim=(2, 3)).numpy() for kind, values in kinds.items()}
    sums = by_kind(soft_sums(p.float(), t.float()).numpy(), SOFT_KINDS)
    for soft, hard in zip(SCORES, (iou, recall, specificity), strict=True):
        np.testing.assert_allclose(soft(sums), hard(counts))


def test_ignored_pixels_have_no_influence():
    probability, target = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    ignored = torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    ignored[:, :, 1:3] = True
    expected = soft_sums(probability[:, :, [0, 3]], target[:, :, [0, 3]])
    wild, strange = probability.clone(), target.clone()
    wild[:, :, 1:3], strange[:, :, 1:3] = NAN, 255
    assert torch.allclose(soft_sums(wild, strange, ignored=ignored), expected)


@pytest.mark.parametrize(
    ("probability", "target", "message"),
    [
        (torch.full((1, 1, 2, 2), 1.5), torch.zeros(1, 1, 2, 2), r"probability must be in \[0, 1\] .* reaches .* 1.5"),
        (torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 255.0), r"target must be in \[0, 1\] .* to 255.0: give"),
        (torch.full((1, 1, 2, 2), NAN), torch.zeros(1, 1, 2, 2), r"probability must be in \[0, 1\]"),
        (torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2), r"both be N C H W, but got \(1, 1, 2, 2\) and \(1, 2, 2\)"),
    ],
)
def test_refuses(probability, target, message):
    with pytest.raises(ValueError, match=message):
        soft_sums(probability, target)
