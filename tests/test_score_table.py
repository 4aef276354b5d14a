"""The table of scores: rows by hand and against scikit-learn, and scores that cannot be had."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix, jaccard_score

from rarepix.choices import ChoiceError
from rarepix.scores import (
    CLASS_SCORES,
    KINDS_OF,
    SCORES,
    SUMMARY,
    ClassNames,
    MissingSums,
    available,
    direction_of,
    pool,
    score,
    summary,
)

NAN = float("nan")
CLASSES = ClassNames(("ground", "a", "b"), rare=("b",), background=("ground",))
PRESENCE = np.array([[3, 1, 1, 5], [1, 2, 1, 6]])
"""Images by presence of a and of b: tp, fp, fn, tn."""


def sums_of(true: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Return pixels and confusion of ids."""
    confusion = confusion_matrix(true, predicted, labels=range(3))
    tp = confusion.diagonal()
    fp, fn = confusion.sum(axis=0) - tp, confusion.sum(axis=1) - tp
    return {"confusion": confusion, "pixels": np.stack([tp, fp, fn, confusion.sum() - tp - fp - fn], axis=-1)}


@pytest.fixture
def ids() -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.random.default_rng(0).choice(3, (2, 200), p=[0.7, 0.2, 0.1]))


def test_scores_of_the_confusion_are_those_of_scikit_learn(ids):
    sums = sums_of(*ids)
    assert score("pixel_accuracy", sums, CLASSES) == pytest.approx(accuracy_score(*ids))
    assert score("kappa", sums, CLASSES) == pytest.approx(cohen_kappa_score(*ids))
    assert score("frequency_weighted_iou", sums, CLASSES) == pytest.approx(jaccard_score(*ids, average="weighted"))
    assert score("miou", sums, CLASSES) == pytest.approx(jaccard_score(*ids, average="macro"))


@pytest.mark.filterwarnings("error")
def test_scores_of_nothing_are_absent():
    for name in ("pixel_accuracy", "kappa", "frequency_weighted_iou"):
        nothing = {"confusion": np.zeros((3, 3), int), "pixels": np.zeros((3, 4), int)}
        assert np.isnan(score(name, nothing, CLASSES))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean_presence_recall", (3 / 4 + 1 / 2) / 2),
        ("rare_presence_recall", 1 / 2),
        ("frequent_presence_recall", 3 / 4),  # the background has no presence
        ("presence_precision/a", 3 / 4),
        ("mean_presence_accuracy", (8 / 10 + 7 / 10) / 2),
        ("false_alarm_rate/b", 2 / 8),
        ("mean_false_alarm_rate", (1 / 6 + 2 / 8) / 2),
        ("worst_false_alarm_rate", 2 / 8),  # less of it is better: the worst is the largest
        ("worst_presence_specificity", 6 / 8),
    ],
)
def test_presence_by_hand(name, expected):
    assert score(name, {"presence": PRESENCE}, CLASSES) == pytest.approx(expected)


def test_a_false_alarm_is_the_opposite_of_specificity():
    for group in ("mean", "rare", "frequent", "worst"):
        specificity, alarms = (
            score(f"{group}_{name}", {"presence": PRESENCE}, CLASSES)
            for name in ("presence_specificity", "false_alarm_rate")
        )
        assert specificity == pytest.approx(1 - alarms)


def test_sums_of_images_are_pooled():
    images = {"presence": np.stack([PRESENCE, PRESENCE * 3])}
    assert pool(images)["presence"].tolist() == (PRESENCE * 4).tolist()


def test_every_score_says_what_it_needs_and_which_way_is_better():
    assert {kind for row in SCORES.values() for kind in row.needs} == {*KINDS_OF, "confusion"}
    minimised = {name for name, row in SCORES.items() if row.direction == "minimize"}
    assert minimised == {
        *(f"{group}_false_alarm_rate" for group in ("mean", "rare", "frequent", "worst")),
        *(f"false_alarms_at_sensitivity_{percent}" for percent in (80, 90, 95)),
        "empty_false_alarm_rate",
    }
    assert direction_of("false_alarm_rate/b") == "minimize"
    assert direction_of("iou/b") == direction_of("kappa") == "maximize"


@pytest.mark.parametrize("name", SCORES)
def test_every_score_can_be_had_of_its_sums_alone(name):
    shapes = {
        "confusion": (3, 3), "foreground": (4,), "presence_histogram": (len(CLASSES.foreground) + 1, 5, 2),
    }  # fmt: skip
    of_classes = {kind: (len(CLASSES.of(kind)), len(of_kind)) for kind, of_kind in KINDS_OF.items()}
    sums = {kind: np.ones((of_classes | shapes)[kind]) for kind in SCORES[name].needs}
    assert np.isfinite(score(name, sums, CLASSES))
    assert name in available(sums)
    assert name not in available({})


def test_the_summary_is_that_of_pixels_or_else_of_presence():
    assert [*summary({"presence": PRESENCE}, CLASSES)] == [
        *SUMMARY["presence"],
        "presence_balanced_accuracy/a",
        "presence_balanced_accuracy/b",
    ]
    both = {"presence": PRESENCE, "pixels": np.ones((3, 4))}
    assert [*summary(both, CLASSES)] == [*SUMMARY["pixels"], "iou/ground", "iou/a", "iou/b"]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("miou", MissingSums, r"'miou' needs sums of pixels, but there are sums of presence: .* mean_presence_recall"),
        ("iou/a", MissingSums, "needs sums of pixels"),
        ("isuei_sum", MissingSums, "needs sums of positive_pixels and foreground, but there are sums of presence"),
        ("siim_dice/ground", MissingSums, "needs sums of image_dice"),
        (
            "mean_presence_recal",
            ChoiceError,
            "unknown score .*: did you mean 'mean_presence_recall'",
        ),
        ("miou/a", ChoiceError, "unknown score of a class 'miou': did you mean 'iou'"),
        ("presence_recall/ground", ChoiceError, "unknown class 'ground' of the score 'presence_recall': valid: a, b"),
    ],
)
def test_refuses(name, error, message):
    with pytest.raises(error, match=message):
        score(name, {"presence": PRESENCE}, CLASSES)


def test_class_scores_are_rows_of_the_table():
    own_names = {"iou": "miou"} | {name: name for name in ("positive_iou", "positive_dice", "siim_dice")}
    assert {own_names.get(name, f"mean_{name}") for name in CLASS_SCORES} < set(SCORES)
    assert not {f"mean_{name}" for name in own_names} & set(SCORES)
