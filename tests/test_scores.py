"""Scores by hand and against torchmetrics; absent classes are left out of means."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import (
    multiclass_f1_score,
    multiclass_jaccard_index,
    multiclass_precision,
    multiclass_recall,
    multiclass_specificity,
)

from rarepix.choices import ChoiceError
from rarepix.labels import Task
from rarepix.metrics.counts import count_pixels
from rarepix.scores import (
    CLASS_SCORES,
    PIXEL_SCORES,
    ClassNames,
    by_kind,
    groups,
    iou,
    mean,
    objective,
    per_image,
    pooled,
    precision,
    ratio,
    recall,
    summary,
)

NAN = float("nan")
NAMES = ("ground", "common", "rare", "rarer")
RARE = ("rare", "rarer")
CLASSES = ClassNames(NAMES, RARE)
GROUPS = ("mean", "rare", "frequent", "worst")


def counts(*rows: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """Counts of classes given as (tp, fp, fn)."""
    tp, fp, fn = np.array(rows).T
    return {"tp": tp, "fp": fp, "fn": fn, "tn": np.zeros_like(tp)}


def pixels(*rows: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """Sums of classes given as (tp, fp, fn)."""
    return {"pixels": np.stack([*counts(*rows).values()], axis=-1)}


def counts_of_images(*rows: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """Counts N 1 of one class in images given as (tp, fp, fn)."""
    return {kind: values[:, None] for kind, values in counts(*rows).items()}


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
def test_mean_leaves_out_absent_classes(values, expected):
    np.testing.assert_equal(mean(np.array(values)), expected)


def test_summary_by_hand():
    actual = summary(pixels((6, 2, 2), (1, 1, 2), (0, 0, 0), (0, 3, 1)), CLASSES)
    assert actual == pytest.approx(
        {
            "miou": (0.6 + 0.25 + 0.0) / 3, "rare_iou": 0.0, "frequent_iou": 0.425, "worst_iou": 0.0,
            "iou/ground": 0.6, "iou/common": 0.25, "iou/rare": NAN, "iou/rarer": 0.0,
        },
        nan_ok=True,
    )  # fmt: skip


def test_worst_leaves_out_absent_classes():
    assert summary(pixels((6, 2, 2), (1, 1, 2), (0, 0, 0), (0, 0, 0)), CLASSES)["worst_iou"] == 0.25


@pytest.mark.filterwarnings("error")
def test_without_rare_classes_their_mean_is_nan():
    actual = summary(pixels((6, 2, 2), (1, 1, 2)), ClassNames(NAMES[:2]))
    assert math.isnan(actual["rare_iou"])
    assert actual["miou"] == pytest.approx(0.425)


@pytest.mark.filterwarnings("error")
def test_without_any_pixels_all_scores_are_nan():
    actual = summary(pixels(*[(0, 0, 0)] * 4), CLASSES)
    assert all(math.isnan(value) for value in actual.values())


def test_against_torchmetrics():
    random = torch.Generator().manual_seed(0)
    prediction, target = (torch.randint(0, 4, (5, 20, 20), generator=random) for _ in range(2))
    target[:, :3] = 255
    sums = count_pixels(prediction, target, task=Task.MULTICLASS, classes=4, ignore=255).numpy()
    images, actual = by_kind(sums), summary({"pixels": sums.sum(axis=0)}, CLASSES)
    each = multiclass_jaccard_index(prediction, target, 4, average="none", ignore_index=255)
    assert [actual[f"iou/{name}"] for name in NAMES] == pytest.approx(each.tolist(), rel=1e-6)
    assert actual["miou"] == pytest.approx(
        float(multiclass_jaccard_index(prediction, target, 4, ignore_index=255)), rel=1e-6
    )

    theirs = {"dice": multiclass_f1_score, "precision": multiclass_precision, "recall": multiclass_recall}
    theirs |= {"specificity": multiclass_specificity}
    for score, function in theirs.items():
        expected = function(prediction, target, 4, average="none", ignore_index=255)
        assert pooled(CLASS_SCORES[score].function, images).tolist() == pytest.approx(expected.tolist(), rel=1e-6), (
            score
        )


def test_pooled_is_not_the_mean_over_images():
    """One image full of a class, all of it found; one with a single pixel of it, which is missed."""
    images = counts_of_images((99, 0, 0), (0, 0, 1))
    assert pooled(iou, images) == pytest.approx([0.99])
    assert per_image(iou, images) == pytest.approx([0.5])


@pytest.mark.parametrize(
    ("score", "values"),
    [
        ("iou", [2 / 9, 0, 0, NAN]),
        ("dice", [4 / 11, 0, 0, NAN]),
        ("precision", [2 / 5, 0, NAN, NAN]),
        ("recall", [2 / 6, NAN, 0, NAN]),
        ("specificity", [8 / 11, 11 / 17, 1, 1]),
        ("accuracy", [10 / 17, 11 / 17, 13 / 17, 1]),
    ],
)
def test_scores_by_hand(score, values):
    """Four classes: found in part, predicted where it is not, missed, absent."""
    given = {"tp": [2, 0, 0, 0], "fp": [3, 6, 0, 0], "fn": [4, 0, 4, 0], "tn": [8, 11, 13, 17]}
    given = {kind: np.array(numbers) for kind, numbers in given.items()}
    np.testing.assert_allclose(CLASS_SCORES[score].function(given), values)


@pytest.mark.parametrize(("absent", "value"), [("skip", NAN), ("zero", 0.0), ("one", 1.0)])
@pytest.mark.parametrize("score", PIXEL_SCORES)
def test_absent_classes_have_the_value_of_the_policy(score, absent, value):
    nothing = {kind: np.zeros(1, int) for kind in ("tp", "fp", "fn", "tn")}
    np.testing.assert_equal(CLASS_SCORES[score].function(nothing, absent=absent), [value])


def test_the_policy_decides_about_images_without_the_class():
    images = counts_of_images((1, 0, 1), (0, 0, 0))
    actual = {absent: float(per_image(iou, images, absent=absent)[0]) for absent in ("skip", "zero", "one")}
    assert actual == {"skip": 0.5, "zero": 0.25, "one": 0.75}
    assert [float(pooled(iou, images, absent=absent)[0]) for absent in actual] == [0.5] * 3


def test_refuses_an_unknown_policy():
    with pytest.raises(ChoiceError, match="unknown policy for what is absent 'ones': did you mean 'one'.* skip, zero"):
        ratio(1, 0, "ones")


def test_precision_and_recall_are_absent_in_different_cases():
    assert np.isnan(precision(counts((0, 0, 3)))).all()
    assert np.isnan(recall(counts((0, 3, 0)))).all()


@pytest.mark.filterwarnings("error")
def test_groups():
    assert groups(np.array([0.9, 0.5, NAN, 0.2]), NAMES, RARE) == pytest.approx(
        {"mean": 1.6 / 3, "rare": 0.2, "frequent": 0.7, "worst": 0.2}
    )
    assert groups(np.full(4, NAN), NAMES, RARE) == pytest.approx(dict.fromkeys(GROUPS, NAN), nan_ok=True)


GIVEN = {"ground": (9, 1, 0), "common": (5, 2, 3), "rare": (2, 5, 3), "rarer": (4, 0, 6)}
"""The IoU of these is 0.9, 0.5, 0.2 and 0.4: 0.3 is the mean of the rare ones, 0.7 that of the others."""
NOTHING = (0, 0, 0)


@pytest.mark.parametrize(
    ("name", "floor", "changes", "expected"),
    [
        ("miou", 0.0, {}, 0.5),
        ("miou", 1.0, {}, 0.5),
        ("rare_iou", 0.0, {}, 0.3),
        ("rare_iou", 0.7, {}, 0.3),  # the others' mean is just that
        ("rare_iou", 0.8, {}, 0.2),
        ("rare_iou", 1.0, {"common": NOTHING}, 0.2),  # absent ones are left out of the others' mean
        ("rare_iou", 1.0, {"common": NOTHING, "ground": NOTHING}, 0.3),
        ("rare_recall", 1.0, {}, (2 / 5 + 4 / 10) / 2),  # the floor is that of rare_iou
        ("iou/common", 0.0, {}, 0.5),
    ],
)
def test_objective(name, floor, changes, expected):
    assert objective(name, pixels(*(GIVEN | changes).values()), CLASSES, floor) == pytest.approx(expected)
