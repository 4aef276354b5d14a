"""Presence of classes in images: by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from rarepix.metrics.presence import presence_table

NAN = float("nan")


def counts(*rows: tuple[int, int, int, int]) -> dict[str, np.ndarray]:
    """Return counts N 1 of one class from rows (tp, fp, fn, tn), one per image."""
    return {kind: values[:, None] for kind, values in zip(("tp", "fp", "fn", "tn"), np.array(rows).T, strict=True)}


def row(given: dict[str, np.ndarray], scores: list[float], least: int = 10, **options) -> dict[str, float]:
    table = presence_table(given, np.array(scores)[:, None], ["lesion"], least=least, **options)
    assert table["class"].tolist() == ["lesion"]
    return table.drop(columns="class").iloc[0].to_dict()


def test_by_hand():
    given = counts((5, 3, 2, 90), (0, 0, 7, 93), (0, 1, 0, 99), (0, 0, 0, 100), (0, 20, 0, 80), (0, 4, 6, 90))
    actual = row(given, [0.9, 0.2, 0.6, 0.1, 0.8, 0.7])
    assert actual == pytest.approx(
        {
            "with": 3, "without": 3, "accuracy": 3 / 6, "balanced_accuracy": (2 / 3 + 1 / 3) / 2,
            "sensitivity": 2 / 3,  # the last: said to be there, if in the wrong place
            "specificity": 1 / 3, "auroc": (3 + 1 + 2) / 9,
            "false_positive_rate": 2 / 3, "false_positive_rate_least": 1 / 3,
        }
    )  # fmt: skip


def test_against_scikit_learn():
    random = np.random.default_rng(0)
    tp, fp, fn = random.integers(0, 2, (3, 40, 3))
    given = {"tp": tp, "fp": fp, "fn": fn, "tn": np.full_like(tp, 9)}
    scores = random.random((40, 3))
    table = presence_table(given, scores, ["a", "b", "c"], least=1)
    for index in range(3):
        there, prediction = tp[:, index] + fn[:, index] > 0, tp[:, index] + fp[:, index] > 0
        assert table["auroc"][index] == pytest.approx(roc_auc_score(there, scores[:, index]))
        assert table["balanced_accuracy"][index] == pytest.approx(balanced_accuracy_score(there, prediction))
        assert table["accuracy"][index] == pytest.approx((there == prediction).mean())
        assert table["false_positive_rate_least"][index] == table["false_positive_rate"][index]


@pytest.mark.parametrize(
    ("absent", "expected"),
    [
        ("skip", {"sensitivity": NAN, "specificity": 0.5, "balanced_accuracy": NAN, "auroc": NAN}),
        ("one", {"sensitivity": 1.0, "specificity": 0.5, "balanced_accuracy": 0.75, "auroc": NAN}),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_class_in_no_image(absent, expected):
    actual = row(counts((0, 0, 0, 9), (0, 2, 0, 7)), [0.1, 0.6], absent=absent)
    assert {key: actual[key] for key in expected} == pytest.approx(expected, nan_ok=True)
    assert (actual["with"], actual["without"], actual["accuracy"]) == (0, 2, 0.5)


@pytest.mark.filterwarnings("error")
def test_a_class_in_every_image():
    actual = row(counts((4, 0, 0, 9), (0, 0, 2, 7)), [0.9, 0.6])
    assert np.isnan([actual[key] for key in ("specificity", "auroc", "false_positive_rate")]).all()
    assert actual["sensitivity"] == 0.5


def test_an_image_of_ignored_pixels_does_not_count():
    seen = counts((3, 0, 0, 5), (0, 0, 0, 8))
    blind = counts((3, 0, 0, 5), (0, 0, 0, 0), (0, 0, 0, 8))
    assert row(seen, [0.7, 0.3]) == row(blind, [0.7, 0.9, 0.3])


@pytest.mark.parametrize(
    ("scores", "least", "message"),
    [
        ([0.5], 1, r"one per image and class \(2, 1\), but got \(1, 1\)"),
        ([0.5, NAN], 1, "with 1 that are not: give the maximum"),
        ([0.5, 0.5], 0, "least must be at least 1 pixel, but got 0"),
    ],
)
def test_refuses(scores, least, message):
    with pytest.raises(ValueError, match=message):
        row(counts((0, 0, 0, 9), (0, 2, 0, 7)), scores, least)
