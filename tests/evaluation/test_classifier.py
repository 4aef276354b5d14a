"""A network that only says which classes are in an image, and one that also says it: from the training to the files."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from scipy.special import logit
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from rarepix import layout, records
from rarepix.scores.presence_bins import WIDTH
from tests.command import run
from tests.conftest import Finished
from trials.segment import main

CLASSES = ["block", "stripe", "dot"]
CLASSIFIER = {
    "model": {"architecture": "classifier", "encoder": "tu-lcnet_035"},
    "loss": {"name": "presence_bce"},
    "evaluate": {"objective": "mean_presence_recall", "scores": ["mean_false_alarm_rate"]},
}
BOTH = {
    "model": {"architecture": "unet", "encoder": "tu-lcnet_035", "presence": "encoder"},
    "loss": {"name": "ce+presence_bce"},
}


def trained(tiny_recipe: Path, folder: Path, sections: dict) -> Finished:
    tree = yaml.safe_load(tiny_recipe.read_text()) | sections
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(tree))
    assert main(["--recipe", str(recipe), "--results", str(folder), "--study", "s", "--trial", "one"]) == 0
    trial = layout.trial_folder(folder, "s", "one")
    return Finished(trial, records.read(trial / "record.json"))


@pytest.fixture(scope="module")
def classifier(tiny_recipe, tmp_path_factory) -> Finished:
    return trained(tiny_recipe, tmp_path_factory.mktemp("classifier"), CLASSIFIER)


@pytest.fixture(scope="module")
def both(tiny_recipe, tmp_path_factory) -> Finished:
    return trained(tiny_recipe, tmp_path_factory.mktemp("both"), BOTH)


@pytest.fixture(scope="module")
def present(tiny_voc) -> pd.DataFrame:
    """Image × class: whether any pixel has it, by its mask."""
    masks = {file.stem: np.asarray(Image.open(file)) for file in (tiny_voc / "SegmentationClass").iterdir()}
    ids = range(1, 4)
    return pd.DataFrame({name: [(mask == number).any() for number in ids] for name, mask in masks.items()}, CLASSES).T


def test_the_record_has_presence_and_no_pixels(classifier, present):
    record = classifier.record
    assert record.counts == {}
    assert set(record.sums) == {"val", "test"}
    for split, sums in record.sums.items():
        assert sums.confusion is None
        counts = pd.DataFrame({name: each.model_dump() for name, each in sums.presence.items()})
        assert list(counts) == CLASSES
        assert counts.sum().tolist() == [record.dataset.images[split]] * 3
    val = record.sums["val"].presence
    recalls = [c.tp / (c.tp + c.fn) for c in val.values() if c.tp + c.fn]
    assert record.objective.name == "mean_presence_recall"
    assert record.objective.value == pytest.approx(np.mean(recalls))


def test_the_history_has_the_scores_of_presence(classifier):
    history = pd.read_csv(classifier.folder / "history.csv")
    assert {"objective", "mean_presence_recall", "mean_false_alarm_rate", "presence_balanced_accuracy/dot"} < {*history}
    assert not {"miou", "iou/dot"} & {*history}
    assert history["val_loss"].notna().all()
    assert not (classifier.folder / "images.parquet").exists()


def test_a_test_has_the_tables_of_presence(classifier, present, tmp_path):
    assert run("test", classifier.folder, "--list", "train", "--out", tmp_path) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "calibration.csv", "curve_images.csv", "curves.png", "foreground.csv", "images.csv", "presence.csv",
        "scores.json",
    ]  # fmt: skip
    images = pd.read_csv(tmp_path / "images.csv")
    table = pd.read_csv(tmp_path / "presence.csv").set_index("class")
    assert table.index.tolist() == CLASSES
    for name, rows in images.groupby("class"):
        truth = present.loc[rows["image"], name].to_numpy()
        assert (rows["tp"] + rows["fn"] > 0).tolist() == truth.tolist()
        found = (rows["greatest_probability"] > 0.5).to_numpy()
        assert (rows["tp"] + rows["fp"] > 0).tolist() == found.tolist()
        assert table.loc[name, "balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, found))
        assert table.loc[name, "auroc"] == pytest.approx(roc_auc_score(truth, rows["greatest_probability"]))
    curve = pd.read_csv(tmp_path / "curve_images.csv")
    greatest, holds = images.groupby("image")["greatest_probability"].max(), present.any(axis=1)
    expected = [(greatest[holds[greatest.index]] > threshold).sum() for threshold in curve["threshold"]]
    assert curve["found"].tolist() == expected
    foreground = pd.read_csv(tmp_path / "foreground.csv").set_index("score")["value"]
    by_image = images.assign(has=images["tp"] + images["fn"], found=images["tp"] + images["fp"]).groupby("image")
    has, found = by_image["has"].max() == 1, by_image["found"].max() == 1
    assert 0 < has.sum() < len(has)
    assert foreground["sensitivity"] == pytest.approx(found[has].mean())
    assert foreground["empty_false_alarm_rate"] == pytest.approx(found[~has].mean())
    assert foreground["binary_accuracy"] == pytest.approx(balanced_accuracy_score(has, found))
    bins = np.floor(logit(by_image["greatest_probability"].max()) / WIDTH)
    assert foreground["foreground_auroc"] == pytest.approx(roc_auc_score(has, bins))
    assert "siim_dice" not in foreground
    document = json.loads((tmp_path / "scores.json").read_text())
    assert document["foreground"] == pytest.approx(foreground.to_dict())
    assert document["scores"]["mean_presence_balanced_accuracy"] == pytest.approx(table["balanced_accuracy"].mean())
    assert set(document["calibration_error"]) == set(CLASSES)
    calibration = pd.read_csv(tmp_path / "calibration.csv")
    assert calibration.groupby("of")["pixels"].sum().to_dict() == dict.fromkeys(CLASSES, 18)


def test_a_prediction_is_a_table(classifier, tiny_voc, tmp_path):
    assert run("predict", classifier.folder, tiny_voc / "JPEGImages", "--out", tmp_path) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["prediction.json", "predictions.csv"]
    table = pd.read_csv(tmp_path / "predictions.csv")
    assert table.columns.tolist() == ["image", "class", "present", "greatest_probability"]
    assert len(table) == 24 * 3
    assert (table["present"] == (table["greatest_probability"] > 0.5)).all()
    images_with = json.loads((tmp_path / "prediction.json").read_text())["images_with"]
    assert images_with == table.groupby("class", sort=False)["present"].sum().to_dict()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--surfaces",), "--surfaces must have"),
        (("--masks", "palette", "--legacy", "cityscapes"), "--legacy, --masks must have"),
        (("--least", "5"), "--least must have"),
    ],
)
def test_a_classifier_asked_for_masks(classifier, tmp_path, capsys, words, named):
    assert run("test", classifier.folder, "--out", tmp_path, *words) == 2
    message = capsys.readouterr().err
    assert f"rarepix: {named} predicted masks, but" in message
    assert "only says which classes are in an image (model.architecture=classifier): leave" in message
    assert not list(tmp_path.iterdir())


def test_a_classifier_asked_for_mask_files(classifier, tiny_voc, tmp_path, capsys):
    assert run("predict", classifier.folder, tiny_voc / "JPEGImages", "--masks", "classes", "--out", tmp_path) == 2
    assert "rarepix: --masks must have predicted masks, but" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_objective_of_masks_is_refused_before_the_training(tiny_recipe, tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    sections = CLASSIFIER | {"evaluate": {"objective": "miou"}}
    recipe.write_text(yaml.safe_dump(yaml.safe_load(tiny_recipe.read_text()) | sections))
    assert main(["--recipe", str(recipe), "--results", str(tmp_path), "--study", "s", "--trial", "one"]) != 0
    message = capsys.readouterr().err
    assert "evaluate.objective=miou: the score 'miou' needs sums of pixels, but there are sums of presence" in message
    assert "mean_presence_recall" in message
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_network_with_both_outputs_is_scored_by_its_masks(both, tiny_voc, tmp_path):
    assert set(both.record.counts) == set(both.record.sums) == {"val", "test"}
    assert "miou" in pd.read_csv(both.folder / "history.csv")
    assert [*both.record.curves["val"].images] == ["presence", "pixels"]
    assert run("test", both.folder, "--list", "val", "--out", tmp_path / "test") == 0
    images = pd.read_csv(tmp_path / "test" / "images.csv").set_index("class")
    assert images.loc["ground", "presence_probability"].isna().all()
    assert images.loc[CLASSES, "presence_probability"].between(0, 1).all()
    assert run("predict", both.folder, tiny_voc / "JPEGImages", "--no-overlays", "--out", tmp_path / "predicted") == 0
    table = pd.read_csv(tmp_path / "predicted" / "predictions.csv").set_index(["image", "class"])
    tested = pd.read_csv(tmp_path / "test" / "images.csv").set_index(["image", "class"])["presence_probability"]
    np.testing.assert_allclose(table.loc[tested.index, "presence_probability"], tested, atol=1e-5)
