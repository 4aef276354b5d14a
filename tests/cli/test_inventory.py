"""``rarepix inventory``: tables and picture of a good dataset, all problems of a bad one."""

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
from tests.layouts import write_lesions


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command and return exit code, output and errors."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rarepix", "inventory", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return command


def masks(root: Path) -> dict[str, np.ndarray]:
    return {file.stem: np.array(Image.open(file)) for file in sorted((root / "SegmentationClass").iterdir())}


def test_a_good_dataset(run, tiny_voc, tmp_path, monkeypatch):
    monkeypatch.setenv("PICTURES", str(tiny_voc.parent))
    code, out, err = run("$PICTURES/tiny", "--out", tmp_path / "out")
    assert code == 0
    kind, pair, _ = err.splitlines()  # two pictures of the fixture look alike
    assert kind == "rarepix: nearly equal images in different lists: 1"
    assert "these images are nearly equal: img06 (train), img21 (val): what is tested" in pair
    written = {file.name for file in (tmp_path / "out").iterdir()}
    assert written == {
        "problems.csv",
        "inventory.csv", "classes.csv", "co_occurrence.csv", "objects.parquet", "imbalance.png", "imbalance.svg",
    }  # fmt: skip
    counts = pd.read_csv(tmp_path / "out" / "inventory.csv", index_col="image")
    truth = masks(tiny_voc)
    assert sorted(counts.index) == sorted(truth)
    assert counts["dot"].to_dict() == {name: (mask == 3).sum() for name, mask in truth.items()}
    classes = pd.read_csv(tmp_path / "out" / "classes.csv", index_col="class")
    assert classes["images"]["dot"] == 3
    assert classes["objects"].to_dict() == {"ground": 0, "block": 18, "stripe": 8, "dot": 3, "border": 0}
    assert classes["object_pixels"]["dot"] == 81
    for text in ("tiny: 24 images", "dot", "12.5 %", "all 96×64", "lists: train, val", str(tmp_path / "out")):
        assert text in out


def test_the_default_folder_is_among_the_results(run, tiny_voc, tmp_path, monkeypatch):
    monkeypatch.setenv("RAREPIX_RESULTS", str(tmp_path / "results"))
    assert run(tiny_voc, "--list", "val")[0] == 0
    assert len(pd.read_csv(tmp_path / "results" / "inventory" / "tiny" / "inventory.csv")) == 6


def test_an_image_in_several_lists_is_counted_once(run, damaged_voc, tmp_path):
    lists = damaged_voc / "ImageSets" / "Segmentation"
    shutil.copyfile(lists / "train.txt", lists / "again.txt")
    assert run(damaged_voc, "--list", "train", "--list", "again", "--out", tmp_path / "out")[0] == 0
    assert len(pd.read_csv(tmp_path / "out" / "inventory.csv")) == 18


