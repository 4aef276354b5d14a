"""A trial with a gate: its record has the gate, and what is counted with it, which is what ``rarepix test`` counts."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from rarepix import layout, records
from rarepix.config import build_config, config_hash, load_recipe
from rarepix.evaluation.checkpoint import load_trained_model
from rarepix.evaluation.test import run_test, select_items
from rarepix.labels import Task
from rarepix.record_sums import record_sums
from rarepix.scores import score
from rarepix.settings import ConfigError
from tests import empty_images
from tests.conftest import Finished
from trials.segment import main


def recipe(tiny_recipe: Path, root: Path, **sections) -> Path:
    """Write a recipe of a network with presence head on binary data with empty images, a gate and *sections*."""
    data = root / "data"
    if not data.exists():
        empty_images.write(data, Task.BINARY)
    tree = yaml.safe_load(tiny_recipe.read_text())
    tree["data"] |= {"root": str(data), "folds": 2}
    tree["model"] |= {"presence": "encoder"}
    tree["engine"] |= {"epochs": 3, "batch_size": 8}
    tree |= {"loss": {"name": "ce+presence_bce"}, "crop": {"size": [32, 32]}}
    tree |= {"gate": {"kind": "presence+area", "false_alarms": 0.2}} | sections
    (root / "recipe.yaml").write_text(yaml.safe_dump(tree))
    return root / "recipe.yaml"


@pytest.fixture(scope="module")
def gated(tiny_recipe, tmp_path_factory) -> Finished:
    root = tmp_path_factory.mktemp("gated")
    words = ["--recipe", recipe(tiny_recipe, root), "--results", root, "--study", "s", "--trial", "t"]
    assert main([*map(str, words)]) == 0
    folder = layout.trial_folder(root, "s", "t")
    return Finished(folder, records.read(folder / "record.json"))


def test_the_record_has_the_gate_that_lies_beside_the_checkpoint(gated):
    tuned = gated.record.gate
    assert json.loads((gated.folder / gated.record.files["gate"]).read_text()) == tuned.model_dump(mode="json")
    assert (tuned.gate.kind, tuned.certificate.target) == ("presence+area", 0.2)
    assert tuned.certificate.rank == tuned.certificate.images // 5


@pytest.mark.parametrize("part", ["val", "test"])
def test_sums_with_the_gate_are_those_of_a_test(gated, tmp_path, part):
    trained = load_trained_model(gated.folder, gated=True)
    _, _, items = select_items(trained, part=part, listed=None)
    document = run_test(trained, items, {}, tmp_path, masks="palette")
    of_part = gated.record.gated[part]
    table = pd.read_csv(tmp_path / "classes.csv").set_index("class")
    assert list(of_part.counts) == ["nothing", "crack"]
    for class_, counts in of_part.counts.items():
        assert table.loc[class_, ["tp", "fp", "fn", "tn"]].tolist() == list(counts.model_dump().values())
    found = {item.id: np.asarray(Image.open(tmp_path / "masks" / f"{item.id}.png")).any() for item in items}
    empty = [not empty_images.drawn_image(int(name[3:]), Task.BINARY)[1].any() for name in found]
    alarms = sum(is_found and is_empty for is_found, is_empty in zip(found.values(), empty, strict=True))
    assert of_part.sums.foreground.fp == alarms
    assert of_part.sums.foreground.fp + of_part.sums.foreground.tn == sum(empty)
    sums, classes = record_sums(gated.record, part, gated=True)
    assert score("empty_false_alarm_rate", sums, classes) == pytest.approx(alarms / sum(empty))
    assert score("miou", sums, classes) == pytest.approx(document["scores"]["miou"])
    ungated = record_sums(gated.record, part)
    assert score("miou", *ungated) == pytest.approx(document["scores_without_gate"]["miou"])
    assert record_sums(gated.record.model_copy(update={"gated": {}}), part, gated=True)[0] == {}


def test_a_gate_does_not_change_what_the_search_sees(gated):
    value = score("miou", *record_sums(gated.record, "val"))
    assert gated.record.objective.value == pytest.approx(value)


def test_the_hash_of_a_configuration_without_a_gate_stays(tiny_config):
    tree = tiny_config.model_dump(mode="json")
    assert config_hash(build_config(tree | {"gate": {"kind": "none"}})) == config_hash(tiny_config)
    assert config_hash(build_config(tree | {"gate": {"kind": "area"}})) != config_hash(tiny_config)


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ({"kind": "presence"}, r"gate.kind='presence' asks for presence, but the network .* has no presence head"),
        ({"kind": "area+size"}, "a sum of different conditions"),
        ({"kind": "area", "false_alarms": 0}, "greater than 0"),
        ({"kind": "area", "best": "mean_dicee"}, "did you mean 'mean_dice'"),
    ],
)
def test_a_gate_that_cannot_be_is_refused(tiny_config, gate, message):
    with pytest.raises(ConfigError, match=message):
        build_config(tiny_config.model_dump(mode="json") | {"gate": gate})


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"gate": {"kind": "classifier"}}, "this trial trains one network: use the plan two_stage"),
        ({"gate": {"kind": "area", "best": "kappa"}}, "gate.best=kappa: the score 'kappa' needs sums of confusion"),
    ],
)
def test_a_gate_that_cannot_be_tuned_is_refused_before_the_training(tiny_recipe, tmp_path, capsys, sections, message):
    file = recipe(tiny_recipe, tmp_path, **sections)
    assert main(["--recipe", str(file), "--results", str(tmp_path), "--study", "s", "--trial", "t"]) != 0
    assert message in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.ckpt"))
    assert load_recipe(file).gate.kind == sections["gate"]["kind"]


@pytest.mark.parametrize("empties", ["left out", "wholly ignored"])
def test_a_validation_part_without_empty_images_is_refused_before_the_training(tiny_recipe, tmp_path, capsys, empties):
    file = recipe(tiny_recipe, tmp_path, gate={"kind": "area"})
    if empties == "wholly ignored":  # of what is not known, nothing says that it is empty
        for mask in (tmp_path / "data" / "SegmentationClass").iterdir():
            image = Image.open(mask)
            if not np.asarray(image).any():
                image.putdata([255] * image.width * image.height)
                image.putpalette([*image.getpalette(), *[0] * 768][:768])
                image.save(mask)
    else:
        names = [name for name in range(empty_images.IMAGES) if empty_images.drawn_image(name, Task.BINARY)[1].any()]
        listed = "".join(f"img{name:03}\n" for name in names if name < empty_images.LISTED)
        (tmp_path / "data" / "ImageSets" / "Segmentation" / "train.txt").write_text(listed)
    assert main(["--recipe", str(file), "--results", str(tmp_path), "--study", "s", "--trial", "t"]) != 0
    assert "is one without any class but the background: use another fold" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.ckpt"))


def test_one_empty_image_cannot_choose_and_certify(tiny_recipe, tmp_path, capsys):
    file = recipe(tiny_recipe, tmp_path)  # presence+area
    positive = [
        number for number in range(empty_images.LISTED) if empty_images.drawn_image(number, Task.BINARY)[1].any()
    ]
    lists = tmp_path / "data" / "ImageSets" / "Segmentation"
    for name, numbers in (("fit", [*positive[:10], 1]), ("check", [*positive[10:14], 3])):
        (lists / f"{name}.txt").write_text("".join(f"img{number:03}\n" for number in numbers))
    words = ["--recipe", str(file), "--results", str(tmp_path), "--study", "s"]
    lists = ["data.split=listed", "data.train_list=fit", "data.val_list=check"]
    words += [word for key in lists for word in ("--set", key)]
    assert main([*words, "--trial", "both"]) != 0
    assert "needs two independent empty images in the validation part" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.ckpt"))
    assert main([*words, "--trial", "one", "--set", "gate.kind=presence", "--set", "engine.epochs=1"]) == 0
