"""The sums in a record as arrays. (What the search reports of them: test_trial_io.)"""

import numpy as np
import pytest
from pydantic import ValidationError

from rarepix.record_splits import ANY_CLASS, ClassCounts, PresenceHistogram, SplitSums
from rarepix.record_sums import named_scores, record_scores, record_sums
from rarepix.records import Block, Dataset, Objective, Status, TrialRecord
from rarepix.scores import IMAGE_DICE_KINDS, SOFT_KINDS, SURFACE_KINDS, MissingSums, score
from rarepix.scores.presence_bins import BINS

COUNTS = {"sky": ClassCounts(tp=6, fp=2, fn=0, tn=2), "crow": ClassCounts(tp=2, fp=0, fn=2, tn=6)}
DATASET = Dataset(
    name="", root="", inventory_hash="", split="", split_file="", classes=("sky", "crow"), rare=("crow",),
    images={"val": 4}, pixels={"val": 10}, contents={"val": {}},
)  # fmt: skip


def record(**changes) -> TrialRecord:
    fields = {
        "study": "", "trial": "t", "attempt": 1, "status": Status.COMPLETE, "started": "", "parameters": {},
        "config": {}, "config_hash": "", "block": Block(seed=0, fold=0), "versions": {}, "device": "cpu",
        "dataset": DATASET, "counts": {"val": COUNTS}, "objective": Objective(name="miou", value=0.5, epoch=1),
    }  # fmt: skip
    return TrialRecord(**fields | changes)


def test_each_kind_of_sums_is_an_array_in_the_order_of_its_classes():
    sums = SplitSums(
        confusion=((6, 0), (2, 2)),
        presence={"crow": ClassCounts(tp=1, fp=2, fn=3, tn=4)},
        soft={name: dict(zip(SOFT_KINDS, range(6), strict=True)) for name in ("crow", "sky")},
        surface={name: dict(zip(SURFACE_KINDS, (0.5, 1, 2, 3), strict=True)) for name in ("sky", "crow")},
    )
    arrays, classes = record_sums(record(sums={"val": sums}), "val")
    assert (classes.names, classes.rare, classes.background) == (("sky", "crow"), ("crow",), ("sky",))
    assert arrays["pixels"].tolist() == [[6, 2, 0, 2], [2, 0, 2, 6]]
    assert arrays["confusion"].tolist() == [[6, 0], [2, 2]]
    assert arrays["presence"].tolist() == [[1, 2, 3, 4]]
    assert arrays["soft"].tolist() == [list(range(6))] * 2
    np.testing.assert_array_equal(arrays["surface"], [[0.5, 1, 2, 3]] * 2)


def test_sums_of_images_and_the_histograms_of_presence_scores():
    """Of a histogram the record keeps the bins that hold images."""
    of_crow = PresenceHistogram(bins=(3, BINS - 1), negatives=(2, 0), positives=(1, 4))
    sums = SplitSums(
        presence={"crow": ClassCounts(tp=1, fp=2, fn=3, tn=4)},
        foreground=ClassCounts(tp=1, fp=2, fn=3, tn=4),
        positive_pixels={"crow": ClassCounts(tp=5, fp=6, fn=7, tn=8)},
        image_dice={"crow": dict(zip(IMAGE_DICE_KINDS, (1.5, 4, 3, 6), strict=True))},
        presence_histogram={"crow": of_crow, ANY_CLASS: PresenceHistogram(bins=(0,), negatives=(5,), positives=(6,))},
    )
    arrays, classes = record_sums(record(sums={"val": sums}), "val")
    assert arrays["foreground"].tolist() == [1, 2, 3, 4]
    assert arrays["positive_pixels"].tolist() == [[5, 6, 7, 8]]
    assert arrays["image_dice"].tolist() == [[1.5, 4, 3, 6]]
    histogram = arrays["presence_histogram"]
    assert histogram.shape == (2, BINS, 2)
    assert histogram[0, [3, -1]].tolist() == [[2, 1], [0, 4]]
    assert histogram[1, 0].tolist() == [5, 6]
    assert histogram.sum() == 7 + 11
    assert score("presence_auroc/crow", arrays, classes) == pytest.approx((1 / 2 + 4) / 5)


def test_a_histogram_has_counts_for_each_of_its_bins():
    with pytest.raises(ValidationError, match="as many negatives and positives as bins"):
        PresenceHistogram(bins=(1, 2), negatives=(1,), positives=(0, 1))


def test_a_record_of_schema_1_has_the_counts_of_pixels_alone():
    arrays, classes = record_sums(record(schema_version=1), "val")
    assert list(arrays) == ["pixels"]
    assert classes.background == ()


def test_a_trial_without_masks_has_no_counts_of_pixels():
    sums = SplitSums(presence={"crow": ClassCounts(tp=1, fp=2, fn=3, tn=4)})
    arrays, classes = record_sums(record(counts={}, sums={"test": sums}), "test")
    assert list(arrays) == ["presence"]
    assert classes.of("presence") == ("crow",)


def test_the_scores_that_a_recipe_names_are_its_objective_and_further_ones():
    config = {"evaluate": {"scores": ["kappa", "mean_dice"]}}
    objective = Objective(name="mean_dice", value=0.5, epoch=1)
    assert named_scores(record(config=config, objective=objective)) == ("mean_dice", "kappa")
    assert named_scores(record()) == ("miou",)  # recipes of before have no such key
    scores = record_scores(record(objective=objective), "val")
    assert scores["mean_dice"] == pytest.approx((12 / 14 + 4 / 6) / 2)
    assert "kappa" not in scores
    with pytest.raises(MissingSums, match="'kappa' needs sums of confusion, but there are sums of pixels"):
        record_scores(record(config=config), "val")
