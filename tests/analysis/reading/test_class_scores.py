"""Scores of classes as tables, against those of ``rarepix.scores``."""

import numpy as np
import pandas as pd
import pytest

from analysis.reading.class_scores import frequent_class_baseline, scores_by_split
from analysis.reading.parameters import flatten, settings_text
from rarepix import scores
from rarepix.records import Block, TrialRecord


def make_classes(truth: dict[str, int], total: int) -> pd.DataFrame:
    rows = [
        {"class": name, "tp": 0, "fp": 0, "fn": n, "tn": total - n, "rare": name == "c"} for name, n in truth.items()
    ]
    return pd.DataFrame(rows)


def test_baseline_is_the_share_over_the_number_of_present_classes():
    """70 of 100 pixels: IoU .7 for that class, 0 for the two others, nothing for the absent one."""
    constant = frequent_class_baseline(make_classes({"a": 20, "b": 70, "c": 10, "d": 0}, 100))
    np.testing.assert_allclose(constant["iou"], [0, 0.7, 0, np.nan])
    assert scores.mean(constant["iou"]) == pytest.approx(0.7 / 3)


def test_baseline_counts_are_those_of_a_constant_prediction():
    """Against counting the pixels one by one."""
    truth = np.repeat([0, 1, 2], [20, 70, 10])
    constant = frequent_class_baseline(make_classes({"a": 20, "b": 70, "c": 10}, 100))
    for c in range(3):
        expected = [((truth == c) & (c == 1)).sum(), ((truth != c) & (c == 1)).sum(), ((truth == c) & (c != 1)).sum()]
        assert constant.iloc[c][["tp", "fp", "fn"]].tolist() == expected


def test_of_two_equally_frequent_classes_one_is_predicted():
    constant = frequent_class_baseline(make_classes({"a": 50, "b": 50}, 100))
    np.testing.assert_allclose(constant["iou"], [0.5, 0])


def test_flatten_nested_twice():
    nested = {"model": {"_name": "unet", "encoder": {"_name": "resnet34", "depth": 5}}, "optim.lr": 0.1}
    expected = {
        "model.architecture": "unet",
        "model.encoder.name": "resnet34",
        "model.encoder.depth": 5,
        "optim.lr": 0.1,
    }
    assert flatten(nested) == expected


def test_settings_survive_a_shell():
    record = TrialRecord.model_construct(
        settings={"engine.epochs": 1, "c": False, "data.root": "$HERE"},
        parameters={"a": "two words", "b": [1, 2], "c": True, "optim.lr": 1e-05},
        block=Block(seed=3, fold=1),
        config={"data": {"root": "data/demo"}},
    )
    assert settings_text(record) == (
        "--set engine.epochs=1 --set c=true --set 'a=two words' --set 'b=[1, 2]' --set optim.lr=1e-05 "
        "--set seed=3 --set data.fold=1 --set data.root=data/demo"
    )


def test_all_trials_at_once_get_what_each_gets_alone(tables):
    together = scores_by_split(tables.classes)
    assert together.columns.tolist() == [
        f"{split}_{name}" for split in ("val", "test") for name in ("miou", "rare_iou", "worst_iou")
    ]
    for (trial, split), rows in tables.classes.groupby(["trial", "split"]):
        alone = scores.groups(rows["iou"], rows["class"], rows.loc[rows["rare"], "class"])
        for name, group in (("miou", "mean"), ("rare_iou", "rare"), ("worst_iou", "worst")):
            assert together.loc[trial, f"{split}_{name}"] == pytest.approx(alone[group], nan_ok=True)
