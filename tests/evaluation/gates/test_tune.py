"""``rarepix tune`` with trained networks of every task: what is in the written files is what the gate said."""

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml
from PIL import Image

from rarepix import layout
from rarepix.config import updated
from rarepix.data.source import DataError
from rarepix.evaluation.checkpoint import load_trained_model
from rarepix.evaluation.gates.bounds import GateError, divide, one_of_each
from rarepix.evaluation.gates.tune import select_validation
from rarepix.labels import Task
from rarepix.seeding import generator
from tests import empty_images
from tests.command import run
from tests.layouts import lines
from trials.segment import main

BOTH = {"model": {"presence": "encoder"}, "loss": {"name": "ce+presence_bce"}}
CLASSIFIER = {
    "model": {"architecture": "classifier", "options": {}},
    "loss": {"name": "presence_bce"},
    "evaluate": {"objective": "mean_presence_balanced_accuracy"},
}

PRESENCE = {"kind": "presence", "classes": ["crack", "dot"], "presence": [0.3, 0.3]}


class Trained(NamedTuple):
    """A finished trial, and its data."""

    folder: Path
    data: Path
    task: Task


def train(tiny_recipe: Path, root: Path, task: Task, sections: dict, data: Path | None = None) -> Trained:
    """Train a small network for three epochs on data with empty images."""
    source = "lesions" if task is Task.MULTILABEL else "voc"
    if data is None:
        data, source = empty_images.write(root / "data", task)
    tree = yaml.safe_load(tiny_recipe.read_text())
    tree["data"] |= {"root": str(data), "source": source, "folds": 2, "test_list": "val"}
    tree["model"] |= sections["model"]
    tree["engine"] |= {"epochs": 3, "batch_size": 8}
    tree |= {"crop": {"size": [32, 32]}} | {name: keys for name, keys in sections.items() if name != "model"}
    (root / "recipe.yaml").write_text(yaml.safe_dump(tree))
    assert main(["--recipe", str(root / "recipe.yaml"), "--results", str(root), "--study", "s", "--trial", "t"]) == 0
    return Trained(layout.trial_folder(root, "s", "t"), data, task)


@pytest.fixture(scope="module", params=list(Task))
def network(request, tiny_recipe, tmp_path_factory) -> Trained:
    """A network with a presence head beside its masks."""
    return train(tiny_recipe, tmp_path_factory.mktemp(request.param), request.param, BOTH)


@pytest.fixture(scope="module")
def multiclass(tiny_recipe, tmp_path_factory) -> Trained:
    return train(tiny_recipe, tmp_path_factory.mktemp("network"), Task.MULTICLASS, BOTH)


@pytest.fixture(scope="module")
def classifier(tiny_recipe, tmp_path_factory, multiclass) -> Trained:
    """A classifier that gets images in another size, trained on the same images as ``multiclass``."""
    sections = CLASSIFIER | {"augment": {}}
    return train(tiny_recipe, tmp_path_factory.mktemp("classifier"), Task.MULTICLASS, sections, data=multiclass.data)


def gate_of(trained: Trained) -> dict:
    return json.loads((trained.folder / "checkpoints" / "gate.json").read_text())


def validation(trained: Trained) -> tuple[list[str], np.ndarray]:
    """Return the validation images, and N bool: which of them hold something."""
    items, _ = select_validation(load_trained_model(trained.folder))
    present = [empty_images.drawn_image(int(item.id[3:]), trained.task)[1].any() for item in items]
    return [item.id for item in items], np.array(present)


def found_in_masks(folder: Path, names: list[str]) -> np.ndarray:
    """Return N bool: in whose mask files anything is found."""
    files = {name: sorted(folder.rglob(f"{name}.png")) for name in names}
    assert all(files.values())
    return np.array([any(np.asarray(Image.open(file)).any() for file in files[name]) for name in names])


