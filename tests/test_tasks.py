"""A whole trial of each task, and a test and a prediction with its network: all counts agree."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from rarepix import layout, records
from rarepix.data.images import image_files
from rarepix.evaluation.checkpoint import load_trained_model
from rarepix.evaluation.predict import predict
from rarepix.evaluation.test import run_test, select_items
from rarepix.records import TrialRecord
from tests.layouts import LESION_BOXES, LESIONS, SIZE, lines, write_lesions
from trials.segment import main

TASKS = {
    "multilabel": {"loss": {"name": "ce+l1", "temperature": 10.0}, "data": {}},
    "binary": {"loss": {"name": "dice"}, "data": {"merge": True}},
}
PIXELS = SIZE[0] * SIZE[1]


class Run(NamedTuple):
    """A trial that ran to its end."""

    folder: Path
    record: TrialRecord
    data: Path
    task: str


@pytest.fixture(scope="module", params=TASKS)
def run(request, tmp_path_factory, tiny_recipe) -> Run:
    """A trial on lesions with data.resize, and flips when evaluated."""
    root = tmp_path_factory.mktemp(request.param)
    data = write_lesions(root / "eyes")
    for name, images in {"train": "ab", "val": "c", "test": "e"}.items():
        lines(data / f"{name}.txt", *images)
    tree = yaml.safe_load(tiny_recipe.read_text())
    lists = {"train_list": "train", "val_list": "val", "test_list": "test", "split": "listed"}
    tree["data"] = {"source": "lesions", "root": str(data), "workers": 0, "resize": [64, 96], **lists}
    tree["data"] |= TASKS[request.param]["data"]
    tree |= {"loss": TASKS[request.param]["loss"], "crop": {"kind": "foreground", "size": [32, 32]}}
    tree["augment"] = {"scale": 0.2, "rotate": 20, "warp": 0.5, "tone": 0.5}
    tree["evaluate"] = {"flips": ["horizontal"]}
    tree["engine"] |= {"batch_size": 2}
    (root / "recipe.yaml").write_text(yaml.safe_dump(tree))
    words = ["--recipe", str(root / "recipe.yaml"), "--results", str(root), "--study", "s", "--trial", "t"]
    assert main(words) == 0
    folder = layout.trial_folder(root, "s", "t")
    return Run(folder, records.read(folder / "record.json"), data, request.param)


def truth(image: str) -> np.ndarray:
    """Return the true mask, H W C bool."""
    layers = np.zeros((*SIZE, len(LESIONS)), bool)
    for number, code in enumerate(LESIONS.values()):
        top, left, bottom, right = LESION_BOXES[image].get(code, (0, 0, 0, 0))
        layers[top:bottom, left:right, number] = True
    return layers


def test_counts_are_of_every_pixel_in_its_own_size(run):
    layers = truth("e")
    expected = {name: layers[..., number] for number, name in enumerate(LESIONS)}
    if run.task == "binary":
        any_of = layers.any(axis=2)
        expected = {"background": ~any_of, "lesion": any_of}
    test_counts = run.record.counts["test"]
    assert list(test_counts) == list(expected)
    for name, counts in test_counts.items():
        assert counts.tp + counts.fn == expected[name].sum()
        assert sum(counts.model_dump().values()) == PIXELS


def test_the_record_has_the_pixels_of_each_class(run):
    dataset = run.record.dataset
    assert dataset.pixels == {"train": 2 * PIXELS, "val": PIXELS, "test": PIXELS}
    masks = {image: truth(image) for image in "ab"}
    if run.task == "binary":
        lesions = sum(int(layers.any(axis=2).sum()) for layers in masks.values())
        assert (dataset.contents["train"]["lesion"].pixels, dataset.contents["train"]["lesion"].images) == (lesions, 2)
        assert dataset.rare == ("lesion",)
    else:
        for number, name in enumerate(LESIONS):
            pixels = sum(int(layers[..., number].sum()) for layers in masks.values())
            assert dataset.contents["train"][name].pixels == pixels


def test_testing_again_counts_the_same(run, tmp_path):
    trained = load_trained_model(run.folder)
    name, _, items = select_items(trained, part=None, listed=None)
    document = run_test(trained, items, {"tested": name}, tmp_path, surfaces=True, masks="classes")
    table = pd.read_csv(tmp_path / "classes.csv").set_index("class")
    for label, counts in run.record.counts["test"].items():
        assert table.loc[label, ["tp", "fp", "fn", "tn"]].tolist() == list(counts.model_dump().values())
    assert document["images"] == 1
    classes = {path.name for path in (tmp_path / "masks").iterdir()}
    assert classes == ({"lesion"} if run.task == "binary" else set(LESIONS))
    for label in classes:
        with Image.open(tmp_path / "masks" / label / "e.png") as mask:
            predicted = table.loc[label, "tp"] + table.loc[label, "fp"]
            assert (np.asarray(mask) == 255).sum() == predicted
    assert {row["class"] for row in document["presence"]} == set(run.record.counts["test"])


def test_predictions_agree_with_the_counts(run, tmp_path):
    trained = load_trained_model(run.folder)
    table = predict(trained, image_files(run.data / "images"), tmp_path, form="classes", overlays=True)
    pixels = table.set_index(["image", "class"])["pixels"].unstack().loc["e"]
    for label in pixels.index:
        counts = run.record.counts["test"][label]
        assert pixels[label] == counts.tp + counts.fp
    with Image.open(tmp_path / "overlays" / "e.jpg") as overlay:
        assert overlay.size == SIZE[::-1]
    assert json.loads((tmp_path / "prediction.json").read_text())["task"] == run.task


def test_the_network_has_the_channels_of_its_task(run):
    trained = load_trained_model(run.folder)
    assert trained.module.model.segmentation_head[0].out_channels == (1 if run.task == "binary" else 3)
    assert trained.labels.task == run.task
