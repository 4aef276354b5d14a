"""The best trial over images: of the right trial and split, and silent where nothing is known."""

import pandas as pd
import pytest

from analysis import dataset_iou_interval
from analysis.study.best_trial import best_trial_interval, best_trial_sentence
from analysis.study.leaderboard import leaderboard

IMAGES = 12


def with_images(tables, splits=("val", "test")):
    """Two classes in twelve images; the best trial's car is found better from image to image, others find nothing."""
    best = leaderboard(tables)["trial"].iloc[0]
    rows = [
        {"trial": trial, "split": split, "image": f"{split}{image}", "class": name, "tp": tp, "fp": 3, "fn": 2, "tn": 0}
        for trial in tables.trials["trial"]
        for split in splits
        for image in range(IMAGES)
        for name, tp in (("road", 95), ("car", image if trial == best else 0))
    ]
    return tables._replace(images=pd.DataFrame(rows)), best


def test_it_is_the_first_of_the_leaderboard_on_each_split(tables):
    known, best = with_images(tables)
    result = best_trial_interval(known)
    assert result["trial"].unique().tolist() == [best]
    assert result.groupby("split", sort=False)["class"].agg(list).to_dict() == {
        "val": ["road", "car", "mean IoU"],
        "test": ["road", "car", "mean IoU"],
    }
    assert (result["n"] == IMAGES).all()
    rows = result[result["split"] == "val"].set_index("class")
    assert rows.loc["road", "iou"] == pytest.approx(0.95)
    assert rows.loc["car", "iou"] == pytest.approx(66 / (66 + 5 * IMAGES))  # tp 0 + 1 + … + 11, fp + fn 5 an image
    assert (rows["low"] <= rows["iou"]).all()
    assert (rows["iou"] <= rows["high"]).all()
    alone = dataset_iou_interval(known.images.query("trial == @best and split == 'test'"))
    pd.testing.assert_frame_equal(result[result["split"] == "test"][alone.columns].reset_index(drop=True), alone)


def test_the_sentence_names_splits_and_images(tables):
    known, _ = with_images(tables, splits=("val",))
    result = best_trial_interval(known)
    mean = result.set_index("class").loc["mean IoU"]
    sentence = best_trial_sentence(result)
    assert f"{mean['iou']:.3f} on val ({mean['low']:.3f} to {mean['high']:.3f}, n = 12 images)" in sentence
    assert sentence.endswith("On val it was chosen for this score.")
    assert "on test" not in sentence
    tested = best_trial_sentence(best_trial_interval(with_images(tables, splits=("test",))[0]))
    assert "n = 12 images" in tested
    assert "chosen" not in tested


def test_without_images_nothing_is_said(tables):
    for images in (tables.images.iloc[:0], with_images(tables)[0].images.query("trial == 'nobody'")):
        result = best_trial_interval(tables._replace(images=images))
        assert result.empty
        assert best_trial_sentence(result) == ""


def test_too_few_images_have_no_interval_and_no_sentence(tables):
    known, _ = with_images(tables)
    few = known.images[known.images["image"].isin([f"val{i}" for i in range(4)])]
    result = best_trial_interval(tables._replace(images=few))
    assert result["iou"].notna().all()
    assert result["low"].isna().all()
    assert best_trial_sentence(result) == ""