@pytest.mark.parametrize("kind", ["presence", "area", "presence+pixels+area"])
def test_alarms_in_the_files_are_those_that_the_gate_said(network, kind, tmp_path, capsys):
    assert run("tune", network.folder, "--false-alarms", "0.25", "--gate", kind) == 0
    printed = capsys.readouterr().out
    certificate = gate_of(network)["certificate"]
    names, positive = validation(network)
    random, units = generator(0, "gate"), np.arange(len(names))
    if sum(certificate["chosen_on"].values()):
        _, empty, with_class = divide(units, ~positive, positive, random)
    else:
        empty, with_class = (one_of_each(units, images, random) for images in (~positive, positive))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in names:
        file = next(network.data.rglob(f"*mages/{name}.*"))
        shutil.copyfile(file, pictures / file.name)
    form = "classes" if network.task is Task.MULTILABEL else "palette"
    for out, command in (
        ("tested", ["test", network.folder, "--part", "val", "--masks", form]),
        ("predicted", ["predict", network.folder, pictures]),
    ):
        assert run(*command, "--out", tmp_path / out) == 0
        found = found_in_masks(tmp_path / out / "masks", names)
        assert found[empty].sum() == certificate["alarms"] <= certificate["rank"] == len(empty) // 4
        assert found[with_class].sum() == certificate["sensitivity"]["hits"]
    assert f"{certificate['alarms']} of {len(empty)} empty images" in printed
    assert f"at most {certificate['bound']:.1%} of such images alarm" in printed
    document = json.loads((tmp_path / "tested" / "scores.json").read_text())
    assert document["gate"] == gate_of(network)
    assert run("test", network.folder, "--part", "val", "--out", tmp_path / "plain", "--no-gate") == 0
    plain = json.loads((tmp_path / "plain" / "scores.json").read_text())
    assert plain["scores"] == document["scores_without_gate"]
    assert plain["gate"] is None
    assert "scores_without_gate" not in plain


def test_a_gate_for_the_best_of_a_score(multiclass, tmp_path):
    assert run("tune", multiclass.folder, "--best", "mean_presence_accuracy", "--gate", "presence+area") == 0
    certificate = gate_of(multiclass)["certificate"]
    assert (certificate["target"], certificate["score"]) == (None, "mean_presence_accuracy")
    assert certificate["rank"] == certificate["alarms"]


def test_a_network_without_masks(classifier, tmp_path):
    assert run("tune", classifier.folder, "--false-alarms", "0.25") == 0
    certificate = gate_of(classifier)["certificate"]
    assert run("test", classifier.folder, "--part", "val", "--out", tmp_path) == 0
    document = json.loads((tmp_path / "scores.json").read_text())
    alarms = {row["class"]: row["false_positive_rate"] * row["without"] for row in document["presence"]}
    assert set(alarms) == set(certificate["alarms_by_class"])


def test_another_network_says_what_is_there(multiclass, classifier, tmp_path, capsys):
    assert run("tune", multiclass.folder, "--false-alarms", "0.25", "--classifier", classifier.folder) == 0
    assert "the classifier's probability of presence is above" in capsys.readouterr().out
    tuned = gate_of(multiclass)
    names, positive = validation(multiclass)
    _, empty, _ = divide(np.arange(len(names)), ~positive, positive, generator(0, "gate"))
    assert run("test", multiclass.folder, "--part", "val", "--masks", "palette", "--out", tmp_path) == 0
    assert found_in_masks(tmp_path / "masks", names)[empty].sum() == tuned["certificate"]["alarms"]
    moved = tuned | {"classifier": tuned["classifier"] | {"checkpoint": "0" * 64}}
    (multiclass.folder / "checkpoints" / "gate.json").write_text(json.dumps(moved))
    assert run("test", multiclass.folder, "--out", tmp_path / "other") == 2
    assert "but that is another one now: tune the gate again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"checkpoint": "0" * 64}, "is the gate of another checkpoint than .*best.ckpt"),
        ({"gate": {"kind": "area", "classes": ["crack"], "area": [3]}}, "a gate of the classes crack, but the network"),
        (
            {"gate": {"kind": "area"}},
            "must be a whole gate, but: gate.classes must be given, but is not: tune it again",
        ),
        (
            {"gate": PRESENCE | {"presence": [0.3, 1.5]}},
            "gate.presence.1: .* less than or equal to 1, but got 1.5: tune",
        ),
        ({"gate": PRESENCE | {"kind": "classifier"}}, "of kind 'classifier' must name its classifier, but got None"),
        ({"classifier": {"path": "../other.ckpt"}}, "classifier.checkpoint must be given, but is not: tune it again"),
        (
            {"classifier": {"path": "../other.ckpt", "checkpoint": "0" * 64}},
            "of kind 'presence' must ask no classifier, but got",
        ),
        ({"predicted_as": {}}, "tuned for a network that predicts in another way: evaluate.threshold is 0.5, was None"),
    ],
)
def test_a_gate_that_does_not_fit_is_refused(multiclass, tmp_path, capsys, change, message):
    assert run("tune", multiclass.folder) == 0
    file = multiclass.folder / "checkpoints" / "gate.json"
    file.write_text(json.dumps(gate_of(multiclass) | change))
    for words in (["test", multiclass.folder], ["predict", multiclass.folder, multiclass.data / "JPEGImages"]):
        capsys.readouterr()
        assert run(*words, "--out", tmp_path / "out") == 2
        assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()
    assert run("test", multiclass.folder, "--out", tmp_path / "out", "--no-gate") == 0


