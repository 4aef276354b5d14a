"""``rarepix init``: files for a good folder; for anything else a message, and nothing is written."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from rarepix import cli
from rarepix.config import load_recipe
from rarepix.data.synthetic import draw_full_background
from tests.layouts import write_coco, write_folders


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command and return exit code, output and errors."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rarepix", "init", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return command


def test_what_was_seen_and_what_to_do_next_is_printed(run, tiny_voc, tmp_path):
    out = tmp_path / "files"
    code, printed, errors = run(tiny_voc, "--out", out)
    assert code == 0
    assert errors.startswith("rarepix: nearly equal images in different lists: 1")  # what is odd stops nothing
    for text in (
        "tiny: layout voc", "24 images to train and validate on", "rare: dot (the dataset names them",
        "train (18 images) trains, val (6 images) validates, none is tested", "all 96×64",
        f"rarepix study run {out / 'study.yml'}", f"rarepix preview {out / 'tiny.yaml'}",
    ):  # fmt: skip
        assert text in printed
    assert {file.name for file in out.iterdir()} == {"tiny.yaml", "search_space.yml", "study.yml", "search.yml"}


def test_how_many_images_are_empty_is_told(run, tmp_path):
    draw_full_background(tmp_path / "drawn", images=40, size=(64, 64))
    code, printed, _ = run(tmp_path / "drawn", "--out", tmp_path / "files")
    learned = [
        line
        for name in ("train", "val")
        for line in (tmp_path / "drawn" / "ImageSets" / "Segmentation" / f"{name}.txt").read_text().split()
    ]
    masks = [np.asarray(Image.open(tmp_path / "drawn" / "SegmentationClass" / f"{name}.png")) for name in learned]
    empty = sum(bool(((mask == 0) | (mask == 255)).all()) for mask in masks)
    assert code == 0
    assert 0 < empty < len(learned)
    assert f"empty: {empty} of {len(learned)} images hold no class" in printed


def test_files_lie_among_the_studies_of_the_checkout_by_default(run, tmp_path, monkeypatch):
    """A folder that has the script of trials is a checkout; a folder in it is named relative to it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials" / "segment.py").touch()
    write_coco(tmp_path / "data" / "parts")
    assert run("data/parts")[0] == 0
    assert load_recipe("studies/parts/parts.yaml").data.root == "data/parts"
    study = (tmp_path / "studies" / "parts" / "study.yml").read_text()
    assert "trialCommand: python -m trials.segment --recipe studies/parts/parts.yaml --study parts" in study
    assert "trialCodeDirectory: ../.. " in study


def test_files_that_exist_stay_as_they_are_unless_forced(run, tiny_voc, tmp_path):
    (tmp_path / "study.yml").write_text("mine")
    code, printed, errors = run(tiny_voc, "--out", tmp_path)
    assert (code, printed) == (2, "")
    assert f"must not be overwritten, but {tmp_path / 'study.yml'} exist: give another folder (--out)" in errors
    assert [file.name for file in tmp_path.iterdir()] == ["study.yml"]
    assert run(tiny_voc, "--out", tmp_path, "--force")[0] == 0
    assert "trialCommand" in (tmp_path / "study.yml").read_text()


def test_a_dataset_with_problems_gets_no_files(run, tmp_path):
    root = write_folders(tmp_path / "data")
    Image.fromarray(np.zeros((5, 7), np.uint8)).save(root / "masks" / "train" / "a_mask.png")
    Image.fromarray(np.full((24, 32), 9, np.uint8)).save(root / "masks" / "val" / "c_mask.png")
    code, printed, errors = run(root, "--out", tmp_path / "files")
    assert (code, printed) == (2, "")
    for text in ("masks of another size than their image: 1", "ids outside the label space: 1", "nothing is written"):
        assert text in errors
    assert not (tmp_path / "files").exists()


def test_deep_images_are_named_with_the_range_to_give_which_goes_into_the_recipe(run, damaged_voc, tmp_path):
    for file in (damaged_voc / "JPEGImages").iterdir():
        Image.fromarray(np.asarray(Image.open(file).convert("L")).astype(np.uint16) * 16).save(file.with_suffix(".png"))
        file.unlink()
    code, _, errors = run(damaged_voc, "--out", tmp_path / "files")
    assert (code, "give data.range, for instance [0, 4095]" in errors) == (2, True)
    assert run(damaged_voc, "--set", "range=[0,4095]", "--out", tmp_path / "files")[0] == 0
    (recipe,) = (tmp_path / "files").glob("*.yaml")
    assert load_recipe(str(recipe)).data.range == (0, 4095)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: root.write_text("x"), "the dataset must be a folder, but {root} is a file"),
        (lambda root: None, "the dataset must be a folder, but {root} does not exist"),
        (lambda root: root.mkdir(), "{root} must hold a dataset of a known layout"),
        (lambda root: (root / "images").mkdir(parents=True), "for each something is missing: "),
    ],
    ids=["a file", "nothing", "an empty folder", "a folder without images"],
)
def test_what_is_no_dataset_is_refused(run, tmp_path, make, message):
    root = tmp_path / "data"
    make(root)
    code, printed, errors = run(root, "--out", tmp_path / "files")
    assert (code, printed) == (2, "")
    assert message.format(root=root) in errors
    assert not (tmp_path / "files").exists()


def test_classes_without_names_are_told_on_screen_and_in_the_recipe(run, tmp_path):
    root = write_folders(tmp_path / "data")
    (root / "dataset.json").unlink()
    code, printed, _ = run(root, "--out", tmp_path / "files")
    assert code == 0
    assert "the values in the masks are taken for 3 classes called by their numbers" in printed
    recipe = (tmp_path / "files" / "data.yaml").read_text()
    assert "# Note:" in recipe
    assert "called by their numbers" in " ".join(recipe.replace("#", "").split())


def test_parameters_of_the_source_are_written_into_the_recipe(run, tmp_path):
    root = write_folders(tmp_path / "data")
    (root / "masks" / "train" / "a_mask.png").unlink()
    code, _, errors = run(root, "--out", tmp_path / "files")
    assert code == 2
    assert "data.missing_mask=empty" in errors
    assert run(root, "--out", tmp_path / "files", "--source", "folders", "--set", "missing_mask=empty")[0] == 0
    assert load_recipe(tmp_path / "files" / "data.yaml").data.given("source") == {"missing_mask": "empty"}


def test_a_folder_that_cannot_be_written_to_is_said(run, tiny_voc, tmp_path):
    (tmp_path / "files").write_text("a file")
    code, printed, errors = run(tiny_voc, "--out", tmp_path / "files")
    assert (code, printed) == (2, "")
    assert str(tmp_path / "files") in errors
    assert "Traceback" not in errors


def test_a_dataset_is_called_as_it_says(run, tmp_path):
    root = write_folders(tmp_path / "data")
    (root / "dataset.json").write_text(json.dumps({"name": "pores & cracks", "classes": ["background", "p", "c"]}))
    assert run(root, "--out", tmp_path / "files")[0] == 0
    assert load_recipe(tmp_path / "files" / "pores_cracks.yaml").data.source == "folders"
