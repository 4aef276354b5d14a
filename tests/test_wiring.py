"""Wiring: the objects that a configuration describes, and the data that it does not fit."""

import pytest
import torch

from rarepix.config import updated
from rarepix.data.source import DataError
from rarepix.data.transforms.paste import PasteOutcome
from rarepix.settings import ConfigError
from rarepix.wiring import build_data, build_module, network, try_step


@pytest.fixture
def data(tiny_config):
    return build_data(tiny_config, gpu=False)


def test_loaders_yield_the_splits(data):
    assert set(data.loaders) == {"train", "val", "test"}
    for name, loader in data.loaders.items():
        ids = [image for batch in loader for image in batch["id"]]
        expected = [item.id for item in data.splits.by_name[name].items]
        assert sorted(ids) == sorted(expected)
        assert (ids == expected) == (name != "train")


def test_training_is_augmented_and_the_rest_is_not(tiny_config):
    config = updated(
        tiny_config, {"crop.size": [32, 64], "sampling.kind": "inverse_log", "sampling.images_per_epoch": 40}
    )
    data = build_data(config, gpu=False)
    assert {tuple(batch["image"].shape) for batch in data.loaders["train"]} == {(4, 3, 32, 64)}
    assert len(data.loaders["train"]) == 10
    assert next(iter(data.loaders["val"]))["image"].shape[2:] == (64, 96)


@pytest.mark.parametrize(("kind", "again"), [("uniform", False), ("inverse_log", True)])
def test_images_that_are_drawn_by_weight_can_repeat(tiny_config, kind, again):
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
    assert data.weights.index.tolist() == [item.id for item in data.splits.by_name["train"].items]
    rare = {"img02", "img08", "img14"} & set(data.weights.index)
    assert len(rare) == 2
    assert data.weights[sorted(rare)].nunique() == 1
    assert data.weights[sorted(rare)].min() > 2 * data.weights.median()


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"engine.batch_size": 13}, DataError, "it shows 12 images and engine.batch_size is 13: use"),
        ({"sampling.images_per_epoch": 3}, DataError, "it shows 3 images and engine.batch_size is 4"),
        (
            {"sampling": {"_name": "inverse_log", "published": True}}, DataError,
            "sampling.kind=inverse_log: the published weight of a group, .* needs N > 1 images, but ground has one",
        ),
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


ABSENT = r"must name classes of the dataset \(ground, .*, dot\), but got \['dott'\]: did you mean 'dot'\? take"


@pytest.mark.parametrize(
    ("key", "parameters"),
    [
        ("evaluate.rare", {"evaluate.rare": ["dott"]}),
        ("data.allow_absent", {"data.allow_absent": ["dott"]}),
        ("data.scarcity.classes", {"data.scarcity": {"classes": ["dott"], "keep": 0.5}}),
        ("crop.classes", {"crop": {"_name": "foreground", "classes": ["dott"]}, "crop.size": [32, 32]}),
        ("paste.classes", {"paste": {"_name": "copy_paste", "donors": "listed", "classes": ["dott"]}}),
    ],
)
def test_classes_that_do_not_exist(tiny_config, key, parameters):
    with pytest.raises(ConfigError, match=f"{key} {ABSENT}"):
        build_data(updated(tiny_config, parameters), gpu=False)


def test_subsampling_happens_before_the_list_is_split(tiny_config):
    config = updated(tiny_config, {"data.scarcity": {"classes": ["stripe"], "keep": 0.5}})
    data = build_data(config, gpu=False)
    held = data.splits.by_name["train"].inventory["stripe"], data.splits.by_name["val"].inventory["stripe"]
    assert [int((column > 0).sum()) for column in held] == [2, 1]  # of six images with a stripe three are left
    assert len(data.splits.thinned) == 3
    left = [item.id for name in ("train", "val") for item in data.splits.by_name[name].items]
    assert set(data.splits.folds.index) == set(left)


@pytest.mark.parametrize(
    ("sampling", "images"),
    [
        ({"_name": "uniform"}, 12),
        ({"_name": "duplicate"}, 24),
        ({"_name": "rare_class", "added": True}, 24),
        ({"_name": "inverse_log", "by": "cluster"}, 12),
        ({"_name": "over"}, 22),  # 11 of the 12 images have foreground
        ({"_name": "mixed"}, 12),
        ({"_name": "foreground_only"}, 11),
    ],
)
def test_an_epoch_is_as_long_as_its_sampling(tiny_config, sampling, images):
    data = build_data(updated(tiny_config, {"sampling": sampling}), gpu=False)
    assert len(data.loaders["train"].sampler) == images
    fixed = updated(tiny_config, {"sampling": sampling, "sampling.steps_per_epoch": 5})
    assert len(build_data(fixed, gpu=False).loaders["train"]) == 5


EMPTY = "img07"
"""The training image without foreground; the validation part has the other, img11."""


def test_images_with_foreground_and_empty_ones_are_drawn_apart(tiny_config):
    config = updated(tiny_config, {"sampling": {"_name": "mixed", "positive_ratio": [0.5, 0.25]}})
    data = build_data(config, gpu=False)
    assert data.foreground.positive.index[~data.foreground.positive].tolist() == [EMPTY]
    assert data.weights[EMPTY] == pytest.approx(1 - (0.5 + 0.375) / 2)  # the mean share of two epochs
    sampler = data.loaders["train"].sampler
    ids = [item.id for item in data.splits.by_name["train"].items]
    empties = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        empties.append(sum(ids[draw.index] == EMPTY for draw in sampler))
    assert empties == [5, 7]  # 12 - (⌊12 · .5⌋ + 1), 12 - (⌊12 · .375⌋ + 1)