def test_images_of_a_list_have_their_groups_and_none_of_the_training(multiclass):
    trained = load_trained_model(multiclass.folder)
    groups = {"data.groups": {"file": "groups.csv", "image": "image", "column": "tile"}, "data.test_list": None}
    trained = trained._replace(config=updated(trained.config, groups), split_fingerprint=None)
    numbers = range(empty_images.IMAGES)

    def write(group_of) -> None:
        rows = [f"img{number:03},{group_of(number)}" for number in numbers]
        (multiclass.data / "groups.csv").write_text("\n".join(["image,tile", *rows]))

    write(lambda number: f"tile{number // 3}" if number != 80 else "tile80")
    items, of_list = select_validation(trained, listed="val")
    assert [item.id for item in items] == of_list.index.tolist()
    assert of_list.tolist() == ["tile80"] + [f"tile{number // 3}" for number in numbers[81:]]
    write(lambda number: f"tile{number % 80}")
    with pytest.raises(GateError, match="the list 'val' shares .* groups with the part 'train', such as tile"):
        select_validation(trained, listed="val")
    numbers = range(100)
    write(lambda number: number)
    with pytest.raises(DataError, match=r"must name every image that is split, but lacks img100"):
        select_validation(trained, listed="val")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--part", "vall"], "--part vall: there is no such part; use --part val"),
        (["--part", "test"], "must be tuned on the validation part, but got --part test: it is kept for the test"),
        (["--part", "train"], "--part train: the network was trained on it"),
        (["--list", "val"], "the list 'val' shares 30 with the part 'test'"),
        (["--list", "train"], "the list 'train' shares 40 with the part 'train'"),
        (["--gate", "size"], "exclude each other, such as presence+area, but got 'size'\n"),
        (["--set", "gate.kind=area"], "must be given with --gate, --false-alarms, --best and --confidence, but --set"),
        (["--gate", "classifier"], "asks a classifier: name its trial with --classifier"),
        (["--best", "miuo"], "did you mean 'miou'"),
        (["--best", "kappa"], "needs sums of confusion"),
        (["--best", "miou", "--false-alarms", "0.1"], "give one of them"),
        (["--set", "data.fold=1"], "data.fold is 1, was 0"),
    ],
)
def test_mistakes_end_with_a_message(multiclass, capsys, words, message):
    before = sorted(file.name for file in (multiclass.folder / "checkpoints").iterdir())
    assert run("tune", multiclass.folder, *words) == 2
    assert message in capsys.readouterr().err
    assert sorted(file.name for file in (multiclass.folder / "checkpoints").iterdir()) == before


def test_what_the_network_cannot_tell_is_refused(finished, classifier, multiclass, capsys):
    assert run("tune", finished.folder, "--gate", "presence") == 2
    assert "gate.kind='presence' asks for presence, but the network" in capsys.readouterr().err
    assert run("tune", classifier.folder, "--gate", "presence+area") == 2
    assert "predicts no masks: use gate.kind=presence" in capsys.readouterr().err
    assert run("tune", multiclass.folder, "--classifier", finished.folder) == 2
    assert "a classifier must say which classes are in an image, but" in capsys.readouterr().err
    file = classifier.folder / "checkpoints" / "best.ckpt"
    assert run("tune", multiclass.folder, "--classifier", file) == 2
    assert f"a classifier must be the folder of a trial, which holds its configuration, but got the file {file}" in (
        capsys.readouterr().err
    )
    assert run("tune", finished.folder, "--classifier", classifier.folder) == 2
    assert "a classifier must be of the classes of the network (multiclass: ground, block" in capsys.readouterr().err


@pytest.mark.parametrize(("kept", "message"), [(True, "no empty image (without"), (False, "no positive image (with")])
def test_images_of_one_sort_alone_are_refused(multiclass, capsys, kept, message):
    names, positive = validation(multiclass)
    some = [name for name, is_positive in zip(names, positive, strict=True) if is_positive == kept]
    lines(multiclass.data / "ImageSets" / "Segmentation" / "some.txt", *some)
    assert run("tune", multiclass.folder, "--list", "some") == 2
    assert f"has {message}" in capsys.readouterr().err