def test_all_problems_are_reported_at_once(run, damaged_voc, tmp_path):
    images, labels = damaged_voc / "JPEGImages", damaged_voc / "SegmentationClass"
    (damaged_voc / "ImageSets" / "Segmentation" / "none.txt").write_text("")
    (labels / "img00.png").unlink()
    (images / "img01.jpg").write_bytes(b"no image")
    (damaged_voc / "ImageSets" / "Segmentation" / "powershell.txt").write_text("img00\n", encoding="utf-16")
    (damaged_voc / "ImageSets" / "Segmentation" / "folder.txt").mkdir()
    (labels / "img02.png").write_bytes((labels / "img02.png").read_bytes()[:60])
    Image.new("RGB", (7, 5)).save(images / "img03.jpg")
    for number in range(4, 12):
        Image.fromarray(np.full((64, 96), 9, np.uint8)).save(labels / f"img{number:02}.png")
    shutil.copyfile(images / "img20.jpg", images / "img12.jpg")
    code, out, err = run(damaged_voc, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    for text in (
        "unusable lists: 3", "none.txt must name at least one image", "powershell.txt must be UTF-8 text",
        "folder.txt must be a file that can be read, but: Is a directory", "missing files: 1", "unreadable images: 1",
        "unreadable masks: 1", "masks of another size than their image: 1", "masks with ids outside the label space: 8",
        "… and 3 more", "identical images in different lists: 1", "img12 (train), img20 (val)",
    ):  # fmt: skip
        assert text in err
    assert "Traceback" not in err
    table = pd.read_csv(tmp_path / "out" / "problems.csv", keep_default_na=False)
    assert len(table) == 17
    images_with_problems = {image for image in table["image"] if image}
    assert images_with_problems == {f"img{number:02}" for number in range(13)}
    assert "nearly equal images in different lists: 1" in err
    assert f"all 17 of them: {tmp_path / 'out' / 'problems.csv'}" in err
    assert not (tmp_path / "out" / "inventory.csv").exists()


def test_tables_of_an_earlier_run_are_removed_when_there_are_problems(run, damaged_voc, tmp_path):
    out = tmp_path / "out"
    assert run(damaged_voc, "--out", out)[0] == 0
    (out / "notes.txt").write_text("of the user")
    (damaged_voc / "SegmentationClass" / "img00.png").unlink()
    assert run(damaged_voc, "--out", out)[0] == 2
    assert {file.name for file in out.iterdir()} == {"problems.csv", "notes.txt"}


def test_a_list_named_twice_is_one_list(run, tiny_voc, tmp_path):
    code, out, err = run(tiny_voc, "--list", "val", "--list", "val", "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert "lists: val; sizes" in out


def test_assumed_classes_are_reported(run, damaged_voc, tmp_path):
    (damaged_voc / "dataset.json").unlink()
    code, _, err = run(damaged_voc, "--list", "val", "--out", tmp_path / "out")
    assert code == 0
    assert err.splitlines() == [
        f"rarepix: {damaged_voc} has no dataset.json: ids 0 to 20 are taken for background and the 20 classes of VOC "
        f"2012, 255 for ignored; if they mean something else, write {damaged_voc}/dataset.json, such as "
        '{"classes": ["background", "road", "sign"]}'
    ]


def test_duplicates_alone_are_a_warning(run, damaged_voc, tmp_path):
    images = damaged_voc / "JPEGImages"
    shutil.copyfile(images / "img01.jpg", images / "img02.jpg")
    code, out, err = run(damaged_voc, "--out", tmp_path / "out")
    assert code == 0
    assert "identical images: 1" in err
    assert "img01 (train), img02 (train), with different masks" in err
    assert "tiny: 24 images" in out
    assert (tmp_path / "out" / "problems.csv").is_file()


def test_problems_of_an_earlier_run_are_removed(run, damaged_voc, tmp_path):
    images = damaged_voc / "JPEGImages"
    kept = (images / "img02.jpg").read_bytes()
    shutil.copyfile(images / "img01.jpg", images / "img02.jpg")
    arguments = (damaged_voc, "--list", "train", "--out", tmp_path / "out")  # two images of train and val look alike
    run(*arguments)
    assert (tmp_path / "out" / "problems.csv").exists()
    (images / "img02.jpg").write_bytes(kept)
    assert run(*arguments)[0] == 0
    assert not (tmp_path / "out" / "problems.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "rarepix: the dataset must be a folder, but none does not exist"),
        (["$NO_SUCH_PLACE"], "rarepix: every variable in a path must be set"),
        (["{root}", "--source", "vox"], "rarepix: unknown data.source 'vox': did you mean 'voc'"),
        (
            ["{root}", "--list", "test", "--out", "{out}"],
            "test.txt must exist, but does not: this dataset has the lists",
        ),
    ],
)
def test_wrong_arguments(run, tiny_voc, tmp_path, arguments, message):
    code, _, err = run(*[word.format(root=tiny_voc, out=tmp_path) for word in arguments])
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_a_dataset_without_lists(run, damaged_voc, tmp_path):
    for file in (damaged_voc / "ImageSets" / "Segmentation").iterdir():
        file.unlink()
    code, _, err = run(damaged_voc, "--out", tmp_path / "out")
    assert code == 2
    assert "must have at least one list with images, but has none" in err


def test_soft_masks_and_parameters_of_the_source(run, tmp_path):
    root = write_lesions(tmp_path / "eyes")
    described = json.loads((root / "dataset.json").read_text())
    for file in (root / "masks").glob("*/*.png"):
        Image.fromarray(np.array(Image.open(file)) * 129).save(file)  # a share of 0.506
    (root / "dataset.json").write_text(json.dumps(described | {"soft": True}))
    for options in (["--set", "merge=true"], ["--merge"]):
        code, out, _ = run(root, "--source", "lesions", *options, "--out", tmp_path / "out")
        assert code == 0
        assert "masks are soft: a pixel counts as one of a class where its share is above one half" in out
        counts = pd.read_csv(tmp_path / "out" / "inventory.csv", index_col="image")
        assert counts.loc["a", "lesion"] == 4 * 6 + 6 * 6 - 2 * 4
    code, _, err = run(root, "--source", "lesions", "--merge", "--set", "merge=false", "--out", tmp_path / "out")
    assert (code, "--merge and --set merge=false say the opposite: leave one of them out" in err) == (2, True)
    code, _, err = run(root, "--source", "lesions", "--set", "above=9", "--out", tmp_path / "out")
    assert (code, "the source lesions takes merge, but got above: leave it out" in err) == (2, True)
    code, _, err = run(root, "--source", "lesions", "--set", "merge=5", "--out", tmp_path / "out")
    assert (code, "the source lesions: merge: Input should be a valid boolean" in err) == (2, True)


def deepen(root: Path) -> None:
    """Turn the images into PNG files of 16 bits whose values go up to 4080."""
    for file in (root / "JPEGImages").iterdir():
        pixels = np.asarray(Image.open(file).convert("L")).astype(np.uint16) * 16
        Image.fromarray(pixels).save(file.with_suffix(".png"))
        file.unlink()


def test_deep_images_are_counted_with_a_range_and_refused_without(run, damaged_voc, tmp_path):
    deepen(damaged_voc)
    code, _, err = run(damaged_voc, "--out", tmp_path)
    assert (code, "unreadable images: 24" in err) == (2, True)
    assert re.search(r"must have 8 bits a channel, .* uint16 with values from \d+ to \d+: give data.range, .*4095", err)
    assert run(damaged_voc, "--set", "range=[0,4095]", "--out", tmp_path)[0] == 0
    code, _, err = run(damaged_voc, "--set", "range=[4095,0]", "--out", tmp_path)
    assert (code, "range: must be a range [low, high] with low below high" in err) == (2, True)


def test_a_fourth_band_that_is_left_out_is_told(run, damaged_voc, tmp_path):
    for number, file in enumerate(sorted((damaged_voc / "JPEGImages").iterdir())):
        image = Image.open(file).convert("RGB")
        image.putalpha(Image.new("L", image.size, 255) if number < 20 else image.getchannel(0))
        image.save(file.with_suffix(".png"))
        file.unlink()
    code, _, err = run(damaged_voc, "--out", tmp_path)
    assert code == 0
    assert "bands that are left out: 1" in err
    assert "has values of its own in 4 of 24 images" in err
    assert "bands" not in run(damaged_voc, "--set", "channels=4", "--out", tmp_path)[2]
