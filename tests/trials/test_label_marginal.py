"""The recipes of the label-marginal losses say what was published."""

import pytest

from rarepix.config import load_recipe

FPN, UNET = "fpn", "unet"
POLY, PLATEAU, COSINE = "poly", "plateau", "cosine"
PUBLISHED = {
    "cityscapes_r50fpn_ce": (FPN, "resnet50", "ce", "sgd", 0.01, POLY, 8, 100, 1),
    "cityscapes_r101fpn_ce": (FPN, "resnet101", "ce", "sgd", 0.01, POLY, 8, 100, 1),
    "cityscapes_r101fpn_ce_l1": (FPN, "resnet101", "ce+l1", "sgd", 0.01, POLY, 8, 100, 1),
    "polyp_unet_ce": (UNET, "resnet50", "ce", "adam", 1e-4, PLATEAU, 16, 50, 10),
    "polyp_unet_our": (UNET, "resnet50", "ce+l1", "adam", 1e-4, PLATEAU, 16, 50, 10),
    "retinal_512_bce": (UNET, "resnet50", "ce", "adam", 1e-4, PLATEAU, 8, 60, 1),
    "retinal_512_bce_l1": (UNET, "resnet50", "ce+l1", "adam", 1e-4, PLATEAU, 8, 60, 1),
    "retinal_512_dice": (UNET, "resnet50", "dice", "adam", 1e-4, PLATEAU, 8, 60, 2),
    "retinal_896_bce": (UNET, "resnet50", "ce", "adam", 1e-4, COSINE, 4, 60, 2),
    "retinal_896_bce_l1": (UNET, "resnet50", "ce+l1", "adam", 1e-4, COSINE, 4, 60, 2),
    "retinal_896_dice": (UNET, "resnet50", "dice", "adam", 1e-4, COSINE, 4, 60, 2),
}
"""Recipe → architecture, encoder, loss, optimiser, learning rate, schedule, batch, epochs, seed."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_was_published(name):
    config = load_recipe(f"label_marginal/{name}")
    model, optim, engine = config.model, config.optim, config.engine
    found = (model.architecture, model.encoder, config.loss.name, optim.name, optim.lr, optim.schedule)
    assert (*found, engine.batch_size, engine.epochs, config.seed) == PUBLISHED[name]
    assert (model.weights, optim.weight_decay, engine.precision) == ("imagenet", 1e-4, "fp32")
    assert config.loss.given() == ({"alpha": 1.0, "temperature": 10.0} if "+" in config.loss.name else {})
    assert (config.data.split, config.data.train_list, config.data.val_list) == ("listed", "train", "val")


def test_the_optimisers_are_set_as_published():
    optim = load_recipe("label_marginal/cityscapes_r101fpn_ce_l1").optim
    assert (optim.momentum, optim.nesterov, optim.min_lr, optim.power) == (0.9, True, 1e-4, 0.9)
    waited = [load_recipe(f"label_marginal/retinal_512_{loss}").optim for loss in ("bce", "bce_l1", "dice")]
    assert [(optim.factor, optim.patience) for optim in waited] == [(0.5, 5), (0.5, 6), (0.5, 6)]


def test_the_images_are_shown_as_published():
    city, polyp, eye, large = (
        load_recipe(f"label_marginal/{name}")
        for name in ("cityscapes_r101fpn_ce_l1", "polyp_unet_our", "retinal_512_dice", "retinal_896_dice")
    )
    assert (city.crop.size, city.augment.whole, city.augment.scale) == ((512, 1024), 0.3, (1.5, 2.5))
    assert (polyp.data.resize, polyp.crop.size) == (640, (512, 512))
    assert polyp.data.resize * polyp.evaluate.scales[0] == 512
    assert (eye.data.resize, large.data.resize) == ((512, 512), (896, 896))
    assert eye.augment == large.augment
    assert (eye.augment.warp, eye.augment.tone, eye.augment.motion, eye.augment.rotate) == (0.3, 0.3, 0.5, 45)
    assert [config.data.given("source") for config in (city, polyp, eye)] == [{}, {}, {"merge": True}]
