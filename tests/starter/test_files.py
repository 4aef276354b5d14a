"""The files that are written: what they say is what the checks and trials of rarepix take."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from rarepix.config import load_recipe, updated
from rarepix.config.yaml import RecipeLoader
from rarepix.search.checks import preflight
from rarepix.search.checks.dry_run import dry_run_problems
from rarepix.search.nni.space import corners, read_space
from rarepix.search.nni.study_file import read_study
from rarepix.search.optimizer.settings import read_settings
from rarepix.starter import StarterFiles, starter_files, write
from rarepix.starter.commented import Line, commented, flow
from rarepix.starter.machine import Machine
from tests.contracts.test_sources import LAYOUTS
from tests.layouts import lines, picture, save
from tests.starter.folders import survey, write_images

CPU, GPUS = Machine(0, 16 * 2**30, 2), Machine(2, 24 * 2**30, 16)


def files_of(root: Path, out: Path, machine: Machine = CPU, **parameters: object) -> StarterFiles:
    """Write the files for a folder."""
    files = starter_files(survey(root, **parameters), str(root), out, machine)
    write(files, force=False)
    return files


@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_every_layout_the_recipe_and_all_that_is_compared_can_train(layout, tiny_voc, tmp_path):
    _, write_layout = LAYOUTS[layout]
    root = write_layout(tmp_path / "data") if write_layout else tiny_voc
    files = files_of(root, tmp_path / "out", **({"merge": True} if "merged" in layout else {}))
    recipe = load_recipe(files.recipe)
    arguments = read_settings(read_study(files.study).tuner.classArgs)
    points = [*arguments.configurations, *corners(read_space(tmp_path / "out" / "search_space.yml"))]
    blocks = [{"seed": seed} for seed in arguments.blocks.seeds]
    assert len(points) > 5
    assert len(blocks) == 6
    assert dry_run_problems([updated(recipe, point) for point in (*points, *blocks)]) == []


def test_the_study_passes_the_check_before_it_runs(tiny_voc, tmp_path):
    files = files_of(tiny_voc, tmp_path / "of a study")
    assert preflight.check(files.study).config == load_recipe(files.recipe)


@pytest.mark.full
def test_the_search_passes_the_check_before_it_runs(tiny_voc, tmp_path):
    files = files_of(tiny_voc, tmp_path)
    assert preflight.check(files.search).space.keys() == {"optim.lr", "loss", "sampling"}


def test_every_line_has_its_reason(tiny_voc, tmp_path):
    files = files_of(tiny_voc, tmp_path)
    lines = files.recipe.read_text().splitlines()
    without = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if line.startswith("  ") and "#" not in line and not before.lstrip().startswith("#")
    ]
    assert [line for line in without if line.strip()] == []
    assert lines[0].startswith("# tiny: 24 images to train and validate on, 4 classes, 1 of them rare.")


def test_the_recipe_says_what_was_seen(tiny_voc, tmp_path):
    config = load_recipe(files_of(tiny_voc, tmp_path).recipe)
    assert (config.data.source, config.data.split, config.data.val_list) == ("voc", "listed", "val")
    assert (config.evaluate.objective, config.evaluate.rare) == ("miou", ("dot",))  # no image of val has a dot
    assert (config.model.encoder, config.model.weights) == ("tu-tf_efficientnet_lite0", "imagenet")
    assert (config.crop.size, config.engine.batch_size, config.engine.threads) == ((64, 96), 4, 1)


def test_a_class_without_pixels_is_allowed_to_be_absent(tmp_path):
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "dataset.json").write_text(json.dumps({"classes": ["background", "road", "1e-4", "a, b: c"]}))
    root = write_images(tmp_path / "data", {f"i{number}": [500, 20] for number in range(10)})
    config = load_recipe(files_of(root, tmp_path / "out").recipe)
    assert config.data.allow_absent == ("a, b: c",)
    assert config.evaluate.rare == ("1e-4",)  # a name, not a number
    assert config.evaluate.objective == "rare_iou"


def test_with_several_gpus_every_trial_has_its_own(tiny_voc, tmp_path):
    study = read_study(files_of(tiny_voc, tmp_path, GPUS).study)
    assert (study.trialConcurrency, study.gpus) == (2, 1)


def test_a_folder_is_named_as_it_was_given(tiny_voc, tmp_path, monkeypatch):
    monkeypatch.setenv("PICTURES", str(tiny_voc.parent))
    seen = survey("$PICTURES/tiny")
    for given, named in (("$PICTURES/tiny", "$PICTURES/tiny"), (str(tiny_voc), str(tiny_voc))):
        files = starter_files(seen, given, tmp_path, CPU)
        assert RecipeLoader(files.texts[files.recipe]).get_single_data()["data"]["root"] == named


def test_the_comparison_is_of_three_configurations_on_six_seeds(tiny_voc, tmp_path):
    study = read_study(files_of(tiny_voc, tmp_path).study)
    arguments = read_settings(study.tuner.classArgs)
    assert len(arguments.configurations) == 3
    assert arguments.configurations[0] == {}
    assert arguments.blocks.seeds == (1, 2, 3, 4, 5, 6)
    assert study.maxTrialNumber > 18


def test_crops_are_compared_only_where_they_are_parts_of_an_image(tiny_voc, tmp_path):
    for size, are_parts in (((32, 64), False), ((512, 640), True)):
        root = tmp_path / str(size)
        write_images(root / "data", {f"i{number}": [500] for number in range(6)}, size=size)
        files = files_of(root / "data", root)
        configurations = read_settings(read_study(files.study).tuner.classArgs).configurations
        assert ("crop" in read_space(root / "search_space.yml")) == are_parts
        assert any("crop" in configuration for configuration in configurations) == are_parts


@pytest.mark.parametrize("value", ["1e-4", "yes", "a: b", "#1", "", None, 0.005, [1, 2], {"a": ["x, y", "1e5"]}, "é"])
def test_values_are_read_back_as_they_were(value):
    (line,) = commented([Line("key", value, "a reason\nof two lines")])
    assert RecipeLoader(line).get_single_data() == {"key": value}
    assert yaml.safe_load(f"key: {flow(value)}") == {"key": value}


@pytest.mark.parametrize("small", [6, 40])  # 1 % and 8 % of the pixels: rare, and not
def test_crops_name_their_classes_where_the_dataset_has_no_background(small, tmp_path):
    """A table of colours says neither background nor rare classes: the rare ones count, or all but the commonest."""
    for number in range(6):
        mask = np.zeros((256, 640, 3), np.uint8)
        mask[:small, :320] = (200, 0, 0)
        save(picture(number, mask.shape[:2]), tmp_path / "data" / "images" / f"i{number}.png")
        save(mask, tmp_path / "data" / "masks" / f"i{number}.png")
    lines(tmp_path / "data" / "class_dict.csv", "name,r,g,b", "ground,0,0,0", "spot,200,0,0")
    files = files_of(tmp_path / "data", tmp_path / "out")
    recipe = load_recipe(files.recipe)
    configurations = read_settings(read_study(files.study).tuner.classArgs).configurations
    assert configurations[1] == {"crop": {"_name": "class_centred", "probability": 0.5, "classes": ["spot"]}}
    points = [*configurations, *corners(read_space(tmp_path / "out" / "search_space.yml"))]
    assert dry_run_problems([updated(recipe, point) for point in points]) == []
