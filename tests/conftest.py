"""A small dataset written by hand, a recipe that trains on it in about a second, and one finished trial to share."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml
from PIL import Image

from rarepix import layout, records

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before torch is imported: tests share few cores, and tiny networks need one

CLASSES = ("ground", "block", "stripe", "dot")
RARE = "dot"
RARE_IMAGES = (2, 8, 14)
IGNORE = 255
SIZE = (64, 96)
TRAIN, VAL = range(18), range(18, 24)
COLOURS = ((90, 90, 90), (200, 60, 60), (60, 200, 60), (60, 60, 230))


@pytest.fixture(scope="session", autouse=True)
def own_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep caches and results of the tests out of the home folder and out of the checkout."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAREPIX_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("MPLBACKEND", "agg")
        for name in ("RAREPIX_RESULTS", "RAREPIX_RECIPES", "NNI_PLATFORM"):
            patch.delenv(name, raising=False)
        yield


def _mask(number: int) -> np.ndarray:
    """The ids of image *number*: a block in most, a stripe in every third, a dot in three."""
    rng = np.random.default_rng(number)
    mask = np.zeros(SIZE, np.uint8)
    shapes = []
    if number % 4 != 3:
        shapes.append((1, rng.integers(4, 24), rng.integers(4, 40), 24, 32))
    if number % 3 == 0:
        shapes.append((2, rng.integers(36, 52), 4, 6, 80))
    if number in RARE_IMAGES:
        shapes.append((3, 4, rng.integers(80, 84), 9, 9))
    for kind, top, left, height, width in shapes:
        mask[top - 1 : top + height + 1, left - 1 : left + width + 1] = IGNORE  # a border of one pixel
        mask[top : top + height, left : left + width] = kind
    return mask


def _picture(mask: np.ndarray, number: int) -> np.ndarray:
    """Colours by class, with noise."""
    colours = np.zeros((256, 3))
    colours[: len(COLOURS)] = COLOURS
    noise = np.random.default_rng(1000 + number).normal(0, 12, (*mask.shape, 3))
    return np.clip(colours[mask] + noise, 0, 255).astype(np.uint8)


def _write_voc(root: Path) -> Path:
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True)
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(COLOURS)], palette[IGNORE] = COLOURS, (224, 224, 192)
    for number in (*TRAIN, *VAL):
        mask = _mask(number)
        Image.fromarray(_picture(mask, number)).save(root / "JPEGImages" / f"img{number:02}.jpg", quality=95)
        ids = Image.fromarray(mask).convert("P")
        ids.putdata(mask.ravel().tolist())
        ids.putpalette(palette.ravel().tolist())
        ids.save(root / "SegmentationClass" / f"img{number:02}.png")
    for name, numbers in (("train", TRAIN), ("val", VAL)):
        lines = "".join(f"img{number:02}\n" for number in numbers)
        (root / "ImageSets" / "Segmentation" / f"{name}.txt").write_text(lines)
    description = {"name": "tiny", "classes": CLASSES, "palette": COLOURS, "ignore_index": IGNORE, "background": 0}
    (root / "dataset.json").write_text(json.dumps({**description, "rare_classes": [RARE], "task": "multiclass"}))
    return root


@pytest.fixture(scope="session")
def tiny_voc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset in VOC layout: 18 images to train on, 6 to test, 4 classes, the rarest in 3. Not to be changed."""
    return _write_voc(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture
def damaged_voc(tiny_voc: Path, tmp_path: Path) -> Path:
    """A fresh copy of the dataset, to be damaged."""
    return Path(shutil.copytree(tiny_voc, tmp_path / "damaged"))


@pytest.fixture(scope="session")
def tiny_recipe(tiny_voc: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe that trains the smallest network for two epochs."""
    file = tmp_path_factory.mktemp("recipes") / "tiny.yaml"
    tree = {
        "data": {"root": str(tiny_voc), "folds": 3, "workers": 0},
        "model": {
            "architecture": "unet",
            "encoder": "tu-lcnet_035",
            "options": {"decoder_channels": [16, 16, 8, 8, 8]},
        },
        "optim": {"lr": 0.01},
        "engine": {
            "epochs": 2,
            "batch_size": 4,
            "device": "cpu",
            "precision": "fp32",
            "threads": 1,
            "tensorboard": False,
            "progress": "off",
        },
    }
    file.write_text(yaml.safe_dump(tree))
    return file


@pytest.fixture
def tiny_config(tiny_recipe: Path):
    """The configuration that the recipe stands for."""
    from rarepix.config import load_recipe

    return load_recipe(tiny_recipe)


class Finished(NamedTuple):
    """A trial that ran to its end in this process."""

    folder: Path
    record: records.TrialRecord


@pytest.fixture(scope="session")
def finished(tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A complete trial, through the same entrance as any other. Not to be changed."""
    from trials.segment import main

    results = tmp_path_factory.mktemp("finished")
    assert main(["--recipe", str(tiny_recipe), "--results", str(results), "--study", "shared", "--trial", "one"]) == 0
    folder = layout.trial_folder(results, "shared", "one")
    return Finished(folder, records.read(folder / "record.json"))


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The environment for a process of its own: as small as may be, and without a GPU."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "RAREPIX_CACHE") if name in os.environ}
    return kept | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
