"""A trial on soft masks: what it adds up agrees with the files, in the validation and in a test."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from rarepix import cli, layout, records
from tests.layouts import LESIONS, write_lesions
from trials.segment import main


@pytest.fixture(scope="module")
def soft_lesions(tmp_path_factory) -> Path:
    """Lesions whose edges are half of the lesion: grey values 0, 85 (a third), 170 and 255."""
    root = write_lesions(tmp_path_factory.mktemp("soft") / "eyes")
    random = np.random.default_rng(0)
    for file in sorted((root / "masks").rglob("*.png")):
        on = np.asarray(Image.open(file)) > 0
        shares = random.choice([85, 170, 255], on.shape).astype(np.uint8)
        Image.fromarray(np.where(on, shares, 0).astype(np.uint8)).save(file)
    description = json.loads((root / "dataset.json").read_text()) | {"soft": True}
    (root / "dataset.json").write_text(json.dumps(description))
    return root


@pytest.fixture(scope="module")
def trial(soft_lesions, tiny_recipe, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trial")
    tree = yaml.safe_load(tiny_recipe.read_text())
    tree["data"] |= {"source": "lesions", "root": str(soft_lesions), "split": "listed", "val_list": "test"}
    del tree["data"]["folds"]
    tree["data"]["test_list"] = None
    tree["engine"]["batch_size"] = 2
    tree |= {"loss": {"name": "ce+dice"}, "evaluate": {"objective": "mean_soft_recall", "scores": ["mean_soft_iou"]}}
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(tree))
    assert main(["--recipe", str(recipe), "--results", str(folder), "--study", "s", "--trial", "one"]) == 0
    return layout.trial_folder(folder, "s", "one")


def test_the_record_has_the_shares_of_the_files(trial, soft_lesions):
    record = records.read(trial / "record.json")
    sums = record.sums["val"]
    for name, code in LESIONS.items():
        grey = np.asarray(Image.open(soft_lesions / "masks" / code / "e.png"))
        assert sums.soft[name]["positive"] == pytest.approx((grey / 255).sum(), abs=grey.size / 254 / 2)
        assert sums.soft[name]["positive"] + sums.soft[name]["negative"] == pytest.approx(grey.size)
        on = int((grey > 127).sum())
        counts = record.counts["val"][name]
        assert (counts.tp + counts.fn, counts.fp + counts.tn) == (on, grey.size - on)
        assert sums.presence[name].tp + sums.presence[name].fn == int(on > 0)
    recalls = [each["true_positive"] / each["positive"] for each in sums.soft.values() if each["positive"]]
    assert record.objective.value == pytest.approx(np.mean(recalls))
    assert pd.read_csv(trial / "history.csv")["mean_soft_iou"].between(0, 1).all()


def test_a_test_has_the_soft_scores_of_the_validation(trial, tmp_path, monkeypatch):
    words = ["test", trial, "--part", "val", "--surfaces", "--out", tmp_path]
    monkeypatch.setattr(sys, "argv", ["rarepix", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    scores = json.loads((tmp_path / "scores.json").read_text())["scores"]
    assert scores["objective"] == pytest.approx(records.read(trial / "record.json").objective.value)
    assert scores["mean_soft_recall"] == scores["objective"]
    classes = pd.read_csv(tmp_path / "classes.csv")
    assert classes["soft_recall"].mean() == pytest.approx(scores["objective"])  # absent classes are NaN in both
    assert classes["boundary_iou"].notna().any()
