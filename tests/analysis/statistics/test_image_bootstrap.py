"""The interval of a pooled IoU over images: the value, the resampling, and what has no interval."""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import image_bootstrap
from analysis.statistics.image_bootstrap import MEAN, dataset_iou_interval


def counts(per_class: dict[str, list[tuple[int, int, int]]]) -> pd.DataFrame:
    """Class → (tp, fp, fn) of each image."""
    return pd.DataFrame(
        [
            {"trial": "t", "split": "test", "image": i, "class": name, "tp": tp, "fp": fp, "fn": fn, "tn": 0}
            for name, images in per_class.items()
            for i, (tp, fp, fn) in enumerate(images)
        ]
    )


def drawn(images: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return counts({name: [tuple(rng.integers(1, 100, 3)) for _ in range(images)] for name in ("road", "car")})


def test_value_is_pooled_not_averaged():
    rows = dataset_iou_interval(counts({"road": [(90, 5, 5), (0, 1, 9)] * 3})).set_index("class")
    assert rows.loc["road", "iou"] == pytest.approx(90 / 110)
    assert rows.loc[MEAN, "iou"] == pytest.approx(90 / 110)
    assert (rows["n"] == 6).all()


def test_interval_is_that_of_resampled_images():
    """Plain resampling of image numbers: the expansion is small where there are many images."""
    images = drawn(200)
    rows = dataset_iou_interval(images).set_index("class")
    road = images[images["class"] == "road"][["tp", "fp", "fn"]].to_numpy()
    rng = np.random.default_rng(1)
    sums = np.array([road[rng.integers(0, 200, 200)].sum(axis=0) for _ in range(4000)])
    low, high = np.quantile(sums[:, 0] / sums.sum(axis=1), [0.025, 0.975])
    assert rows.loc["road", ["low", "high"]].tolist() == pytest.approx([low, high], abs=0.1 * (high - low))


def test_classes_of_one_image_stay_together():
    """Two classes with the same counts: their mean is as unsure as either."""
    one = [tuple(row) for row in np.random.default_rng(0).integers(1, 50, (40, 3))]
    rows = dataset_iou_interval(counts({"a": one, "b": one})).set_index("class")
    width = rows["high"] - rows["low"]
    assert width[MEAN] == pytest.approx(width["a"], rel=0.05)  # independent classes would make it 0.7 of that


def test_an_absent_class_is_nan_and_not_in_the_mean():
    rows = dataset_iou_interval(counts({"road": [(8, 1, 1)] * 9 + [(2, 4, 4)], "car": [(0, 0, 0)] * 10}))
    rows = rows.set_index("class")
    assert np.isnan(rows.loc["car", ["iou", "low", "high"]].tolist()).all()
    assert rows.loc["car", "images"] == 0
    assert rows.loc[MEAN, "iou"] == rows.loc["road", "iou"]
    assert rows.loc[MEAN, "low"] < rows.loc[MEAN, "high"]


def test_a_class_in_four_images_has_no_interval_and_neither_has_the_mean():
    rows = dataset_iou_interval(counts({"road": [(8, 1, 1)] * 10, "car": [(3, 1, 1)] * 4 + [(0, 0, 0)] * 6}))
    assert rows["low"].isna().tolist() == [False, True, True]
    assert rows["iou"].notna().all()


def test_one_large_object_among_small_ones_leaves_few_effective_images():
    """Unions 1000 and 20 x 10: 1200² / (1000² + 20 x 10²) = 1.44 images of equal weight."""
    rows = dataset_iou_interval(counts({"road": [(800, 100, 100)] + [(8, 1, 1)] * 20})).set_index("class")
    assert rows.loc["road", "effective_images"] == pytest.approx(1200**2 / (1000**2 + 20 * 100))
    assert np.isnan(rows.loc["road", "low"])
    equal = dataset_iou_interval(counts({"road": [(8, 1, 1), (7, 2, 1)] * 10})).set_index("class")
    assert equal.loc[["road", MEAN], "effective_images"].tolist() == pytest.approx([20, 20])


def test_an_image_without_a_row_for_a_class_holds_none_of_it():
    images = counts({"road": [(8, 1, 1)] * 10, "car": [(3, 1, 1)] * 5 + [(0, 0, 0)] * 5})
    sparse = images[(images["class"] == "road") | (images["tp"] > 0)]
    pd.testing.assert_frame_equal(dataset_iou_interval(images), dataset_iou_interval(sparse))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="fn"), "must have the columns"),
        (lambda t: pd.concat([t, t.assign(trial="u")]), "must be of one trial"),
        (lambda t: pd.concat([t, t.assign(split="val")]), "must be of one split"),
        (lambda t: pd.concat([t, t]), "each image must have each class once"),
        (lambda t: t.iloc[:0], "the table is empty"),
    ],
)
def test_other_tables_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataset_iou_interval(change(drawn(6)))


def test_pieces_that_fit_into_memory_change_nothing(monkeypatch):
    images = counts({"road": [(8, 1, 1), (7, 2, 1)] * 10, "car": [(3, 1, 1), (0, 0, 0)] * 10})
    whole = dataset_iou_interval(images)
    monkeypatch.setattr(image_bootstrap, "AT_ONCE", 20 * 7)  # seven resamples of twenty images, and a rest
    pd.testing.assert_frame_equal(dataset_iou_interval(images), whole)
