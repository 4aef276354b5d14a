"""``rarepix evaluate`` on trained networks: its numbers are those of the masks and of the published evaluator."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from rarepix import layout
from rarepix.data.synthetic import draw_full_background
from rarepix.evaluation.full_background import GATED, UNGATED
from rarepix.evaluation.legacy import build_legacy
from rarepix.evaluation.two_stage_numbers import ALONE, BY_CLASS, TWO_STAGES
from rarepix.labels import LabelSpace
from tests.command import run
from trials.segment import main

LABELS = LabelSpace(names=("background", "sheep", "beacon"), background=0)
PUBLISHED = {
    "IoU": "iou",
    "IoU_pos": "iou_pos",
    "Class accuracy": "class_accuracy",
    "Binary accuracy": "binary_accuracy",
}
"""Name that is printed → name of the published evaluator."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    return draw_full_background(tmp_path_factory.mktemp("drawn") / "set", images=40, size=(64, 64))


@pytest.fixture(scope="module")
def trial(drawn, tmp_path_factory):
    """Give a function that trains a network for two epochs and returns the trial's folder."""
    folder = tmp_path_factory.mktemp("trials")

    def train(name: str, model: dict, loss: dict, **data: object) -> Path:
        lists = {"split": "listed", "train_list": "train", "val_list": "val", "test_list": "test"}
        tree = {
            "data": {"root": str(drawn), "workers": 0, **lists, **data},
            "model": {"encoder": "tu-lcnet_035", **model},
            "loss": loss,
            "optim": {"lr": 0.001},
            "engine": {
                "epochs": 2,
                "batch_size": 4,
                "threads": 1,
                "precision": "fp32",
                "tensorboard": False,
                "progress": "off",
            },
            "evaluate": {"objective": "mean_presence_accuracy"},
        }
        recipe = folder / f"{name}.yaml"
        recipe.write_text(yaml.safe_dump(tree))
        assert main(["--recipe", str(recipe), "--results", str(folder), "--study", "s", "--trial", name]) == 0
        return layout.trial_folder(folder, "s", name)

    return train


@pytest.fixture(scope="module")
def first(trial) -> Path:
    return trial(
        "first", {"architecture": "classifier", "encoder": "resnet18"}, {"name": "presence_bce"}, resize=[32, 32]
    )


@pytest.fixture(scope="module")
def second(trial) -> Path:
    """With weights by which it finds something after two epochs, on empty images, too."""
    loss = {"name": "ce", "class_weights": [1, 40, 40]}
    return trial("second", {"architecture": "unet", "options": {"decoder_channels": [16, 16, 8, 8, 8]}}, loss)


def published(masks: dict[str, np.ndarray], drawn: Path) -> dict[str, float]:
    """Return the published numbers of predicted masks."""
    scorer = build_legacy("full_background", LABELS)
    for name, mask in masks.items():
        scorer.update(name, mask, np.asarray(Image.open(drawn / "SegmentationClass" / f"{name}.png")))
    return scorer.result()


@pytest.fixture(scope="module")
def predicted(second, tmp_path_factory) -> dict[str, np.ndarray]:
    """Image of the list train → mask of the second stage."""
    out = tmp_path_factory.mktemp("masks")
    assert run("test", second, "--list", "train", "--out", out, "--masks", "palette") == 0
    return {file.stem: np.asarray(Image.open(file)) for file in (out / "masks").iterdir()}


def test_one_stage_prints_and_writes_the_published_numbers(second, predicted, drawn, tmp_path, capsys):
    out = tmp_path / "numbers.json"
    assert run("evaluate", "single-stage", second, "--list", "train", "--out", out) == 0
    document = json.loads(out.read_text())
    expected = published(predicted, drawn)
    assert any(mask.any() for mask in predicted.values())  # otherwise there is little to compare
    numbers = document["numbers"]["one stage"]
    assert {name: numbers[name] for name in PUBLISHED} == pytest.approx(
        {name: expected[old] for name, old in PUBLISHED.items()}
    )
    assert numbers["empty_false_alarm_rate"] == pytest.approx(1 - expected["background_accuracy"])
    assert f"{expected['iou_pos']:.4f}" in capsys.readouterr().out
    assert document["images"] == len(predicted) == 24


