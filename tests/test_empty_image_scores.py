"""Scores of empty images, of presence scores and of each image's Dice: by hand, against scikit-learn and the SIIM rule.

How their sums are taken of masks and logits: see metrics/test_sums and metrics/test_presence_scores.
"""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from rarepix.scores import ClassNames, score

NAN = float("nan")
CLASSES = ClassNames(("ground", "a", "b"), rare=("b",), background=("ground",))
SUMS = {
    "pixels": np.array([[900, 20, 30, 50], [30, 10, 20, 940], [10, 30, 10, 950]]),
    "positive_pixels": np.array([[30, 6, 20, 344], [10, 5, 10, 375]]),
    "presence": np.array([[3, 1, 1, 5], [1, 2, 1, 6]]),
    "foreground": np.array([3, 1, 1, 4]),
    "image_dice": np.array([[1.5, 4, 5, 6], [0.25, 2, 6, 8]]),
}
"""Of 9 images 4 hold a class, of which 3 are found, and 5 are empty, of which one is not left so."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("foreground_iou", (30 / 60 + 10 / 50) / 2),
        ("positive_iou", (30 / 56 + 10 / 25) / 2),
        ("rare_positive_iou", 10 / 25),
        ("positive_iou/a", 30 / 56),
        ("class_accuracy", (4 / 5 + 3 / 4 + 1 / 2) / 3),
        ("binary_accuracy", (4 / 5 + 3 / 4) / 2),
        ("isuei_sum", (30 / 56 + 10 / 25) / 2 + (4 / 5 + 3 / 4 + 1 / 2) / 3),
        ("empty_false_alarm_rate", 1 / 5),
        ("sensitivity", 3 / 4),
        ("positive_dice", (1.5 / 4 + 0.25 / 2) / 2),
        ("worst_positive_dice", 0.25 / 2),
        ("siim_dice", ((1.5 + 5) / 10 + (0.25 + 6) / 10) / 2),
        ("siim_dice/b", (0.25 + 6) / 10),
    ],
)
def test_by_hand(name, expected):
    assert score(name, SUMS, CLASSES) == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("foreground", "alarms", "found"), [([3, 0, 1, 0], NAN, 3 / 4), ([0, 1, 0, 3], 1 / 4, NAN), ([0] * 4, NAN, NAN)]
)
def test_without_empty_images_or_without_others_what_is_of_them_is_absent(foreground, alarms, found):
    sums = {"foreground": np.array(foreground)}
    actual = [score(name, sums, CLASSES) for name in ("empty_false_alarm_rate", "sensitivity", "binary_accuracy")]
    assert actual == pytest.approx([alarms, found, NAN], nan_ok=True)


def histogram_of(*rows: tuple[list[int], list[int]]) -> dict[str, np.ndarray]:
    """Return histograms of rows (images without, images with) by bin; the last row is of any class."""
    return {"presence_histogram": np.moveaxis(np.array(rows), 1, -1)}


ANY = ([4, 3, 2, 1, 0], [0, 1, 0, 3, 4])
"""Of any class: 10 empty images, and 8 others, whose scores are in five bins."""
OF_ANY = histogram_of(([1, 0, 0, 0, 0], [0, 0, 0, 0, 1]), ([0, 0, 2, 0, 0], [0, 0, 2, 0, 0]), ANY)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("presence_auroc/a", 1.0),
        ("presence_auroc/b", 0.5),  # all in one bin
        ("mean_presence_auroc", 0.75),
        ("rare_presence_auroc", 0.5),
        ("foreground_auroc", (1 * (4 + 1.5) + 3 * (9 + 0.5) + 4 * 10) / 80),
        ("false_alarms_at_sensitivity_80", 1 / 10),  # 4 of 8 in the highest bin are too few, 7 in two are enough
        ("false_alarms_at_sensitivity_90", 6 / 10),  # the eighth has a score in the second bin
        ("false_alarms_at_sensitivity_95", 6 / 10),
        ("sensitivity_at_false_alarms_01", 4 / 8),
        ("sensitivity_at_false_alarms_05", 4 / 8),
        ("sensitivity_at_false_alarms_10", 7 / 8),  # 1 of 10 is not more than 10 %
    ],
)
def test_presence_scores_by_hand(name, expected):
    assert score(name, OF_ANY, CLASSES) == pytest.approx(expected)


OF_HISTOGRAMS = (
    *("foreground_auroc", "false_alarms_at_sensitivity_80", "false_alarms_at_sensitivity_95"),
    *("sensitivity_at_false_alarms_01", "sensitivity_at_false_alarms_10"),
)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("row", [([0, 0], [1, 2]), ([2, 1], [0, 0]), ([0, 0], [0, 0])])
def test_without_negatives_or_positives_the_curve_is_absent(row):
    sums = histogram_of(row, row, row)
    assert [score(name, sums, CLASSES) for name in OF_HISTOGRAMS] == pytest.approx([NAN] * 5, nan_ok=True)
    assert np.isnan(score("presence_auroc/a", sums, CLASSES))


def test_a_network_that_gives_every_image_the_same_score_finds_none_without_alarms():
    sums = histogram_of(*[([0, 5, 0], [0, 7, 0])] * 3)
    assert [score(name, sums, CLASSES) for name in OF_HISTOGRAMS] == [0.5, 1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bins", [3, 20, 500])
def test_scores_of_histograms_are_those_of_scikit_learn_for_binned_scores(seed, bins):
    random = np.random.default_rng(seed)
    present = random.random(60) < 0.4
    number = np.clip((random.normal(size=60) + present) * bins / 8 + bins / 2, 0, bins - 1).astype(int)
    row = [np.bincount(number[present == wanted], minlength=bins) for wanted in (False, True)]
    sums = histogram_of(row, row, row)
    assert score("foreground_auroc", sums, CLASSES) == pytest.approx(roc_auc_score(present, number), abs=1e-12)
    alarms, found, _ = roc_curve(present, number, drop_intermediate=False)
    for percent in (80, 90, 95):
        expected = alarms[found >= percent / 100 - 1e-12].min()
        assert score(f"false_alarms_at_sensitivity_{percent}", sums, CLASSES) == pytest.approx(expected)
    for percent in (1, 5, 10):
        expected = found[alarms <= percent / 100 + 1e-12].max()
        assert score(f"sensitivity_at_false_alarms_{percent:02}", sums, CLASSES) == pytest.approx(expected)