def test_foreground_only_trains_without_empty_images_and_validates_with_them(tiny_config):
    data = build_data(updated(tiny_config, {"sampling.kind": "foreground_only", "engine.batch_size": 1}), gpu=False)
    shown = [image for batch in data.loaders["train"] for image in batch["id"]]
    assert sorted(shown) == sorted(item.id for item in data.splits.by_name["train"].items if item.id != EMPTY)
    assert "img11" in [item.id for item in data.splits.by_name["val"].items]
    assert build_data(tiny_config, gpu=False).foreground is None


def test_an_epoch_of_under_must_fill_a_batch(tiny_config):
    with pytest.raises(DataError, match="must fill at least one batch, but it shows 2 images and engine.batch_size is"):
        build_data(updated(tiny_config, {"sampling.kind": "under"}), gpu=False)


def test_a_training_part_without_empty_images_cannot_be_drawn_by_foreground(tiny_config, damaged_voc):
    listed = damaged_voc / "ImageSets" / "Segmentation" / "train.txt"
    listed.write_text(listed.read_text().replace("img07\n", "").replace("img11\n", ""))
    config = updated(tiny_config, {"data.root": str(damaged_voc), "sampling.kind": "under"})
    with pytest.raises(DataError, match="sampling.kind=under .* needs both, but the training part has no empty image"):
        build_data(config, gpu=False)


@pytest.mark.parametrize(
    ("parameters", "columns"),
    [
        ({}, None),
        ({"sampling": {"_name": "inverse_log", "by": "cluster"}}, ["block", "dot", "stripe"]),
        ({"data.split": "proportion_cluster"}, ["block", "dot", "stripe"]),
    ],
)
def test_there_are_clusters_if_split_or_sampling_uses_them(tiny_config, parameters, columns):
    centroids = build_data(updated(tiny_config, parameters), gpu=False).centroids
    assert (None if centroids is None else sorted(set(centroids.columns) - {"ground"})) == columns


def test_every_training_sample_has_its_paste_outcome(tiny_config):
    config = updated(tiny_config, {"paste": {"_name": "copy_paste", "probability": 1.0}, "crop.size": [64, 64]})
    data = build_data(config, gpu=False)
    assert data.paste.donors.index.tolist() == ["stripe", "dot"]  # in fewer images than the average class
    outcomes = torch.cat([batch["paste"] for batch in data.loaders["train"]])
    assert (outcomes == PasteOutcome.PASTED).float().mean() > 0.5
    assert "paste" not in next(iter(data.loaders["val"]))


def test_the_module_has_a_channel_per_class(data, tiny_config):
    module = build_module(tiny_config, data.labels)
    batch = next(iter(data.loaders["val"]))
    assert module.eval()(batch["image"]).mask.shape == (6, 4, 64, 96)


def test_the_presence_of_classes_is_derived_only_for_a_network_that_tells_it(data, tiny_config):
    mask = next(iter(data.loaders["val"]))["mask"]
    plain, classifier = (
        build_module(updated(tiny_config, {"model.architecture": name, "model.options": {}} | scores), data.labels)
        for name, scores in (
            ("unet", {}),
            ("classifier", {"loss.name": "presence_bce", "evaluate.objective": "mean_presence_recall"}),
        )
    )
    assert plain.target_of(mask).presence is None
    expected = torch.stack([(mask == number).flatten(1).any(1) for number in (1, 2, 3)], dim=1)
    assert torch.equal(classifier.target_of(mask).presence.bool(), expected)
    assert classifier.eval()(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).presence.shape == (2, 3)


@pytest.mark.parametrize(
    "loss", [{"_name": "focal", "gamma": 3.0}, {"_name": "dice"}, {"_name": "ce", "label_smoothing": 0.1}]
)
def test_the_loss_is_the_configured_one(data, tiny_config, loss):
    module = build_module(updated(tiny_config, {"loss": loss}), data.labels)
    assert (module.loss.name, module.loss.ignore_index) == (loss["_name"], 255)


def devices(config, **more):
    return updated(config, {"engine.devices": 2, "evaluate.batch_size": 2} | more)


def test_a_device_gets_its_share_of_each_training_batch_and_of_the_evaluated_batches(tiny_config):
    whole, first = build_data(tiny_config, gpu=False), build_data(devices(tiny_config), gpu=False)
    assert [batch["id"] for batch in first.loaders["train"]] == [batch["id"][:2] for batch in whole.loaders["train"]]
    ids = [item.id for item in whole.splits.by_name["val"].items]
    assert [batch["id"] for batch in first.loaders["val"]] == [ids[:2], ids[4:]]


def test_each_device_needs_a_batch_to_evaluate(tiny_config):
    message = "each of 2 devices needs a batch of the part 'val', but its 6 images are 1 batches of 6: use a smaller"
    with pytest.raises(DataError, match=message):
        build_data(devices(tiny_config, **{"evaluate.batch_size": 6}), gpu=False)


class OneLayer(torch.nn.Module):
    """A network that cannot learn: it changes what its own gradient needs, or takes images of another size alone."""

    outputs = ("mask",)

    def __init__(self, overwrites=True):
        super().__init__()
        self.layer, self.overwrites = torch.nn.Conv2d(3, 4, 1), overwrites

    def forward(self, x):
        assert self.overwrites, "Input height (64) doesn't match model (224)."
        return self.layer(x).exp().add_(1)


@pytest.mark.parametrize(
    ("overwrites", "message"), [(True, "modified by an inplace operation"), (False, "doesn't match model")]
)
def test_a_network_that_cannot_learn_is_found_by_the_tried_step(tiny_config, monkeypatch, overwrites, message):
    monkeypatch.setattr(network, "_build_model", lambda config, labels: OneLayer(overwrites))
    with pytest.raises(ConfigError, match=f"cannot take a training step .* {message}"):
        try_step(tiny_config)
