"""A whole trial on 4 and on 13 bands: it learns, goes on after an end, and is tested, previewed and predicted."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import tifffile
import torch
import yaml
from PIL import Image

from rarepix import layout, records
from rarepix.config import load_recipe, updated
from rarepix.data.images import image_files, read_image
from rarepix.engine.module import METADATA_KEY
from rarepix.evaluation.checkpoint import load_trained_model
from rarepix.evaluation.checkpoint_weights import CheckpointError
from rarepix.evaluation.predict import predict
from rarepix.evaluation.preview import draw_preview
from rarepix.evaluation.test import run_test, select_items
from rarepix.trial.lifecycle import RunContext
from rarepix.trial.run import run as run_trial
from rarepix.wiring import build_data
from tests.conftest import CLASSES
from trials.segment import main

HIGH = 3000
"""End of the range that the recipe states; the images have 16 bits."""
BANDS = {4: None, 13: (0, HIGH)}
"""Bands → range: four of 8 bits, thirteen of 16."""


class Run(NamedTuple):
    """A trial that ran to its end, and its recipe."""

    folder: Path
    recipe: Path
    data: Path
    bands: int

    @property
    def record(self) -> records.TrialRecord:
        return records.read(self.folder / layout.RECORD)


def to_tiff(image: Path, bands: int, *, deep: bool) -> None:
    """Replace a photograph by a TIFF of so many bands: band *n* is a colour, a little darker for each three."""
    colours = np.asarray(Image.open(image).convert("RGB")).astype(np.float64)
    pixels = np.stack([colours[..., band % 3] * 0.95 ** (band // 3) for band in range(bands)], axis=2)
    stored = (pixels * HIGH / 255).astype(np.uint16) if deep else pixels.astype(np.uint8)
    tifffile.imwrite(image.with_suffix(".tif"), stored, photometric="minisblack", planarconfig="contig")
    image.unlink()


@pytest.fixture(scope="module", params=BANDS)
def run(request, tmp_path_factory, tiny_voc, tiny_recipe) -> Run:
    """A trial with everything that transforms images: resize, crop, copy-paste, geometry and texture."""
    root, bands = tmp_path_factory.mktemp("bands"), request.param
    data = Path(shutil.copytree(tiny_voc, root / "data"))
    for image in (data / "JPEGImages").iterdir():
        to_tiff(image, bands, deep=BANDS[bands] is not None)
    tree = yaml.safe_load(tiny_recipe.read_text())
    tree["data"] |= {"root": str(data), "channels": bands, "range": BANDS[bands], "resize": 80}
    tree |= {"crop": {"kind": "foreground", "size": [32, 64]}, "paste": {"kind": "copy_paste", "probability": 1.0}}
    tree["augment"] = {"scale": 0.2, "rotate": 20, "warp": 0.5, "tone": 0.5, "texture": 1.0}
    tree["evaluate"] = {"flips": ["horizontal"], "window": [64, 64]}
    (root / "recipe.yaml").write_text(yaml.safe_dump(tree))
    run = Run(layout.trial_folder(root, "s", "t"), root / "recipe.yaml", data, bands)
    assert main(words(run)) == 0
    return run


def words(run: Run) -> list[str]:
    return ["--recipe", str(run.recipe), "--results", str(run.recipe.parent), "--study", "s", "--trial", "t"]


def training_images(run: Run) -> list[np.ndarray]:
    ids = pd.read_csv(run.folder / layout.SPLIT).query("fold != 0")["image"]
    return [tifffile.imread(run.data / "JPEGImages" / f"{name}.tif").astype(np.float64) for name in ids]


def test_the_checkpoint_has_the_mean_and_standard_deviation_of_the_training_images(run):
    metadata = torch.load(run.folder / layout.CHECKPOINTS / layout.BEST, weights_only=True)[METADATA_KEY]
    pixels = np.concatenate([image.reshape(-1, run.bands) for image in training_images(run)])
    pixels = pixels / (255 if BANDS[run.bands] is None else HIGH)
    assert metadata["normalisation"]["mean"] == pytest.approx(pixels.mean(axis=0), rel=1e-5)
    assert metadata["normalisation"]["std"] == pytest.approx(pixels.std(axis=0), rel=1e-4)


def test_an_image_gets_to_the_network_normalised(run):
    trained = load_trained_model(run.folder)
    image = read_image(run.data / "JPEGImages" / "img00.tif", trained.config.data.bands)
    seen = []
    trained.module.model.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    with torch.inference_mode():
        trained.module(torch.from_numpy(image).permute(2, 0, 1)[None, :, :64, :96])
    stored = np.stack([each.mean(axis=(0, 1)) for each in training_images(run)]).mean(axis=0)  # all of one size
    squares = np.stack([(each**2).mean(axis=(0, 1)) for each in training_images(run)]).mean(axis=0)
    raw = tifffile.imread(run.data / "JPEGImages" / "img00.tif")[:64, :96]
    expected = (raw - stored) / np.sqrt(squares - stored**2)
    assert seen[0].permute(0, 2, 3, 1)[0].numpy() == pytest.approx(expected, abs=2e-3)


def test_testing_again_counts_the_same(run, tmp_path):
    trained = load_trained_model(run.folder)
    name, _, items = select_items(trained, part=None, listed=None)
    run_test(trained, items, {"tested": name}, tmp_path)
    table = pd.read_csv(tmp_path / "classes.csv").set_index("class")
    for label, counts in run.record.counts["test"].items():
        assert table.loc[label, ["tp", "fp", "fn", "tn"]].tolist() == list(counts.model_dump().values())
    assert (tmp_path / layout.EXAMPLES).is_file()


def test_predictions_agree_with_the_counts(run, tmp_path):
    trained = load_trained_model(run.folder)
    table = predict(trained, image_files(run.data / "JPEGImages"), tmp_path, form="palette", overlays=True)
    held_out = [f"img{number:02}" for number in range(18, 24)]
    predicted = table[table["image"].isin(held_out)].groupby("class")["pixels"].sum()
    ignored = sum(np.isin(np.asarray(Image.open(run.data / "SegmentationClass" / f"{name}.png")), 255).sum()
                  for name in held_out)  # fmt: skip
    counted = {name: counts.tp + counts.fp for name, counts in run.record.counts["test"].items()}
    assert sum(predicted) - sum(counted.values()) == ignored
    assert all(predicted[name] >= counted[name] for name in CLASSES)
    with Image.open(tmp_path / "overlays" / "img00.jpg") as overlay:
        assert overlay.size == (96, 64)


class Interrupted(RuntimeError):
    """Ends a trial at its second validation."""


def test_a_trial_goes_on_from_its_last_checkpoint_as_if_it_had_not_ended(run, tmp_path):
    validations = []

    def interrupt(scores: dict[str, float]) -> None:
        validations.append(scores)
        if len(validations) == 2:
            raise Interrupted("enough")

    config = load_recipe(str(run.recipe))
    context = RunContext(config=config, results=tmp_path, study="s", trial="t", parameters={}, report=interrupt)
    with pytest.raises(Interrupted):
        run_trial(context)
    record = run_trial(replace(context, report=lambda scores: None))
    assert (record.status, record.resumed_from_epoch) == (records.Status.COMPLETE, 1)
    assert record.counts == run.record.counts


def test_the_preview_shows_any_bands(run, tmp_path):
    assert draw_preview(load_recipe(str(run.recipe)), tmp_path / "preview.png", images=3) == 3
    with Image.open(tmp_path / "preview.png") as picture:
        assert np.asarray(picture).std() > 10


def test_a_checkpoint_without_its_normalisation_is_refused(run, tmp_path):
    checkpoint = torch.load(run.folder / layout.CHECKPOINTS / layout.BEST, weights_only=True)
    torch.save(checkpoint["state_dict"], tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match="must hold the mean and standard deviation of its bands"):
        load_trained_model(tmp_path / "weights.pt", recipe=str(run.recipe))


def test_hue_is_refused_for_other_than_three_bands(run):
    config = updated(load_recipe(str(run.recipe)), {"augment.hue": 0.5})
    with pytest.raises(ValueError, match=rf"data\.channels must be 3, but it is {run.bands}: leave augment\.hue out"):
        build_data(config, gpu=False)


def test_values_outside_the_range_are_told(run):
    if BANDS[run.bands] is None:
        config = updated(load_recipe(str(run.recipe)), {"data.range": (0, 100)})
    else:
        config = updated(load_recipe(str(run.recipe)), {"data.range": (0, HIGH / 2)})
    outside = np.concatenate([image.ravel() > config.data.range[1] for image in training_images(run)]).mean()
    with pytest.warns(UserWarning, match=rf"^{outside:.3%} of the values of the training images are outside"):
        build_data(config, gpu=False)
