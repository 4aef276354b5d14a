"""Wiring: what a configuration turns into, and what the data make impossible."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rarepix.config import updated
from rarepix.data.source import DataError
from rarepix.settings import ConfigError
from rarepix.wiring import build_data, build_module, describe, write_split

CLASSES = ("ground", "block", "stripe", "dot")


@pytest.fixture
def data(tiny_config):
    return build_data(tiny_config, gpu=False)


def masks(root, ids: list[str]) -> dict[str, np.ndarray]:
    return {name: np.asarray(Image.open(root / "SegmentationClass" / f"{name}.png")) for name in ids}


def test_loaders_show_the_parts(data):
    assert set(data.loaders) == {"train", "val", "test"}
    for name, loader in data.loaders.items():
        ids = [image for batch in loader for image in batch["id"]]
        known = [item.id for item in data.parts.by_name[name].items]
        assert sorted(ids) == sorted(known)
        assert (ids == known) == (name != "train")


def test_training_is_augmented_and_the_rest_is_not(tiny_config):
    config = updated(
        tiny_config, {"augment.crop": [32, 64], "sampling.kind": "inverse_log", "sampling.images_per_epoch": 40}
    )
    data = build_data(config, gpu=False)
    assert {tuple(batch["image"].shape) for batch in data.loaders["train"]} == {(4, 3, 32, 64)}
    assert len(data.loaders["train"]) == 10
    assert next(iter(data.loaders["val"]))["image"].shape[2:] == (64, 96)


@pytest.mark.parametrize(("kind", "again"), [("uniform", False), ("inverse_log", True)])
def test_weights_are_drawn_by_and_images_then_come_again(tiny_config, kind, again):
    data = build_data(updated(tiny_config, {"sampling.kind": kind}), gpu=False)
    drawn = [draw.index for draw in data.loaders["train"].sampler]
    assert (len(set(drawn)) < len(drawn) == 12) == again


@pytest.mark.parametrize("cache_gib", [0, 2])
def test_images_are_kept_in_memory_if_they_fit(tiny_config, cache_gib):
    data = build_data(updated(tiny_config, {"data.cache_gib": cache_gib}), gpu=False)
    for loader in data.loaders.values():
        assert (loader.dataset.decoded is not None) == bool(cache_gib)


def test_weights_are_those_of_the_training_images(tiny_config):
    data = build_data(updated(tiny_config, {"sampling.kind": "inverse_log"}), gpu=False)
    assert data.weights.index.tolist() == [item.id for item in data.parts.by_name["train"].items]
    rare = {"img02", "img08", "img14"} & set(data.weights.index)
    assert len(rare) == 2
    assert data.weights[sorted(rare)].nunique() == 1
    assert data.weights[sorted(rare)].min() > 2 * data.weights.median()


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"evaluate.rare": ["dott"]}, ConfigError, r"evaluate.rare must name classes .*ground, .*, but got \['dott'\]"),
        ({"data.allow_absent": ["x"]}, ConfigError, r"data.allow_absent must name classes .* but got \['x'\]"),
        ({"engine.batch_size": 13}, DataError, "it shows 12 images and engine.batch_size is 13: use"),
        ({"sampling.images_per_epoch": 3}, DataError, "it shows 3 images and engine.batch_size is 4"),
        ({"augment.crop": [96, 96]}, DataError, r"as augment.crop = 96×96 .* is 64×96 \(12 such images\): use"),
        ({"sampling.kind": "inverse"}, ValueError, "unknown sampling.kind 'inverse': did you mean 'inverse_log'"),
        ({"data.root": "nowhere"}, FileNotFoundError, "the dataset must be a folder, but nowhere does not exist"),
        ({"data.root": "$UNSET_PLACE/x"}, FileNotFoundError, "every variable in a path must be set"),
    ],
)  # fmt: skip
def test_refuses(tiny_config, parameters, error, message):
    with pytest.raises(error, match=message):
        build_data(updated(tiny_config, parameters), gpu=False)


def test_a_rare_objective_needs_rare_classes(tiny_config, damaged_voc):
    description = (damaged_voc / "dataset.json").read_text()
    (damaged_voc / "dataset.json").write_text(description.replace('"rare_classes": ["dot"]', '"rare_classes": []'))
    config = updated(tiny_config, {"data.root": str(damaged_voc), "evaluate.objective": "rare_iou"})
    with pytest.raises(ConfigError, match=r"needs rare classes, but neither evaluate\.rare nor the dataset names any"):
        build_data(config, gpu=False)
    assert build_data(updated(config, {"evaluate.rare": ["stripe"]}), gpu=False).labels.rare == ()


def test_a_rare_objective_needs_rare_classes_in_the_validation_part(tiny_config):
    """Without one in any validation image the objective would be 0 / 0."""
    config = updated(tiny_config, {"data.split": "listed", "data.val_list": "val", "data.test_list": None})
    message = r"rare_iou needs a rare class \(dot\) in the validation part, but fold 0 of split 'listed' has none"
    with pytest.raises(DataError, match=message):
        build_data(updated(config, {"evaluate.objective": "rare_iou"}), gpu=False)
    assert set(build_data(config, gpu=False).loaders) == {"train", "val"}


def test_the_description_is_what_the_masks_hold(data, tiny_config, tiny_voc):
    found = describe(data, tiny_config, "split.csv")
    assert (found.name, found.classes, found.rare, found.split) == ("tiny", CLASSES, ("dot",), "multilabel")
    assert found.images == {"train": 12, "val": 6, "test": 6}
    for split, part in data.parts.by_name.items():
        held = masks(tiny_voc, [item.id for item in part.items]).values()
        assert found.pixels[split] == sum(int((mask != 255).sum()) for mask in held)
        for index, name in enumerate(CLASSES):
            assert found.contents[split][name].pixels == sum(int((mask == index).sum()) for mask in held)
            assert found.contents[split][name].images == sum(bool((mask == index).any()) for mask in held)


def test_given_rare_classes_beat_those_of_the_dataset(tiny_config):
    config = updated(tiny_config, {"evaluate.rare": ["stripe", "block"]})
    assert describe(build_data(config, gpu=False), config, "split.csv").rare == ("stripe", "block")


def test_the_split_file_says_fold_and_contents(data, tmp_path):
    write_split(data.parts, tmp_path / "split.csv")
    table = pd.read_csv(tmp_path / "split.csv", index_col="image")
    assert table.columns.tolist() == ["fold", *CLASSES]
    assert table["fold"].value_counts().to_dict() == {0: 6, 1: 6, 2: 6}
    assert table.index[table["dot"] > 0].tolist() == ["img02", "img08", "img14"]


def test_the_module_has_a_channel_per_class(data, tiny_config):
    module = build_module(tiny_config, data.labels)
    batch = next(iter(data.loaders["val"]))
    assert module.eval()(batch["image"]).shape == (6, 4, 64, 96)


@pytest.mark.parametrize(
    "loss", [{"_name": "focal", "gamma": 3.0}, {"_name": "dice"}, {"_name": "ce", "label_smoothing": 0.1}]
)
def test_the_loss_is_the_one_asked_for(data, tiny_config, loss):
    module = build_module(updated(tiny_config, {"loss": loss}), data.labels)
    assert (module.loss.name, module.loss.ignore_index) == (loss["_name"], 255)


def devices(config, **more):
    return updated(config, {"engine.devices": 2, "evaluate.batch_size": 2} | more)


def test_a_device_gets_its_share_of_each_batch_and_of_what_is_counted(tiny_config):
    whole, first = build_data(tiny_config, gpu=False), build_data(devices(tiny_config), gpu=False)
    assert [batch["id"] for batch in first.loaders["train"]] == [batch["id"][:2] for batch in whole.loaders["train"]]
    ids = [item.id for item in whole.parts.by_name["val"].items]
    assert [batch["id"] for batch in first.loaders["val"]] == [ids[:2], ids[4:]]


def test_devices_need_images_of_one_size_or_a_crop(tiny_config, damaged_voc):
    name = next(iter(build_data(tiny_config, gpu=False).loaders["train"]))["id"][0]
    for file in (damaged_voc / "JPEGImages" / f"{name}.jpg", damaged_voc / "SegmentationClass" / f"{name}.png"):
        Image.open(file).crop((0, 0, 64, 64)).save(file)
    config = updated(tiny_config, {"data.root": str(damaged_voc), "data.split": "random"})
    build_data(config, gpu=False)
    with pytest.raises(DataError, match="engine.devices=2 needs training images of one size, but there are 2 sizes"):
        build_data(devices(config), gpu=False)
    build_data(devices(config, **{"augment.crop": [64, 64]}), gpu=False)


def test_each_device_needs_something_to_count(tiny_config):
    message = "each of 2 devices needs a batch of the part 'val', but its 6 images are 1 batches of 6: use a smaller"
    with pytest.raises(DataError, match=message):
        build_data(devices(tiny_config, **{"evaluate.batch_size": 6}), gpu=False)
