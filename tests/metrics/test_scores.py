"""Scores by hand and against torchmetrics; what is absent is left out, never scored."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_jaccard_index

from rarepix.metrics.counts import confusion, per_class
from rarepix.metrics.scores import iou, mean, objective, ratio, summary

NAN = float("nan")
NAMES = ("ground", "common", "rare", "rarer")
RARE = ("rare", "rarer")


def counts(*rows: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """Counts of classes given as (tp, fp, fn)."""
    tp, fp, fn = np.array(rows).T
    return {"tp": tp, "fp": fp, "fn": fn, "tn": np.zeros_like(tp)}


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(1, 2, 0.5), (0, 3, 0.0), (0, 0, NAN), ([1, 0, 0], [4, 0, 1], [0.25, NAN, 0.0])],
)
@pytest.mark.filterwarnings("error")
def test_ratio(numerator, denominator, expected):
    np.testing.assert_array_equal(ratio(np.array(numerator), np.array(denominator)), expected)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((2, 1, 1), 0.5),
        ((0, 0, 5), 0.0),  # there, and missed
        ((0, 5, 0), 0.0),  # not there, and claimed
        ((0, 0, 0), NAN),  # neither there nor claimed
        ((7, 0, 0), 1.0),
    ],
)
def test_iou(row, expected):
    np.testing.assert_array_equal(iou(counts(row)), [expected])


@pytest.mark.parametrize(("values", "expected"), [([0.5, NAN, 1.0], 0.75), ([NAN, NAN], NAN), ([], NAN), ([0.0], 0.0)])
@pytest.mark.filterwarnings("error")
def test_mean_leaves_out_what_is_absent(values, expected):
    np.testing.assert_equal(mean(np.array(values)), expected)


def test_summary_by_hand():
    found = summary(counts((6, 2, 2), (1, 1, 2), (0, 0, 0), (0, 3, 1)), NAMES, RARE)
    assert found == pytest.approx(
        {
            "miou": (0.6 + 0.25 + 0.0) / 3, "rare_iou": 0.0, "frequent_iou": 0.425, "worst_iou": 0.0,
            "iou/ground": 0.6, "iou/common": 0.25, "iou/rare": NAN, "iou/rarer": 0.0,
        },
        nan_ok=True,
    )  # fmt: skip


def test_worst_is_the_worst_that_is_there():
    assert summary(counts((6, 2, 2), (1, 1, 2), (0, 0, 0), (0, 0, 0)), NAMES, RARE)["worst_iou"] == 0.25


@pytest.mark.filterwarnings("error")
def test_no_rare_class_no_rare_score():
    found = summary(counts((6, 2, 2), (1, 1, 2)), NAMES[:2], ())
    assert math.isnan(found["rare_iou"])
    assert found["miou"] == pytest.approx(0.425)


@pytest.mark.filterwarnings("error")
def test_nothing_at_all():
    found = summary(counts(*[(0, 0, 0)] * 4), NAMES, RARE)
    assert all(math.isnan(value) for value in found.values())


def test_against_torchmetrics():
    random = torch.Generator().manual_seed(0)
    prediction, target = (torch.randint(0, 4, (5, 20, 20), generator=random) for _ in range(2))
    target[:, :3] = 255
    pooled = per_class(confusion(prediction, target, classes=4, ignore=255).sum(0).numpy())
    found = summary(pooled, NAMES, RARE)
    each = multiclass_jaccard_index(prediction, target, 4, average="none", ignore_index=255)
    assert [found[f"iou/{name}"] for name in NAMES] == pytest.approx(each.tolist(), rel=1e-6)
    assert found["miou"] == pytest.approx(
        float(multiclass_jaccard_index(prediction, target, 4, ignore_index=255)), rel=1e-6
    )


def test_pooled_is_not_the_mean_over_images():
    """One image full of a class that is found, one with a single pixel of it that is missed."""
    images = np.array([[[0, 0], [0, 99]], [[99, 0], [1, 0]]])
    pooled = iou(per_class(images.sum(0)))[1]
    each = iou(per_class(images))[:, 1]
    assert pooled == pytest.approx(0.99)
    assert each.mean() == pytest.approx(0.5)


SCORES = {"miou": 0.4, "rare_iou": 0.3, "iou/ground": 0.9, "iou/common": 0.5, "iou/rare": 0.2, "iou/rarer": 0.4}


@pytest.mark.parametrize(
    ("name", "floor", "changes", "expected"),
    [
        ("miou", 0.0, {}, 0.4),
        ("miou", 1.0, {}, 0.4),
        ("rare_iou", 0.0, {}, 0.3),
        ("rare_iou", 0.7, {}, 0.3),  # the others' mean is just that
        ("rare_iou", 0.8, {}, 0.2),
        ("rare_iou", 1.0, {"iou/common": NAN}, 0.2),  # absent ones are left out of the others' mean
        ("rare_iou", 1.0, {"iou/common": NAN, "iou/ground": NAN}, 0.3),
    ],
)
def test_objective(name, floor, changes, expected):
    assert objective(name, SCORES | changes, NAMES, RARE, floor) == pytest.approx(expected)
