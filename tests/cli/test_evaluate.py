"""``rarepix test`` and ``rarepix predict`` on a finished trial: what they write, and that it agrees."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rarepix import cli

NAMES = ["ground", "block", "stripe", "dot"]


@pytest.fixture
def run(monkeypatch, capsys):
    """Give a function that runs the command line and returns exit code, output and errors."""

    def command(*words) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rarepix", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return command


def read(folder: Path) -> dict:
    return json.loads((folder / "scores.json").read_text())


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_test_has_the_counts_of_the_trial(run, finished, tmp_path, part):
    code, out, _ = run("test", finished.folder, "--part", part, "--out", tmp_path)
    assert code == 0
    assert f"scores, tables and pictures: {tmp_path}" in out
    table = pd.read_csv(tmp_path / "classes.csv").set_index("class")
    for name, counts in finished.record.counts[part].items():
        assert table.loc[name, ["tp", "fp", "fn", "tn"]].tolist() == list(counts.model_dump().values())
    if part == "val":
        assert read(tmp_path)["scores"]["objective"] == pytest.approx(finished.record.objective.value, abs=1e-12)


@pytest.fixture(scope="module")
def tested(finished, tmp_path_factory) -> Path:
    """Everything that a test can write, of the list ``train``, which holds all classes."""
    out = tmp_path_factory.mktemp("tested")
    words = ["test", finished.folder, "--list", "train", "--out", out, "--surfaces", "--masks", "palette"]
    words += ["--legacy", "cityscapes", "--legacy", "voc_imbalance", "--least", "5"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["rarepix", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code
    return out


def test_tables_agree_with_the_masks_that_were_kept(tested, tiny_voc):
    images = pd.read_csv(tested / "images.csv").set_index(["image", "class"])
    assert len(images) == 18 * 4
    for file in sorted((tested / "masks").iterdir()):
        predicted = np.asarray(Image.open(file))
        truth = np.asarray(Image.open(tiny_voc / "SegmentationClass" / file.name))
        for number, name in enumerate(NAMES):
            row = images.loc[(file.stem, name)]
            counted = truth != 255
            assert row["tp"] == ((predicted == number) & (truth == number)).sum()
            assert row["fp"] == ((predicted == number) & (truth != number) & counted).sum()
            assert (row["greatest_probability"] > 0.25) or not (predicted == number).any()
    assert len(list((tested / "masks").iterdir())) == 18


def test_the_confusion_matrix_is_that_of_the_masks_that_were_kept(tested, tiny_voc):
    expected = np.zeros((4, 4), int)
    for file in (tested / "masks").iterdir():
        predicted = np.asarray(Image.open(file))
        truth = np.asarray(Image.open(tiny_voc / "SegmentationClass" / file.name))
        np.add.at(expected, (truth[truth != 255], predicted[truth != 255]), 1)
    table = pd.read_csv(tested / "confusion.csv").set_index("true")
    assert table.index.tolist() == table.columns.tolist() == NAMES
    assert table.to_numpy().tolist() == read(tested)["confusion"] == expected.tolist()


def test_a_test_has_the_further_scores_that_are_named(run, finished, tmp_path):
    words = ["--set", "evaluate.scores=[kappa, recall/dot]", "--set", "evaluate.objective=mean_dice"]
    code, out, _ = run("test", finished.folder, "--list", "train", "--out", tmp_path, *words)
    assert code == 0
    scores, classes = read(tmp_path)["scores"], pd.read_csv(tmp_path / "classes.csv").set_index("class")
    assert scores["recall/dot"] == pytest.approx(classes.loc["dot", "recall"])
    assert scores["objective"] == scores["mean_dice"] == pytest.approx(classes["dice"].mean())
    assert re.search(rf"^  kappa +{scores['kappa']:.4f}$", out, re.MULTILINE)


def test_scores_are_functions_of_the_images_table(tested):
    images = pd.read_csv(tested / "images.csv").groupby("class")[["tp", "fp", "fn"]].sum().loc[NAMES]
    expected = images["tp"] / images.sum(axis=1)
    document = read(tested)
    assert [document["scores"][f"iou/{name}"] for name in NAMES] == pytest.approx(expected.tolist())
    assert document["scores"]["miou"] == pytest.approx(expected.mean())
    assert (document["tested"], document["images"], document["absent"]) == ("train", 18, "skip")


def test_published_evaluators_agree_with_our_scores(tested):
    document = read(tested)
    assert set(document["legacy"]) == {"cityscapes", "voc_imbalance"}
    assert document["legacy"]["cityscapes"]["miou"] == pytest.approx(
        document["scores"]["miou"], abs=1e-9
    )  # none is absent


def test_surfaces_presence_and_calibration_are_there(tested):
    classes = pd.read_csv(tested / "classes.csv")
    assert classes["boundary_iou"].between(0, 1).all()
    assert classes["surface_dice"].between(0, 1).all()
    presence = pd.read_csv(tested / "presence.csv").set_index("class")
    assert presence.loc["ground", "with"] == 18
    assert (presence["with"] + presence["without"] == 18).all()
    assert 0 <= read(tested)["calibration_error"]["all"] <= 1
    calibration = pd.read_csv(tested / "calibration.csv")
    images = pd.read_csv(tested / "images.csv")
    assert calibration["pixels"].sum() == images.loc[images["class"] == "ground", ["tp", "fp", "fn", "tn"]].sum().sum()


@pytest.mark.parametrize("name", ["examples.png", "worst.png", "scores.png"])
def test_pictures_are_drawn(tested, name):
    with Image.open(tested / name) as picture:
        assert min(picture.size) > 200
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 20


def test_flips_windows_scales_and_resizing_change_the_predictions(run, finished, tmp_path):
    """Each gives other counts, from the same network, of the same native pixels."""
    ways = {
        "plain": [],
        "flipped": ["--set", "evaluate.flips=[horizontal]"],
        "windows": ["--set", "evaluate.window=[32, 64]"],
        "scales": ["--set", "evaluate.scales=[0.75, 1.0]"],
        "resized": ["--set", "data.resize=[32, 64]"],
    }
    true_positives = {}
    for name, words in ways.items():
        assert run("test", finished.folder, "--list", "val", "--out", tmp_path / name, *words)[0] == 0
        table = pd.read_csv(tmp_path / name / "images.csv")
        true_positives[name] = tuple(table["tp"])
        # counted at native resolution whatever the network was given
        assert (table.groupby("image")[["tp", "fp", "fn", "tn"]].sum().sum(axis=1) <= 4 * 64 * 96).all()
        assert table.groupby("class")[["tp", "fn"]].sum().sum(axis=1).tolist() == pd.read_csv(
            tmp_path / "plain" / "images.csv"
        ).groupby("class")[["tp", "fn"]].sum().sum(axis=1).tolist()  # fmt: skip
    assert len(set(true_positives.values())) == len(true_positives)


def test_predicts_a_folder_as_the_test_did(run, finished, tiny_voc, tested, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for file in (tested / "masks").iterdir():
        shutil.copyfile(tiny_voc / "JPEGImages" / f"{file.stem}.jpg", images / f"{file.stem}.jpg")
    code, out, _ = run("predict", finished.folder, images, "--out", tmp_path / "out")
    assert code == 0
    assert out.startswith("ground: in 18 of 18 images")
    table = pd.read_csv(tmp_path / "out" / "predictions.csv").set_index(["image", "class"])
    differing = 0
    for file in (tested / "masks").iterdir():
        mask = Image.open(tmp_path / "out" / "masks" / file.name)
        assert mask.mode == "P"
        assert mask.getpalette()[:3] == [90, 90, 90]
        differing += int((np.asarray(mask) != np.asarray(Image.open(file))).sum())
        for number, name in enumerate(NAMES):
            assert table.loc[(file.stem, name), "pixels"] == (np.asarray(mask) == number).sum()
        with Image.open(tmp_path / "out" / "overlays" / f"{file.stem}.jpg") as overlay:
            assert overlay.size == mask.size
    assert differing == 0
    document = json.loads((tmp_path / "out" / "prediction.json").read_text())
    assert document["images"] == 18
    assert document["pixels"]["ground"] == table.xs("ground", level="class")["pixels"].sum()


def test_a_photograph_is_predicted_as_it_is_seen_and_hidden_files_are_told(run, finished, tiny_voc, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    photograph = Image.open(tiny_voc / "JPEGImages" / "img00.jpg")
    photograph.rotate(90, expand=True).save(images / "turned.png", exif=exif)
    photograph.save(images / "plain.png")
    (images / "._plain.png").write_bytes(b"\0\5\x16\7")
    code, _, err = run("predict", finished.folder, images, "--out", tmp_path / "out")
    assert (code, "1 hidden file is left out: ._plain.png" in err) == (0, True)
    plain, turned = (np.asarray(Image.open(tmp_path / "out" / "masks" / f"{n}.png")) for n in ("plain", "turned"))
    assert plain.shape == (64, 96)
    assert np.array_equal(plain, turned)
    with Image.open(tmp_path / "out" / "overlays" / "turned.jpg") as overlay:
        assert overlay.size == (96, 64)


def test_predicts_a_file_per_class(run, finished, tiny_recipe, tiny_voc, tmp_path):
    checkpoint = finished.folder / "checkpoints" / "best.ckpt"
    words = ["--recipe", tiny_recipe, "--masks", "classes", "--no-overlays", "--out", tmp_path]
    assert run("predict", checkpoint, tiny_voc / "JPEGImages", *words)[0] == 0
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["block", "dot", "stripe"]  # no background
    table = pd.read_csv(tmp_path / "predictions.csv").set_index(["image", "class"])
    block = np.asarray(Image.open(tmp_path / "masks" / "block" / "img00.png"))
    assert set(np.unique(block)) <= {0, 255}
    assert (block == 255).sum() == table.loc[("img00", "block"), "pixels"]
    assert not (tmp_path / "overlays").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--part", "tset"], "unknown part 'tset': did you mean 'test'"),
        (["--list", "trian"], r"trian.txt must exist"),
        (["--part", "val", "--list", "val"], "give one of them"),
        (["--part", "val", "--set", "seed=7"], "the data must be split as in the network's trial, .* seed is 7, was 0"),
        (["--set", "data.fold=1"], "data.fold is 1, was 0"),
        (["--set", "engine.device=gpu"], "engine.device=gpu needs a GPU"),
        (["--masks", "png"], "unknown form of masks 'png'"),
        (["--legacy", "citiscapes"], "did you mean 'cityscapes'"),
        (["--legacy", "polyp", "--set", "evaluate.threshold=2"], "less than 1"),
        (["--set", "model.encoder=resnet18"], "must fit the network in every weight"),
        (["--set", "evaluate.objective=mean_false_alarm_rate"], "use its opposite, mean_presence_specificity"),
        (["--set", "evaluate.scores=[mean_soft_iou]"], "needs sums of soft, but there are sums of"),
    ],
)
def test_mistakes_end_with_a_message(run, finished, tmp_path, monkeypatch, words, message):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, _, errors = run("test", finished.folder, "--out", tmp_path, *words)
    assert code == 2
    assert errors.startswith("rarepix: ")
    assert "Traceback" not in errors
    assert re.search(message, errors)
    assert not list(tmp_path.iterdir())


def test_a_dataset_of_other_classes_is_refused(run, finished, damaged_voc, tmp_path):
    described = json.loads((damaged_voc / "dataset.json").read_text())
    described["classes"] = ["ground", "stripe", "block", "dot"]
    (damaged_voc / "dataset.json").write_text(json.dumps(described))
    code, _, errors = run("test", finished.folder, "--set", f"data.root={damaged_voc}", "--out", tmp_path / "out")
    assert code == 2
    assert "was trained on multiclass classes ground, block, stripe, dot, but the dataset" in errors