def test_a_network_is_shown_without_and_with_its_gate(second, predicted, drawn, tmp_path):
    trial, out, masks = tmp_path / "trial", tmp_path / "numbers.json", tmp_path / "masks"
    shutil.copytree(second, trial)
    assert run("tune", trial, "--gate", "pixels", "--false-alarms", "0.2") == 0
    assert run("test", trial, "--list", "train", "--out", masks, "--masks", "palette") == 0
    gated = {file.stem: np.asarray(Image.open(file)) for file in (masks / "masks").iterdir()}
    assert sum(mask.any() for mask in gated.values()) < sum(mask.any() for mask in predicted.values())
    assert run("evaluate", "single-stage", trial, "--list", "train", "--out", out) == 0
    numbers = json.loads(out.read_text())["numbers"]
    assert list(numbers) == [UNGATED, GATED]
    for way, shown in {UNGATED: predicted, GATED: gated}.items():
        expected = published(shown, drawn)
        for name, old in PUBLISHED.items():
            assert numbers[way][name] == pytest.approx(expected[old]), (way, name)


def test_two_stages_are_gated_by_the_first(first, second, predicted, drawn, tmp_path):
    """At the median of its probabilities, so that the first stage empties some images and leaves others."""
    assert run("test", first, "--list", "train", "--out", tmp_path / "first") == 0
    table = pd.read_csv(tmp_path / "first" / "images.csv").pivot(
        index="image", columns="class", values="greatest_probability"
    )
    threshold = float(table.max(axis=1).sort_values().iloc[11:13].mean())
    out = tmp_path / "numbers.json"
    words = ["evaluate", "two-stage", first, second, "--list", "train", "--out", out, "--threshold", threshold]
    assert run(*words) == 0
    found = table > threshold
    kept = {name: mask * found.loc[name].any() for name, mask in predicted.items()}
    by_class = {
        name: np.where((mask == 1) & found.loc[name, "sheep"] | (mask == 2) & found.loc[name, "beacon"], mask, 0)
        for name, mask in predicted.items()
    }
    assert 0 < sum(found.any(axis=1)) < len(found)
    numbers = json.loads(out.read_text())["numbers"]
    for way, masks in {ALONE: predicted, TWO_STAGES: kept, BY_CLASS: by_class}.items():
        expected = published({name: mask.astype(np.uint8) for name, mask in masks.items()}, drawn)
        for name, old in PUBLISHED.items():
            assert numbers[way][name] == pytest.approx(expected[old]), (way, name)


def test_a_classifier_alone_has_the_numbers_of_presence(first, tmp_path, capsys):
    assert run("evaluate", "single-stage", first, "--part", "val") == 0
    numbers = json.loads((first / "evaluate" / "single-stage-val.json").read_text())["numbers"]["one stage"]
    assert (numbers["IoU"], numbers["miou"]) == (None, None)
    assert 0 <= numbers["Binary accuracy"] <= 1
    assert "absent" in capsys.readouterr().out


def test_stages_that_do_not_fit_are_refused(first, second, capsys):
    assert run("evaluate", "two-stage", second, second) == 2
    assert "a classifier must say which classes are in an image" in capsys.readouterr().err
    assert run("evaluate", "two-stage", first, first) == 2
    assert "the second stage must predict masks, but" in capsys.readouterr().err


def test_stages_of_other_classes_are_refused(finished, first, capsys):
    assert run("evaluate", "two-stage", first, finished.folder) == 2
    assert "a classifier must be of the classes of the network" in capsys.readouterr().err


def test_a_first_stage_that_knows_the_images_is_refused(trial, second, capsys):
    other = trial(
        "swapped", {"architecture": "classifier"}, {"name": "presence_bce"}, train_list="test", test_list="train"
    )
    assert run("evaluate", "two-stage", other, second) == 2
    assert (
        "must not have been trained on the images that are evaluated, but it was on 8 of 8" in capsys.readouterr().err
    )
